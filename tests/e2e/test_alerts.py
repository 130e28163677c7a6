#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Alerts: each cause told once, by webhook and by SIP MESSAGE, and its end."""
from lib import net, web
from lib.net import wait_for
from lib.receiver import Receiver
from lib.testing import equal, main, scenario

OUTSIDE = "4930111111"
PORT = 8081
BOSS = "sip:1009@pbx.example.com"
HOOK = {"name": "boss", "url": "http://%s:%d/" % (net.PBX, PORT), "cleartext": True,
        "events": ["alert", "alert_cleared"]}


def start(s, **alerts):
    return s.anchor(webhooks=[HOOK], http=web.CONFIG, lot__alerts=dict(alerts, message=[BOSS]))


def told(receiver):
    return [(r.event, r.json()["rule"], r.json()["slot"]) for r in receiver.once()]


def messages(peer):
    """Texts that have come by SIP MESSAGE."""
    return [m.body for m in peer.endpoint.messages]


@scenario
def waiting_too_long(s):
    "one alert for a caller who waits too long, by webhook and MESSAGE, and one word when it is over"
    receiver, peer = Receiver(s.stage, PORT), s.peer()
    anchor = start(s, waiting_s=2)
    peer.park(OUTSIDE, s.caller(), display="Carla Caller")
    receiver.arrive("alert")
    alert = receiver.requests[0].json()
    equal((alert["rule"], alert["lot"], alert["slot"], alert["caller_number"], alert["seconds_parked"]),
          ("waiting", "main", "701", OUTSIDE, 2), "the alert")
    equal(alert["reason"], "the caller has waited for 2 s", "its reason")
    wait_for(lambda: messages(peer), 5, "a MESSAGE")
    equal(messages(peer), ["701 in main: Carla Caller, %s (the caller has waited for 2 s)" % OUTSIDE],
          "the text")
    # Another slot is the same wait.
    call = anchor.calls()[0]["call"]
    anchor.ctl("call", "move", str(call), "704")
    equal(peer.call("704", "1002", s.phone()).status(), 200, "the pick-up")
    receiver.arrive("alert_cleared")
    equal(told(receiver), [("alert", "waiting", "701"), ("alert_cleared", "waiting", "704")], "what was told")
    equal(len(messages(peer)), 1, "messages")


@scenario
def not_for_who_is_picked_up(s):
    "who is picked up in time raises no alert, and the next one is timed from its own park"
    receiver, peer = Receiver(s.stage, PORT), s.peer()
    start(s, waiting_s=2)
    peer.park(OUTSIDE, s.caller())
    equal(peer.call("701", "1002", s.phone()).status(), 200, "the pick-up")
    peer.park(OUTSIDE + "1", s.caller())
    receiver.arrive("alert")
    equal([r.json()["caller_number"] for r in receiver.once()], [OUTSIDE + "1"], "who was told of")


@scenario
def nearly_full(s):
    "a lot that is nearly full is told once, though calls come and go, until it is well below"
    receiver, peer = Receiver(s.stage, PORT), s.peer()
    anchor = start(s, full_percent=60, full_clear_percent=20)
    calls = [peer.park(OUTSIDE + str(i), s.caller()) for i in range(3)]
    receiver.arrive("alert")
    calls[0].bye()
    anchor.wait_slot(701, "free")
    calls[0] = peer.park(OUTSIDE + "3", s.caller())
    anchor.wait_slot(701, "parked")
    calls[0].bye()
    anchor.wait_slot(701, "free")
    calls[1].bye()
    receiver.arrive("alert_cleared")
    equal(told(receiver), [("alert", "nearly_full", None), ("alert_cleared", "nearly_full", None)],
          "what was told")
    equal([r.json()["reason"] for r in receiver.once()],
          ["3 of 5 slots are taken", "1 of 5 slots are taken"], "reasons")
    equal(messages(peer), ["Lot main: 3 of 5 slots are taken"], "messages")


@scenario
def recall_failed(s):
    "a ring-back that nobody answers is told once for a wait, however often it rings again"
    receiver, peer = Receiver(s.stage, PORT), s.peer()
    anchor = s.anchor(webhooks=[dict(HOOK, events=HOOK["events"] + ["recall_failed"])], lot__timeout_s=1,
                      lot__recall={"ring_s": 1, "attempts": 1, "finally": "repeat"},
                      lot__alerts={"recall_failed": True, "text": "{slot}: {caller}, {reason}", "message": [BOSS]})
    peer.park(OUTSIDE, s.caller(), headers=(("Privacy", "id"),))
    peer.expect_call("1001").ring()
    peer.expect_call("1001", 10).ring()
    receiver.arrive("recall_failed", 2, 15)
    receiver.arrive("alert")
    wait_for(lambda: messages(peer), 5, "a MESSAGE")
    equal(messages(peer), ["701: a caller, nobody answered when the call rang back"], "messages")
    anchor.ctl("call", "kick", str(anchor.calls()[0]["call"]))
    receiver.arrive("alert_cleared")
    equal([t[:2] for t in told(receiver) if t[0] != "recall_failed"],
          [("alert", "recall_failed"), ("alert_cleared", "recall_failed")], "what was told")


@scenario
def over_a_restart(s):
    "what was told before a kill is not told again after it, what came due meanwhile is, and both end"
    receiver, peer = Receiver(s.stage, PORT), s.peer()
    anchor = start(s, waiting_s=3, full_percent=40, full_clear_percent=10)
    first = peer.park(OUTSIDE, s.caller())
    receiver.arrive("alert")                        # waiting
    second = peer.park(OUTSIDE + "1", s.caller())
    receiver.arrive("alert", 2)                     # nearly full
    anchor.kill()
    anchor.again()
    receiver.arrive("alert", 3)                     # the second waits
    first.bye()
    second.bye()
    receiver.arrive("alert_cleared", 3)
    equal([t[:2] + (r.json()["caller_number"],) for t, r in zip(told(receiver)[:3], receiver.once())],
          [("alert", "waiting", OUTSIDE), ("alert", "nearly_full", None),
           ("alert", "waiting", OUTSIDE + "1")], "what was told")
    equal(sorted(t[1] for t in told(receiver)[3:]), ["nearly_full", "waiting", "waiting"], "what is over")


if __name__ == "__main__":
    raise SystemExit(main())
