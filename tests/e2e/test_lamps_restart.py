#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lamps over a restart of holdfastd: no phone has to subscribe anew."""
import os
import signal
import time

from lib import lamp, net
from lib.lamp import Lamp
from lib.testing import check, equal, main, scenario

OUTSIDE = "49301110%02d"
PHONES = 60


def again(anchor):
    """The next holdfastd; the one before is dead."""
    anchor.name = "holdfastd-again"
    anchor.start()


def rewrite(anchor, before, after):
    """Another word in the configuration."""
    with open(anchor.config_path, encoding="utf-8") as f:
        text = f.read()
    check(before in text, "%r is not in the configuration" % before)
    with open(anchor.config_path, "w", encoding="utf-8") as f:
        f.write(text.replace(before, after))


def version(message):
    return int(lamp.parts_of(message)[0].root.get("version"))


def goes_on(l, seen, what):
    """The first NOTIFY after the restart: the same dialog, and all of the state."""
    first = l.wait_count(seen + 1, 10)
    before = l.notifies[seen - 1]
    for name in ("from", "to", "call-id", "event"):
        equal(first.get(name), before.get(name), "%s of %s" % (name, what))
    check(first.cseq[0] > before.cseq[0], "the CSeq of %s has not risen: %s, %s" % (
        what, before.cseq, first.cseq))
    check("active;expires=" in first.get("subscription-state"), first.get("subscription-state"))
    root = lamp.parts_of(first)[0].root
    if root.get("version"):
        check(version(first) > version(before), "the version of %s has not risen" % what)
        equal(root.get("state", "full"), "full", "state of " + what)
        equal(root.get("fullState", "true"), "true", "fullState of " + what)
    return first


@scenario
def lamps_outlive_a_kill(s):
    "after kill -9 each lamp goes on in its dialog, is told all, refreshed and ended as before"
    anchor, peer = s.anchor(lamps={"lists": [{"name": "team", "entries": ["701-703"]}]}), s.peer()
    gone = peer.park(OUTSIDE % 1, s.caller(), display="Gone Meanwhile")
    peer.park(OUTSIDE % 2, s.caller(), display="Still Here")
    lamps = [Lamp(s.stage, "701", port=5070), Lamp(s.stage, "702", port=5071),
             Lamp(s.stage, "702", "presence", port=5072), Lamp(s.stage, "700", port=5073),
             Lamp(s.stage, "702", "call-info", port=5074),
             Lamp(s.stage, "team", port=5075, headers=(("Supported", "eventlist"),))]
    for l in lamps[:4]:
        net.wait_for(l.state, 5, "the lamp of %s is lit" % l.number)
    for l in lamps[4:]:
        l.wait(lambda m: "Still Here" in m.body)
    net.wait_for(lambda: all(x["state"] == "told" for x in anchor.ctl("subscription", "list")), 5,
                 "every NOTIFY is answered")
    before = {x["subscription"]: (x["watcher"], x["number"], x["kind"], x["event"])
              for x in anchor.ctl("subscription", "list")}
    seen = [len(l.notifies) for l in lamps]
    anchor.kill()
    gone.bye()                          # sent again until somebody answers
    again(anchor)
    first = [goes_on(l, n, "the lamp of %s, %s" % (l.number, l.event))
             for l, n in zip(lamps, seen)]
    check("Still Here" in first[1].body, "who waits: " + first[1].body)
    anchor.wait_slot(701, "free")
    lamps[0].wait_state("")
    equal(lamps[1].state(), "confirmed", "the lamp of a call that went on")
    lamps[3].wait(lambda m: '"702"' in m.body and version(m) >= version(first[3]))
    after = {x["subscription"]: (x["watcher"], x["number"], x["kind"], x["event"])
             for x in anchor.ctl("subscription", "list")}
    equal(after, before, "the subscriptions")
    equal(anchor.ctl("status")["lamps"]["restored"], len(lamps), "restored")
    # Further changes, a refresh and the end.
    peer.park(OUTSIDE % 3, s.caller(), display="Next One")
    lamps[0].wait(lambda m: "Next One" in m.body)
    equal(lamps[1].subscribe().status, 200, "the refresh")
    for l in lamps:
        count = len(l.notifies)
        equal(l.subscribe(expires=0).status, 200, "Expires: 0 for " + l.number)
        l.wait(lambda m: m.get("subscription-state") == "terminated;reason=timeout")
        check(len(l.notifies) > count, "no last NOTIFY")
    net.wait_for(lambda: anchor.ctl("subscription", "list") == [], 5, "no subscription is left")
    for l in lamps:
        equal(l.errors, [], "what xmllint says of the bodies")
    # And those are not taken up a second time.
    anchor.kill()
    anchor.name = "holdfastd-third"
    anchor.start()
    equal(anchor.ctl("subscription", "list"), [], "subscriptions after they had ended")


@scenario
def many_phones_outlive_a_kill(s):
    "sixty SIPp phones keep their lamps over kill -9 and un-subscribe afterwards"
    anchor = s.anchor()
    path = os.path.join(net.ROOT, "tests/e2e/sipp/lamp_restart.xml")
    process = s.stage.spawn(
        s.stage.pbx, "sipp", "sipp", "-sf", path, "-i", net.PBX, "-p", "5090",
        "-m", str(PHONES), "-l", str(PHONES), "-r", "100", "-timeout", "60s", "-timeout_error",
        "-nostdin", "-trace_err", "-error_file", os.path.join(s.folder, "sipp-errors.log"), "%s:5060" % net.ANCHOR_TRUNK, env=dict(os.environ, TERM="dumb"))

    def told():
        if not process.alive():
            raise net.Failed("SIPp ended early:\n" + process.text()[-2000:])
        rows = anchor.ctl("subscription", "list")
        return len(rows) == PHONES and all(r["state"] == "told" for r in rows)
    net.wait_for(told, 20, "every phone has its first NOTIFY")
    anchor.kill()
    again(anchor)
    status = process.wait(60)
    if status:
        raise net.Failed("SIPp ended with %s:\n%s" % (status, process.text()[-3000:]))
    equal(anchor.ctl("status")["lamps"]["restored"], PHONES, "restored")
    equal(anchor.ctl("subscription", "list"), [], "subscriptions left")


@scenario
def killed_twice(s):
    "versions and CSeqs rise over a second kill, and over one right after the SUBSCRIBE"
    anchor = s.anchor()
    l = Lamp(s.stage, "701", port=5070)         # its 200 was the promise
    anchor.kill()
    for turn in ("second", "third"):
        seen = len(l.notifies)
        anchor.name = "holdfastd-" + turn
        anchor.start()
        l.wait_count(seen + 1, 10)
        anchor.kill()
    anchor.name = "holdfastd-last"
    anchor.start()
    seen = len(l.notifies)
    l.subscribe()
    l.wait_count(seen + 1, 10)
    versions, cseqs = [version(m) for m in l.notifies], [m.cseq[0] for m in l.notifies]
    equal(versions, sorted(set(versions)), "the versions")
    equal(cseqs, sorted(set(cseqs)), "the CSeqs")


@scenario
def expired_meanwhile(s):
    "a subscription whose time ends while holdfastd is away is not taken up"
    anchor = s.anchor(lamps={"min_expires_s": 1})
    short, long = Lamp(s.stage, "701", port=5070, expires=1), Lamp(s.stage, "702", port=5071)
    ends = time.monotonic() + 1
    for l in (short, long):
        l.wait_count(1)
    anchor.kill()
    net.wait_for(lambda: time.monotonic() > ends, 5, "its time is over")
    seen = len(short.notifies)
    again(anchor)
    goes_on(long, 1, "the other")
    equal([x["number"] for x in anchor.ctl("subscription", "list")], ["702"], "what is left")
    equal(len(short.notifies), seen, "NOTIFYs to the one that had expired")
    equal(short.subscribe().status, 481, "its refresh")


@scenario
def stopped_and_started(s):
    "SIGTERM makes the lamps of ended calls dark, and the next holdfastd takes them up"
    anchor, peer = s.anchor(), s.peer()
    l = Lamp(s.stage, "701", port=5070)
    peer.park(OUTSIDE % 1, s.caller())
    l.wait_state("confirmed")
    anchor.process.kill(signal.SIGTERM)
    equal(anchor.process.wait(10), 0, "exit status")
    dark = l.wait_state("")
    check("active" in dark.get("subscription-state"), dark.get("subscription-state"))
    seen = len(l.notifies)
    again(anchor)
    goes_on(l, seen, "the lamp")
    equal(l.state(), "", "the lamp")
    equal(l.subscribe().status, 200, "the refresh")
    equal(l.errors, [], "what xmllint says of the bodies")


@scenario
def lamps_left_on_purpose(s):
    "SIGUSR1 leaves lit lamps as they are to the next holdfastd"
    anchor, peer = s.anchor(), s.peer()
    l = Lamp(s.stage, "701", port=5070)
    parked = peer.park(OUTSIDE % 1, s.caller())
    l.wait_state("confirmed")
    anchor.process.kill(signal.SIGUSR1)
    equal(anchor.process.wait(5), 0, "exit status")
    seen = len(l.notifies)
    again(anchor)
    goes_on(l, seen, "the lamp")
    equal(l.state(), "confirmed", "the lamp")
    parked.bye()
    l.wait_state("")


@scenario
def no_longer_served(s):
    "what the new configuration does not serve any more, or not to this phone, is ended aloud"
    anchor = s.anchor()
    kept = Lamp(s.stage, "702", port=5070)
    removed, other = Lamp(s.stage, "701", port=5071), Lamp(s.stage, "702", port=5072, user="1006")
    for l in (kept, removed, other):
        l.wait_count(1)
    anchor.kill()
    rewrite(anchor, '"701-705"', '"702-705"')
    rewrite(anchor, '"701": "Sales"', '"702": "Sales"')
    rewrite(anchor, "  may_park:", '  may_watch: ["1005@pbx.example.com"]\n    may_park:')
    again(anchor)
    goes_on(kept, 1, "the one that is left")
    for l, reason in (removed, "noresource"), (other, "rejected"):
        last = l.wait_count(2, 10)
        equal(last.get("subscription-state"), "terminated;reason=" + reason, "the last word")
        equal((last.body, last.get("content-type")), ("", None), "the body")
    equal([x["watcher"] for x in anchor.ctl("subscription", "list")],
          ["sip:1005@pbx.example.com"], "who is left")


@scenario
def phone_behind_nat(s):
    "a phone whose Contact is not where it sends from is still reached after the restart"
    anchor = s.anchor()
    l = Lamp(s.stage, "701", port=5070, contact="192.168.77.7:5060")
    l.wait_count(1)
    anchor.kill()
    again(anchor)
    equal(goes_on(l, 1, "the lamp").uri, "sip:1005@192.168.77.7:5060;transport=udp", "Request-URI")


if __name__ == "__main__":
    raise SystemExit(main())
