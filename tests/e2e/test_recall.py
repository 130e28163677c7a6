#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The park timer, the ring-back to the parker, the fallbacks, the end."""
from lib import net, sip, ua
from lib.hearing import prompts
from lib.testing import check, equal, main, scenario

OUTSIDE = "4930111111"
RECALL = {"ring_s": 2, "attempts": 2, "fallback": ["sip:1009@pbx.example.com"],
          "finally": "repeat"}


@scenario
def rings_back_and_talks(s):
    "a call that nobody fetches rings the parker, with music until the answer"
    anchor, peer = s.anchor(lot__timeout_s=1, lot__recall=RECALL), s.peer()
    caller, phone = s.caller(), s.phone()
    peer.park(OUTSIDE, caller, parker="1001", display="Carla Caller")
    recall = peer.expect_call("1001", 4, media=phone)
    request = recall.transaction.request
    check("701" in request.get("from") and OUTSIDE in "%s %s" % (
        request.get("from"), request.get("p-asserted-identity")),
        "the ring-back does not say slot and caller: " + request.get("from"))
    recall.ring()
    anchor.wait_slot(701, "recalling")
    before = caller.count()
    caller.wait_packets(before + 10)
    recall.accept()
    recall.wait("ack")
    phone.play()
    caller.play()
    caller.wait_packets(5, match=ua.from_media(phone))
    phone.wait_packets(5, match=ua.from_media(caller))
    anchor.wait_slot(701, "free")


@scenario
def parker_then_fallback(s):
    "a busy parker is rung as often as configured, then the fallback, which may answer"
    anchor, peer = s.anchor(lot__timeout_s=1, lot__recall=RECALL), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE, caller, parker="1001")
    for attempt in (1, 2):
        recall = peer.expect_call("1001", 6)
        recall.reject(486)
        anchor.wait_slot(701, "parked")
    recall = peer.expect_call("1009", 6, media=s.phone())
    recall.accept()
    recall.wait("ack")
    recall.media.play()
    caller.wait_packets(5, match=ua.from_media(recall.media))


@scenario
def ring_time_is_over(s):
    "a parker who does not answer in the ring time is cancelled and the caller waits on"
    anchor, peer = s.anchor(lot__timeout_s=1, lot__recall=dict(RECALL, ring_s=1)), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE, caller, parker="1001")
    recall = peer.expect_call("1001", 4)
    recall.ring()
    recall.wait("cancel", 4)
    anchor.wait_slot(701, "parked")
    caller.wait_packets(caller.count() + 10)


@scenario
def fetched_while_it_rings(s):
    "a call picked up while it rings back stops the ringing as completed elsewhere"
    anchor, peer = s.anchor(lot__timeout_s=1, lot__recall=RECALL), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE, caller, parker="1001")
    recall = peer.expect_call("1001", 4)
    recall.ring()
    anchor.wait_slot(701, "recalling")
    call = peer.call("701", "1002", s.phone())
    equal(call.status(), 200, "the answer to the pick-up")
    cancel = recall.wait("cancel")
    check("completed elsewhere" in cancel.get("reason", ""), "Reason is %r" % cancel.get("reason"))
    call.media.play()
    caller.wait_packets(5, match=ua.from_media(call.media))


@scenario
def finally_hang_up(s):
    "finally: hang_up ends a call that the whole chain has not answered"
    anchor, peer = s.anchor(lot__timeout_s=1, lot__recall={
        "ring_s": 2, "attempts": 1, "finally": "hang_up"}), s.peer()
    parked = peer.park(OUTSIDE, s.caller(), parker="1001")
    peer.expect_call("1001", 4).reject(480)
    parked.wait("bye", 6)
    anchor.wait_slot(701, "free")


@scenario
def finally_repeat(s):
    "finally: repeat begins again with the parker"
    _, peer = s.anchor(lot__timeout_s=1, lot__recall={
        "ring_s": 2, "attempts": 1, "fallback": ["sip:1009@pbx.example.com"],
        "finally": "repeat"}), s.peer()
    parked = peer.park(OUTSIDE, s.caller(), parker="1001")
    for user in ("1001", "1009", "1001"):
        peer.expect_call(user, 6).reject(480)
    check(not parked.happened("bye"), "the caller was hung up on")


@scenario
def own_recall_is_a_loop(s):
    "a ring-back that comes back to us is refused with 482 and the caller stays"
    anchor, peer = s.anchor(lot__timeout_s=1, lot__recall=RECALL), s.peer()
    peer.park(OUTSIDE, s.caller(), parker="1001")
    recall = peer.expect_call("1001", 4)
    marker = [h for h in recall.transaction.request.headers
              if h[0].lower() == "x-holdfast-recall"]
    check(marker, "the ring-back carries no marker")
    back = peer.call("700", OUTSIDE, s.caller(), referred_by="1001", headers=tuple(marker))
    equal(back.status(), 482, "the answer")
    equal(anchor.slot(701)["state"], "recalling", "the slot")
    equal(anchor.slot(702)["state"], "free", "the next slot")


@scenario
def longest_wait(s):
    "nobody waits longer than max_wait_s"
    anchor, peer = s.anchor(lot__timeout_s=0, lot__max_wait_s=10), s.peer()
    parked = peer.park(OUTSIDE, s.caller(), parker="1001")
    bye = parked.wait("bye", 13)
    check(bye is not None, "no BYE")
    anchor.wait_slot(701, "free")
    net.wait_for(lambda: anchor.calls() == [], 3, "the call list is empty")
    check(sip.user_of(bye.uri) != "", "the BYE has no target")


@scenario
def confirmed(s):
    "recall.confirm: a box that answers is asked for a key and does not get the caller, who presses 1 does, also over kill -9"
    anchor = s.anchor(lot__timeout_s=1, lot__recall=dict(RECALL, confirm="dtmf", confirm_s=3),
                      lot__voice={"language": "en"}, audio__prompts=prompts())
    peer, caller = s.peer(), s.caller()
    peer.park(OUTSIDE, caller, parker="1001")
    box = peer.expect_call("1001", 4, media=s.phone())
    box.accept()
    box.wait("ack")
    box.media.play()
    box.media.wait_packets(40)      # "Press one to be put through"
    anchor.wait_slot(701, "recalling")
    box.wait("bye", 8)
    anchor.wait_slot(701, "parked")
    asked = peer.expect_call("1001", 6, media=s.phone())
    asked.accept()
    asked.wait("ack")
    asked.media.wait_packets(5)
    anchor.kill()
    anchor.again()
    asked.wait("bye", 8)
    again = peer.expect_call(None, 8, media=s.phone())
    again.accept()
    again.wait("ack")
    again.media.wait_packets(5)
    again.media.press("1", 10)
    anchor.wait_slot(701, "free")
    again.media.play()
    caller.wait_packets(5, match=ua.from_media(again.media))


if __name__ == "__main__":
    raise SystemExit(main())
