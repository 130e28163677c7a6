#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Alerts by a call: a phone rings and is told in words. What it hears is compared
with what the speech engine makes of the text."""
from lib import net
from lib.hearing import ANCHORS, places, spoken, stream_to, timeline
from lib.net import wait_for
from lib.receiver import Receiver
from lib.testing import check, equal, main, scenario
from lib.ua import DOMAIN

OUTSIDE = "4930111111"
PORT = 8081
BOSS = "1009"
HOOK = {"name": "boss", "url": "http://%s:%d/" % (net.PBX, PORT), "cleartext": True,
        "events": ["alert", "alert_cleared", "alert_unheard"]}
WAITED = "Attention. Lot main, slot 7 0 %d. The caller has waited for %d s."


def start(s, codecs=("PCMA",), **alerts):
    alerts.setdefault("waiting_s", 1)
    return s.anchor(webhooks=[HOOK], audio__codecs=list(codecs), lot__labels={},
                    lot__recall={"ring_s": 4, "attempts": 1, "finally": "repeat"},
                    lot__alerts=dict(alerts, call=["sip:%s@%s" % (BOSS, DOMAIN)]))


def phone_known(s, pt=8):
    """A phone that the anchor's kernel has seen: nothing waits for ARP."""
    phone = s.phone(pt=pt)
    phone.sock.sendto(b"here", (net.ANCHOR_OFFICE, 9))
    return phone


def ringing(peer, phone, seconds=15):
    call = peer.expect_call(BOSS, seconds, phone)
    call.ring()
    return call


def heard(trace, phone, pt=8):
    packets = [p for p in trace.rtp(dst=phone.address) if p.src[0] in ANCHORS]
    return timeline(pt, stream_to(packets, phone))


def times_said(sound, text, anchor, voice="en"):
    return places(spoken(anchor.folder, text, voice), sound, 0.9)


def no_more_calls(peer, seconds=7):
    """Longer than it takes to call again."""
    try:
        call = peer.expect_call(None, seconds)
    except net.Failed:
        return
    raise net.Failed("it rings again: " + call.transaction.request.first_line())


@scenario
def told_in_words(s):
    "who is to be told of a long wait is called, hears the text twice, and is hung up on; nobody is called again"
    peer, trace = s.peer(), s.trace()
    anchor = start(s)
    peer.park(OUTSIDE, s.caller())
    phone = phone_known(s)
    call = ringing(peer, phone)
    request = call.transaction.request
    check('"Alert: main" <sip:700@park.example.com>' in request.get("from"), request.get("from"))
    call.accept(phone.sdp(codecs=(8,)))
    call.wait("bye", 30)
    at = times_said(heard(trace, phone), WAITED % (1, 1), anchor)
    equal(len(at), 2, "times that the text is heard (at %s)" % at)
    check(at[0] > 0.3, "the text begins %.2f s after the hand takes the phone" % at[0])
    equal(anchor.slot("701")["state"], "parked", "the slot")
    no_more_calls(peer)


@scenario
def own_words_and_voice(s):
    "the lot's own text is said in its own voice, in Opus too, and without the name of who wants privacy"
    peer, trace = s.peer(), s.trace()
    anchor = start(s, codecs=("opus", "PCMA"), text="{caller} wartet auf {slot}.", voice="de")
    peer.park(OUTSIDE, s.caller(), display="Carla", headers=(("Privacy", "id"),))
    phone = phone_known(s, pt=111)
    call = ringing(peer, phone)
    call.accept(phone.sdp(codecs=(111,)))
    call.wait("bye", 30)
    at = times_said(heard(trace, phone, 111), "a caller wartet auf 7 0 1.", anchor, "de")
    equal(len(at), 2, "times that the text is heard (at %s)" % at)


@scenario
def two_waits(s):
    "two callers who wait too long are told of in order; the second is told while it still waits"
    peer, trace = s.peer(), s.trace()
    anchor = start(s, waiting_s=2)
    for i in range(2):
        peer.park(OUTSIDE + str(i), s.caller())
    sounds = []
    want = [WAITED % (1, 2), WAITED % (2, 2)]
    while sum(len(times_said(x, w, anchor)) for x in sounds for w in want) < 4:
        phone = phone_known(s)
        call = ringing(peer, phone)
        check(peer.incoming.empty(), "two calls at once")
        call.accept(phone.sdp(codecs=(8,)))
        call.wait("bye", 60)
        sounds.append(heard(trace, phone))
    order = [w for x in sounds for _, w in sorted((at, w) for w in want for at in times_said(x, w, anchor))]
    equal(order[0], want[0], "the first text")
    equal(sorted(order), sorted(want * 2), "all that was said")
    no_more_calls(peer)


@scenario
def nobody_answers(s):
    "a phone that does not answer is called once more, and then an event tells that nobody heard it"
    receiver, peer = Receiver(s.stage, PORT), s.peer()
    anchor = start(s)
    peer.park(OUTSIDE, s.caller())
    call = ringing(peer, phone_known(s))
    call.wait("cancel", 15)                                 # ring_s
    ringing(peer, phone_known(s)).reject(486)
    receiver.arrive("alert_unheard", 1, 15)
    unheard = [r.json() for r in receiver.once() if r.event == "alert_unheard"][0]
    equal((unheard["lot"], unheard["slot"], unheard["rule"]), ("main", "701", "waiting"), "the event")
    check(unheard["reason"].startswith("sip:%s@%s: " % (BOSS, DOMAIN)) and "486" in unheard["reason"],
          unheard["reason"])
    no_more_calls(peer)
    check("nobody heard of it" in anchor.process.text(), "the log does not say it")


@scenario
def settled_meanwhile(s):
    "when the caller is picked up while the phone rings, the call is taken back as completed elsewhere"
    peer = s.peer()
    start(s)
    peer.park(OUTSIDE, s.caller())
    call = ringing(peer, phone_known(s))
    equal(peer.call("701", "1002", s.phone()).status(), 200, "the pick-up")
    cancel = call.wait("cancel")
    check("cause=200" in (cancel.get("reason") or ""), "Reason: %s" % cancel.get("reason"))
    no_more_calls(peer)


@scenario
def over_a_restart(s):
    "a kill while the phone rings: it is called anew; a kill while it hears: it hears the end, and is not called again"
    receiver, peer, trace = Receiver(s.stage, PORT), s.peer(), s.trace()
    anchor = start(s)
    peer.park(OUTSIDE, s.caller())
    lost = ringing(peer, phone_known(s))
    receiver.arrive("alert")
    anchor.kill()
    anchor.again()
    phone = phone_known(s)
    call = ringing(peer, phone)
    equal(lost.happened("bye"), False, "a BYE for what never was answered")
    call.accept(phone.sdp(codecs=(8,)))
    phone.wait_packets(50, 10)
    wait_for(lambda: "hears of it" in anchor.process.text(), 5, "it is noted")
    anchor.kill()
    anchor.again()
    call.wait("bye", 30)
    # How long it had waited when the second process told it.
    sound, said = heard(trace, phone), []
    for seconds in range(1, 30):
        said = times_said(sound, WAITED % (1, seconds), anchor)
        if said:
            break
    equal(len(said), 2, "times that the text is heard, over the kill")
    no_more_calls(peer)
    equal([r.event for r in receiver.once()], ["alert"], "what the webhook was told")


if __name__ == "__main__":
    raise SystemExit(main())
