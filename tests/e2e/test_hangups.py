#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""CANCEL and BYE at every point of a call; nothing may be left behind."""
from lib import net, ua
from lib.testing import check, equal, main, scenario

OUTSIDE = "4930111111"


def nothing_left(anchor):
    """No call, no taken slot, no open leg."""
    net.wait_for(lambda: anchor.calls() == [], 5, "the call list is empty")
    equal({l["state"] for l in anchor.slots().values()}, {"free"}, "the slots")
    equal(anchor.ctl("status")["legs_open"], 0, "legs in use")


@scenario
def caller_hangs_up_parked(s):
    "a caller who hangs up while parked frees the slot and gets no more packets"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    call = peer.park(OUTSIDE, caller)
    caller.wait_packets(5)
    trace = s.trace()
    call.bye()
    anchor.wait_slot(701, "free")
    nothing_left(anchor)
    trace.stop()
    bye = next(t for t, src, dst, line, _ in trace.sip() if line.startswith("SIP/2.0 200"))
    late = [p for p in trace.rtp(dst=net.CALLER) if p.time > bye + 0.02]
    equal(len(late), 0, "packets after the 200 to the BYE")


@scenario
def cancel_at_once(s):
    "an INVITE that is cancelled in the same breath leaves nothing"
    anchor, peer = s.anchor(), s.peer()
    for to, who, by in (("700", OUTSIDE, "1001"), ("700", "1002", None)):
        call = peer.call(to, who, s.caller(), referred_by=by, ack=False)
        call.cancel()
        if call.status() == 200:    # the answer was faster
            call.ack()
            call.bye()
        else:
            equal(call.status(), 487, "the answer")
        nothing_left(anchor)


@scenario
def bye_right_after_the_ack(s):
    "a BYE right behind the ACK leaves nothing"
    anchor, peer = s.anchor(), s.peer()
    for _ in range(5):
        peer.park(OUTSIDE, s.caller()).bye()
        nothing_left(anchor)


@scenario
def retriever_cancels(s):
    "a retriever who cancels, or hangs up before the ACK counts, leaves the caller parked"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")
    call = peer.call("701", "1002", s.phone(), ack=False)
    call.cancel()
    if call.status() == 200:
        call.peer.loop.call(call.dialog.bye)    # no ACK at all
    anchor.wait_slot(701, "parked")
    caller.wait_packets(caller.count() + 20)
    check(not any(l["state"] == "relay" for l in anchor.calls()), "a call is relayed")


@scenario
def caller_leaves_a_claimed_call(s):
    "a caller who hangs up while being picked up ends the retriever's call too"
    anchor, peer = s.anchor(), s.peer()
    parked = peer.park(OUTSIDE, s.caller())
    anchor.wait_slot(701, "parked")
    call = peer.call("701", "1002", s.phone(), ack=False)
    equal(call.status(), 200, "the answer")
    parked.bye()
    call.ack()
    call.wait("bye", 5)
    nothing_left(anchor)


@scenario
def either_side_ends_a_relayed_call(s):
    "either side of a picked-up call may hang up and the other is released"
    anchor, peer = s.anchor(), s.peer()
    for who in "caller", "retriever":
        parked = peer.park(OUTSIDE, s.caller())
        anchor.wait_slot(701, "parked")
        call = peer.call("701", "1002", s.phone())
        equal(call.status(), 200, "the answer")
        net.wait_for(lambda: any(c["state"] == "relay" for c in anchor.calls()), 3, "relay")
        (parked if who == "caller" else call).bye()
        (call if who == "caller" else parked).wait("bye")
        nothing_left(anchor)


@scenario
def caller_leaves_while_it_rings_back(s):
    "a caller who hangs up while the parker is rung stops the ringing"
    anchor, peer = s.anchor(lot__timeout_s=1), s.peer()
    parked = peer.park(OUTSIDE, s.caller())
    recall = peer.expect_call("1001", 4)
    recall.ring()
    anchor.wait_slot(701, "recalling")
    parked.bye()
    recall.wait("cancel")
    nothing_left(anchor)


@scenario
def answer_crosses_the_cancel(s):
    "a ring-back answered just when its caller hangs up is acknowledged and ended"
    anchor, peer = s.anchor(lot__timeout_s=1), s.peer()
    parked = peer.park(OUTSIDE, s.caller())
    recall = peer.expect_call("1001", 4, media=s.phone())

    def both():
        parked.dialog.bye()
        recall.transaction.respond(200, body=recall.media.sdp())
    peer.loop.call(both)
    recall.wait("ack")
    recall.wait("bye")
    nothing_left(anchor)


@scenario
def a_full_queue_costs_no_call(s):
    "an answer for which the network's queue is full for a moment is sent again, and no call is lost"
    anchor, peer = s.anchor(), s.peer()
    equal(peer.options().status, 200, "a ping, so that the way is known")
    tc = ("tc", "qdisc")
    media = s.caller()
    s.stage.anchor.run(*tc, "replace", "dev", "trunk0", "root", "pfifo", "limit", "0")
    call = peer.call("700", OUTSIDE, media, referred_by="1001")
    net.wait_for(lambda: anchor.calls() != [], 5, "the call is there")
    net.wait_for(lambda: "dropped 0," not in s.stage.anchor.run(
        "tc", "-s", "qdisc", "show", "dev", "trunk0"), 5, "an answer is thrown away")
    s.stage.anchor.run(*tc, "del", "dev", "trunk0", "root")
    equal(call.status(), 200, "the answer")
    anchor.wait_slot(701, "parked")
    media.wait_packets(5)
    call.bye()
    nothing_left(anchor)


@scenario
def unacknowledged_park_ends(s):
    "an answer that is never acknowledged is repeated, then ended with BYE after 32 s"
    anchor, peer = s.anchor(), s.peer()
    call = peer.call("700", OUTSIDE, s.caller(), referred_by="1001", ack=False)
    equal(call.status(), 200, "the answer")
    call.wait("bye", 36)
    answers = [m for _, way, m in peer.messages if way == "<-" and m.status == 200 and
               m.cseq[1] == "INVITE"]
    check(len(answers) >= 8, "the 200 came %d times" % len(answers))
    nothing_left(anchor)


if __name__ == "__main__":
    raise SystemExit(main())
