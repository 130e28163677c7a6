#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""holdfastd is killed while it waits for an answer: phones that it rings, and
offers that it has made."""
import re
import time

from lib import net, ua
from lib.testing import check, equal, main, scenario

OUTSIDE = "4930111111"
RECALL = {"ring_s": 30, "attempts": 3, "finally": "repeat"}


def rung(s):
    """(anchor, peer, caller's media, the ring-back) of a phone that rings."""
    anchor = s.anchor(lot__timeout_s=1, lot__recall=RECALL)
    peer, caller = s.peer(), s.caller()
    peer.park(OUTSIDE, caller, parker="1001")
    recall = peer.expect_call("1001", 10, media=s.phone())
    recall.ring()
    anchor.wait_slot(701, "recalling")
    return anchor, peer, caller, recall


def branch(message):
    return re.search(r"branch=([^;,]+)", message.get("via")).group(1)


@scenario
def ringing_is_cancelled(s):
    "a phone that rings over a kill is cancelled, its 487 gets ACK, and it is rung anew at once"
    anchor, peer, caller, recall = rung(s)
    invite = recall.transaction.request
    anchor.kill()
    anchor.again()
    cancel = recall.wait("cancel", 10)
    for name in ("via", "from", "to", "call-id"):
        have, want = cancel.get(name), invite.get(name)
        if name == "via":
            have, want = branch(cancel), branch(invite)
        if name in ("from", "to"):
            have, want = (re.search(r"<[^>]*>.*", v).group(0) for v in (have, want))
        equal(have, want, "%s of the CANCEL" % name)
    equal(cancel.uri, invite.uri, "the Request-URI of the CANCEL")
    equal(cancel.cseq[0], invite.cseq[0], "the number of the CANCEL")

    def acked():
        return [m for _, d, m in peer.sent_and_received("ACK", invite.call_id) if d == "<-"]
    ack = net.wait_for(acked, 5, "the ACK of the 487")[0]
    equal(ack.cseq[0], invite.cseq[0], "the number of the ACK")
    check(branch(ack) == branch(invite), "the branch of the ACK is %s, not %s" % (
        branch(ack), branch(invite)))
    equal(anchor.slot(701)["state"], "parked", "the slot meanwhile")
    caller.wait_packets(5, since=time.time())
    second = peer.expect_call("1001", 10, media=recall.media)
    check(second.dialog.call_id != recall.dialog.call_id, "the same call rings twice")
    second.accept()
    second.wait("ack")
    recall.media.play()
    caller.wait_packets(5, match=ua.from_media(recall.media))
    # It is settled: the next start has nothing to cancel.
    anchor.kill()
    anchor.again()
    check("are cancelled" not in anchor.process.text(), anchor.process.text())


@scenario
def answered_while_nobody_is_there(s):
    "a phone that answers while holdfastd is dead gets ACK and BYE, and the caller waits on"
    anchor, peer, caller, recall = rung(s)
    anchor.kill()
    recall.accept()
    anchor.again()
    recall.wait("ack", 15)
    recall.wait("bye", 15)
    check(anchor.slot(701)["state"] in ("parked", "recalling"), "the slot is %s" %
          anchor.slot(701)["state"])
    caller.wait_packets(10, since=time.time())
    second = peer.expect_call("1001", 10)
    second.reject(486)
    anchor.wait_slot(701, "parked")


@scenario
def session_is_ours_to_refresh(s):
    "a session that the peer leaves to us is refreshed by UPDATE or re-INVITE, also after a kill"
    anchor, peer = s.anchor(), s.peer()
    timer = (("Supported", "timer"), ("Session-Expires", "90;refresher=uas"))
    by_update = peer.park(OUTSIDE, s.caller(), headers=timer)
    peer.endpoint.allow = "INVITE, ACK, BYE, CANCEL, OPTIONS"
    media = s.caller()
    by_offer = peer.park("4930111102", media, headers=timer)
    for call in by_update, by_offer:
        equal(call.answer.get("session-expires"), "90;refresher=uas", "the session agreed on")
    anchor.wait_slot(702, "parked")
    anchor.kill()
    anchor.again()
    for call, method in (by_update, "UPDATE"), (by_offer, "INVITE"):
        refresh = call.wait("reinvite", 60)     # within a quarter of the interval
        equal(refresh.method, method, "the refresh")
        equal(refresh.get("session-expires"), "90;refresher=uac", "what it says")
        same = call.answer.body if method == "INVITE" else ""
        equal(refresh.body, same, "its body")
    for slot in 701, 702:
        equal(anchor.slot(slot)["state"], "parked", "slot %d" % slot)
    media.wait_packets(10, since=time.time())


@scenario
def asked_whether_it_is_there(s):
    "a peer without session timers that has forgotten its call is noticed, also after a kill"
    anchor, peer = s.anchor(sip__alive_s=1), s.peer()
    first = peer.park(OUTSIDE, s.caller())
    second = peer.park("4930111102", s.caller())
    anchor.wait_slot(702, "parked")
    peer.loop.call(first.dialog.end)
    anchor.wait_slot(701, "free", 10)
    anchor.kill()
    anchor.again()
    equal(anchor.slot(702)["state"], "parked", "the slot of who is there")
    peer.loop.call(second.dialog.end)
    anchor.wait_slot(702, "free", 10)


@scenario
def session_is_refreshed(s):
    "a session agreed on before a kill is refreshed after it, by re-INVITE and by UPDATE"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    timer = (("Supported", "timer"), ("Session-Expires", "120;refresher=uac"))
    call = peer.park(OUTSIDE, caller, headers=timer)
    equal(call.answer.get("session-expires"), "120;refresher=uac", "the session agreed on")
    anchor.wait_slot(701, "parked")
    anchor.kill()
    anchor.again()
    for method, body in (("UPDATE", ""), ("INVITE", caller.sdp(version=1))):
        answer = call.request(method, timer, body)
        equal(answer.status, 200, "the answer to %s" % method)
        equal(answer.get("session-expires"), "120;refresher=uac", "the session after " + method)
    equal(anchor.slot(701)["state"], "parked", "the slot")
    caller.wait_packets(10, since=time.time())
    call.bye()
    anchor.wait_slot(701, "free")


if __name__ == "__main__":
    raise SystemExit(main())
