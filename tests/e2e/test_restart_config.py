#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What was changed at run time, and files that were changed while nobody ran."""
import copy
import time

from lib import anchor as anchors
from lib import ua
from lib.net import wait_for
from lib.testing import check, equal, main, scenario

OUTSIDE = "49301120%02d"


def again(anchor):
    """The next holdfastd, with a log of its own; the one before is dead."""
    anchor.name += "-again"
    anchor.start()


def killed(anchor):
    anchor.kill()
    again(anchor)


def status_of(peer, number, user, media, **more):
    return peer.call(number, user, media, **more).status()


def two_lots(**more):
    base = anchors.config()
    second = dict(copy.deepcopy(base["lots"][0]), name="second", park="800", slots="801-803",
                  park_prefix="*78", pickup_prefix="*98", labels={"801": "Second"}, **more)
    return base, dict(base, lots=base["lots"] + [second])


@scenario
def drained_over_a_kill(s):
    "drained: after kill -9 and a restart new calls are still refused, until drain off, which is kept too"
    anchor, peer = s.anchor(), s.peer()
    peer.park(OUTSIDE % 1, s.caller(), parker="1001")
    anchor.wait_slot(701, "parked")
    anchor.ctl("drain", "on")
    killed(anchor)
    equal(status_of(peer, "700", OUTSIDE % 2, s.caller(), referred_by="1001"), 503, "a new call")
    equal(anchor.slot(701)["state"], "parked", "the call of before")
    check("new calls are refused, as before the restart" in anchor.process.text(), "nobody says so")
    anchor.ctl("drain", "off")
    killed(anchor)
    peer.park(OUTSIDE % 3, s.caller(), parker="1001")
    anchor.wait_slot(702, "parked")


@scenario
def a_lot_that_is_gone_at_a_start_drains(s):
    "a lot that the file has lost while nobody ran: its caller waits under his number, rings back by its times, then it is gone"
    base, both = two_lots(timeout_s=6, recall={"ring_s": 20, "attempts": 1, "finally": "repeat"})
    anchor, peer = s.anchor(lots=both["lots"]), s.peer()
    first, second = s.caller(), s.caller()
    peer.park(OUTSIDE % 1, first, parker="1001", to="800")
    peer.park(OUTSIDE % 2, second, parker="1002", to="800")
    anchor.wait_slot(802, "parked")
    before = anchor.slot(801)
    anchor.kill()
    anchor.rewrite(base)
    again(anchor)
    begun = time.time()
    now = anchor.slots()
    equal({n: v["call"] for n, v in now.items() if v["call"]},
          {"801": before["call"], "802": now["802"]["call"]}, "slots that are taken")
    check("lot second is not in" in anchor.process.text(), "nobody says so")
    check(status_of(peer, "800", OUTSIDE % 3, s.caller(), referred_by="1001") >= 400,
          "a call was parked in the lot that is gone")
    first.wait_packets(20, since=begun)
    # Once more, with nothing written but what the first start has found.
    killed(anchor)
    equal(anchor.slot(801)["call"], before["call"], "the call after one more restart")
    phone = s.phone()
    recall = peer.expect_call("1001", 20, media=phone)
    recall.accept()
    recall.wait("ack")
    phone.play()
    first.wait_packets(5, match=ua.from_media(phone))
    equal(status_of(peer, "802", "1003", s.phone()), 200, "the pick-up")
    for c in anchor.calls():
        anchor.ctl("call", "kick", str(c["call"]))
    wait_for(lambda: "801" not in anchor.slots() and "802" not in anchor.slots(), 10,
             "the lot is gone")
    equal(len(anchor.ctl("status")["lots"]), 1, "lots")


@scenario
def a_lot_has_another_name_at_a_start(s):
    "a lot that has another name after a restart: its callers wait in it under their numbers"
    base = anchors.config()
    anchor, peer = s.anchor(), s.peer()
    peer.park(OUTSIDE % 1, s.caller(), parker="1001")
    before = anchor.wait_slot(701, "parked")
    anchor.kill()
    base["lots"][0]["name"] = "reception"
    anchor.rewrite(base)
    again(anchor)
    equal(anchor.slot(701)["call"], before["call"], "the call in its slot")
    equal(anchor.slot(701)["lot"], "reception", "its lot")
    peer.park(OUTSIDE % 2, s.caller(), parker="1001")
    anchor.wait_slot(702, "parked")
    equal(status_of(peer, "701", "1002", s.phone()), 200, "the pick-up")


@scenario
def a_slot_that_is_gone_at_a_start_stays(s):
    "a slot that a lot has lost while nobody ran stays until its caller has left it"
    anchor, peer = s.anchor(), s.peer()
    peer.park(OUTSIDE % 1, s.caller(), parker="1001")
    before = anchor.wait_slot(701, "parked")
    anchor.kill()
    anchor.rewrite(anchors.config(lot__slots="702-705", lot__labels={}))
    again(anchor)
    equal(anchor.slot(701)["call"], before["call"], "the call in its slot")
    equal(status_of(peer, "701", "1002", s.phone()), 200, "the pick-up")
    for c in anchor.calls():
        anchor.ctl("call", "kick", str(c["call"]))
    wait_for(lambda: sorted(anchor.slots()) == ["702", "703", "704", "705"], 10, "the slot is gone")


if __name__ == "__main__":
    main()
