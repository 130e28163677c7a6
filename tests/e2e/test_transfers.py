#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""After the pick-up: REFER, INVITE with Replaces, the transfer guard, and what a
supervisor does."""
import queue

from lib import net, ua
from lib.testing import check, equal, main, scenario

OUTSIDE, OUTSIDE_2 = "4930111111", "4930222222"


def parked(s, anchor, peer, slot="701"):
    caller = s.caller()
    call = peer.park(OUTSIDE, caller, to="*68" + slot)
    anchor.wait_slot(slot, "parked")
    caller.play()
    return call, caller


def picked_up(s, anchor, peer, slot="701", to=None):
    phone = s.phone()
    call = peer.call(to or slot, "1002", phone)
    equal(call.status(), 200, "the answer to the pick-up")
    net.wait_for(lambda: anchor.calls()[0]["state"] == "relay", 5, "both talk")
    phone.play()
    return call, phone


class Notified:
    """Takes the NOTIFYs of a call."""

    def __init__(self, call):
        self.bodies = queue.Queue()
        call.on_notify = self.take

    def take(self, dialog, transaction):
        request = transaction.request
        transaction.respond(200)
        self.bodies.put((request.get("subscription-state"), request.body.strip()))

    def wait(self, seconds=5):
        try:
            return self.bodies.get(timeout=seconds)
        except queue.Empty:
            raise net.Failed("no NOTIFY within %g s" % seconds) from None


@scenario
def blind_transfer(s):
    "the retriever's REFER calls the target, which talks to the caller; the retriever is told and released"
    anchor, peer = s.anchor(), s.peer()
    _, caller = parked(s, anchor, peer)
    agent, _ = picked_up(s, anchor, peer)
    number = anchor.calls()[0]["call"]
    told = Notified(agent)
    answer = agent.request("REFER", headers=[("Refer-To", "<sip:1003@pbx.example.com>")])
    equal(answer.status, 202, "the answer to REFER")
    equal(told.wait(), ("active;expires=180", "SIP/2.0 100 Trying"), "the first NOTIFY")
    target = s.phone()
    call = peer.expect_call("1003", media=target)
    check("1002" in call.transaction.request.get("referred-by", ""), "no Referred-By")
    check(OUTSIDE in call.transaction.request.get("p-asserted-identity", ""), "not the caller's name")
    check(not agent.happened("bye"), "the retriever was released before the answer")
    call.accept()
    equal(told.wait(), ("terminated;reason=noresource", "SIP/2.0 200 OK"), "the last NOTIFY")
    agent.wait("bye")
    target.play()
    caller.wait_packets(10, match=ua.from_media(target))
    target.wait_packets(10, match=ua.from_media(caller))
    equal(anchor.calls()[0]["call"], number, "the call's id")


@scenario
def failed_transfer(s):
    "a target that is busy: the retriever is told and talks to the caller again"
    anchor, peer = s.anchor(), s.peer()
    _, caller = parked(s, anchor, peer)
    agent, phone = picked_up(s, anchor, peer)
    told = Notified(agent)
    agent.request("REFER", headers=[("Refer-To", "<sip:1003@pbx.example.com>")])
    told.wait()
    peer.expect_call("1003").reject(486)
    equal(told.wait()[1], "SIP/2.0 486 Busy Here", "the last NOTIFY")
    net.wait_for(lambda: anchor.calls()[0]["state"] == "relay", 5, "both talk again")
    before = caller.count()
    caller.wait_packets(before + 10, match=ua.from_media(phone))
    check(not agent.happened("bye"), "the retriever was hung up on")


@scenario
def park_again(s):
    "a REFER to the park number parks the call again in its slot, with its id"
    anchor, peer = s.anchor(), s.peer()
    _, caller = parked(s, anchor, peer, "703")
    number = anchor.slot(703)["call"]
    agent, _ = picked_up(s, anchor, peer, "703")
    told = Notified(agent)
    equal(agent.request("REFER", headers=[("Refer-To", "<sip:700@%s>" % net.ANCHOR_TRUNK)]).status,
          202, "the answer to REFER")
    told.wait()
    equal(told.wait()[1], "SIP/2.0 200 OK", "the last NOTIFY")
    agent.wait("bye")
    line = anchor.wait_slot(703, "parked")
    equal(line["call"], number, "the call's id")
    check("1002" in line["parker"], "the parker is %s" % line["parker"])
    caller.wait_packets(caller.count() + 10)


@scenario
def killed_in_a_transfer(s):
    "a controller that is killed while a target rings finds retriever and caller talking again"
    anchor, peer = s.anchor(), s.peer()
    _, caller = parked(s, anchor, peer)
    agent, phone = picked_up(s, anchor, peer)
    agent.request("REFER", headers=[("Refer-To", "<sip:1003@pbx.example.com>")])
    peer.expect_call("1003").ring()
    net.wait_for(lambda: anchor.calls()[0]["state"] == "transfer", 5, "the target rings")
    anchor.kill()
    anchor.name = "holdfastd-again"
    anchor.start()
    equal([c["state"] for c in anchor.calls()], ["relay"], "the call list")
    caller.wait_packets(caller.count() + 10, match=ua.from_media(phone))
    agent.bye()
    net.wait_for(lambda: anchor.calls() == [], 5, "the call ends")


def replacing(peer, call, user, media):
    d = call.dialog
    header = "%s;to-tag=%s;from-tag=%s" % (d.call_id, d.remote_tag, d.local_tag)
    return peer.call("1002", user, media, headers=[("Replaces", header)])


@scenario
def attended_transfer(s):
    "an INVITE with Replaces for the retriever's leg puts a colleague in its place"
    anchor, peer = s.anchor(), s.peer()
    _, caller = parked(s, anchor, peer)
    agent, _ = picked_up(s, anchor, peer)
    colleague = s.phone()
    call = replacing(peer, agent, "1003", colleague)
    equal(call.status(), 200, "the answer")
    check(OUTSIDE in call.answer.get("p-asserted-identity", ""), "not the caller's name")
    agent.wait("bye")
    colleague.play()
    caller.wait_packets(10, match=ua.from_media(colleague))
    colleague.wait_packets(10, match=ua.from_media(caller))


@scenario
def guarded(s):
    "an outsider put in the place of one who dialled a slot just now is refused; by identity, both are parked"
    anchor, peer = s.anchor(), s.peer()
    parked(s, anchor, peer)
    agent, phone = picked_up(s, anchor, peer)
    call = replacing(peer, agent, OUTSIDE_2, s.caller())
    equal(call.status(), 486, "the answer to Replaces")
    check(not agent.happened("bye"), "the agent was hung up on")
    answer = agent.request("UPDATE", headers=[
        ("P-Asserted-Identity", "<sip:%s@pbx.example.com>" % OUTSIDE_2)])
    equal(answer.status, 200, "the answer to UPDATE")
    for slot in ("701", "702"):
        net.wait_for(lambda: anchor.slot(slot)["state"] in ("parked", "recalling"), 5,
                     "slot %s is taken" % slot)
    for _ in range(2):
        peer.expect_call("1002").reject(486)
    equal({anchor.slot(n)["caller_number"] for n in (701, 702)}, {OUTSIDE, OUTSIDE_2},
          "who waits")
    phone.wait_packets(phone.count() + 5)


@scenario
def supervisor(s):
    "holdfastctl moves a call, has it picked up, steps in, kicks it and drains"
    anchor, peer = s.anchor(), s.peer()
    call, caller = parked(s, anchor, peer)
    number = str(anchor.slot(701)["call"])
    equal(anchor.ctl("call", "move", number, "704"), {"call": int(number), "did": "moved"}, "move")
    equal(anchor.slot(704)["state"], "parked", "slot 704")
    anchor.ctl("call", "step-in", number, "sip:1003@pbx.example.com")
    phone = s.phone()
    boss = peer.expect_call("1003", media=phone)
    boss.accept()
    boss.wait("ack")
    phone.play()
    caller.wait_packets(10, match=ua.from_media(phone))
    equal(anchor.slot(704)["state"], "claimed", "the slot meanwhile")
    boss.bye()
    anchor.wait_slot(704, "parked")
    anchor.ctl("call", "retrieve", number, "sip:1002@pbx.example.com")
    agent = peer.expect_call("1002", media=s.phone())
    agent.accept()
    net.wait_for(lambda: anchor.calls()[0]["state"] == "relay", 5, "both talk")
    equal(anchor.slot(704)["state"], "free", "the slot")
    anchor.ctl("drain", "on")
    refused = peer.call("700", OUTSIDE_2, s.caller(), referred_by="1001")
    equal(refused.status(), 503, "a new call while draining")
    check(refused.answer.get("retry-after"), "no Retry-After")
    equal(peer.options().status, 503, "OPTIONS while draining")
    anchor.ctl("drain", "off")
    equal(peer.options().status, 200, "OPTIONS afterwards")
    anchor.ctl("call", "kick", number)
    call.wait("bye")
    agent.wait("bye")
    equal(anchor.calls(), [], "the call list")


if __name__ == "__main__":
    raise SystemExit(main())
