#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is remembered of calls: holdfastctl history and stats."""
import csv
import io
import os
import subprocess

from lib import anchor as anchors
from lib import net, web
from lib.net import wait_for
from lib.testing import check, equal, main, scenario
from lib.web import Web

OUTSIDE = "49301110%02d"


def record(anchor, call, condition, what):
    """What the history says of a call, once it says so; it is written a little
    later than things happen."""
    def there():
        rows = [r for r in anchor.ctl("history", "list") if r["call"] == call]
        return rows[0] if rows and condition(rows[0]) else None
    return wait_for(there, 5, what)


def over(anchor, call):
    return record(anchor, call, lambda r: r["ended_ms"] is not None, "the call is over in the history")


def pick_up(s, anchor, peer, slot, user, caller):
    phone = s.phone()
    call = peer.call(slot, user, phone)
    equal(call.status(), 200, "the pick-up")
    anchor.wait_slot(slot, "free")
    return call


@scenario
def one_row_a_call(s):
    "a call's history says who parked it, where, for how long, and who picked it up from where"
    anchor, peer = s.anchor(), s.peer()
    first = peer.park(OUTSIDE % 1, s.caller(), parker="1001")
    second = peer.park(OUTSIDE % 2, s.caller(), parker="1003")
    ids = [anchor.wait_slot(slot, "parked")["call"] for slot in (701, 702)]
    picked = pick_up(s, anchor, peer, "701", "1002", first)
    picked.bye()
    second.bye()
    one, two = (over(anchor, i) for i in ids)
    equal((one["caller_number"], one["lot"], one["slot"], one["parks"], one["resolution"]),
          (OUTSIDE % 1, "main", "701", 1, "retrieved"), "the call that was picked up")
    wait = one["waits"][0]
    check("1001" in wait["parker"] and "1002" in wait["retriever"], "parker and retriever in %r" % wait)
    equal(two["resolution"], "abandoned", "the call that hung up")
    whole = anchor.ctl("history", "show", str(ids[0]))
    acts = [(a["act"], a["origin"], a["result"]) for a in reversed(whole["acts"])]
    equal(acts, [("park", net.PBX, "ok"), ("retrieve", net.PBX, "ok")], "what was done to it")
    check("1002" in whole["acts"][0]["who"], "who picked up in %r" % whole["acts"][0])

    def found(*filters):
        return [r["call"] for r in anchor.ctl("history", "list", *filters)]
    equal(found("--parker", "1003"), [ids[1]], "calls that 1003 parked")
    equal(found("--resolution", "retrieved", "--since", "1h"), [ids[0]], "calls picked up")
    equal(found("--slot", "703"), [], "calls in 703")
    equal(found("--limit", "1"), [ids[1]], "the newest call")
    equal(found("--until", "1h"), [], "calls of before")
    rows = list(csv.DictReader(io.StringIO(anchor.ctl("history", "--csv", json_=False))))
    equal([(r["call"], r["slot"], r["resolution"]) for r in rows],
          [(str(ids[1]), "702", "abandoned"), (str(ids[0]), "701", "retrieved")], "the CSV")
    lot = anchor.ctl("stats", "lots")[0]
    equal((lot["lot"], lot["parks"], lot["retrieved"], lot["abandoned"]), ("main", 2, 1, 1), "stats")
    equal(sum(h["parks"] for h in anchor.ctl("stats", "hours", "--lot", "main")), 2, "parks by hour")
    for words in (["history"], ["history", "show", str(ids[0])], ["history", "audit"], ["stats", "hours"]):
        text = anchor.ctl(*words, json_=False)
        check(text.strip() and "\x1b" not in text, "%s says %r" % (words, text))
    check("1002@pbx.example.com" in anchor.ctl("history", json_=False), "the retriever is not in the table")


@scenario
def over_a_kill(s):
    "a wait that began before a kill and ended after it is one row"
    anchor, peer = s.anchor(), s.peer()
    calls = [peer.park(OUTSIDE % i, s.caller(), parker="1001") for i in (1, 2)]
    ids = [anchor.wait_slot(slot, "parked")["call"] for slot in (701, 702)]
    anchor.kill()
    anchor.name = "holdfastd-again"
    anchor.start()
    anchor.wait_slot(701, "parked")
    picked = pick_up(s, anchor, peer, "701", "1002", calls[0])
    picked.bye()
    calls[1].bye()
    for call, end in zip(ids, ("retrieved", "abandoned")):
        row = over(anchor, call)
        equal((row["parks"], row["resolution"]), (1, end), "call %d" % call)
        check("1001" in row["waits"][0]["parker"], "the parker in %r" % row)


@scenario
def audit(s):
    "every act of a supervisor is recorded with who did it, from where and how it ended"
    anchor, peer = s.anchor(http=web.CONFIG), s.peer()
    w = Web(s.stage)
    peer.park(OUTSIDE % 1, s.caller(), parker="1001")
    peer.park(OUTSIDE % 2, s.caller(), parker="1001")
    ids = [anchor.wait_slot(slot, "parked")["call"] for slot in (701, 702)]
    anchor.ctl("call", "move", str(ids[0]), "705")
    anchor.ctl("call", "kick", "999", check=False)
    equal(w.ask("/api/v1/calls/%d/kick" % ids[1], role="act", method="POST",
                body={}).status, 200, "the kick")
    nobody = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
         os.path.join(anchors.programs(), "holdfastctl"), "-s", anchor.socket, "drain", "on"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    check(nobody.returncode != 0, "nobody drains")

    def acts():
        found = [a for a in anchor.ctl("history", "audit") if a["way"] != "sip"]
        return found if len(found) >= 3 else None
    told = [(a["way"], a["who"], a["uid"], a["act"], a["call"], a["result"], a["detail"])
            for a in reversed(wait_for(acts, 5, "three acts in the record"))]
    equal(told[0], ("socket", "root", 0, "call move", ids[0], "ok", "705"), "the move")
    equal(told[1][3:6], ("call kick", 999, "not_found"), "the kick of a call that is not there")
    equal(told[2][:1] + told[2][2:6], ("http", None, "call kick", ids[1], "ok"), "the kick over HTTP")
    check(told[2][1] in [u["name"] for u in web.CONFIG["users"]], "the HTTP user in %r" % (told[2],))
    check(all(a["origin"].startswith("pid ") for a in acts() if a["way"] == "socket"), "no process")
    equal(anchor.ctl("history", "show", str(ids[1]))["resolution"], "kicked", "how the call ended")


@scenario
def none_kept(s):
    "with keep_days 0 there is no history, and everything else works"
    anchor, peer = s.anchor(history={"keep_days": 0}), s.peer()
    peer.park(OUTSIDE % 1, s.caller())
    anchor.wait_slot(701, "parked")
    check(not os.path.exists(os.path.join(s.folder, "state", "history.db")), "there is a file")
    equal(anchor.ctl("status")["history"], None, "the status")
    answer = anchor.ctl("history", check=False)
    equal(answer["error"]["code"], "failed", "the answer")
    check("keep_days" in answer["error"]["message"], "the sentence %r" % answer)


if __name__ == "__main__":
    main()
