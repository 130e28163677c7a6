#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys that parties press (RFC 4733), from the packet to the event."""
from lib import monitor, net
from lib.testing import equal, main, scenario

CALLER = "4930111111"


class Listener(monitor.Listener):
    def keys(self):
        return [(e["party"], e["digit"]) for e in self.lines() if e.get("event") == "digit"]

    def wait(self, *want):
        net.wait_for(lambda: len(self.keys()) >= len(want), 5,
                     "the keys %s (there are %s)" % (list(want), self.keys()))
        equal(self.keys(), list(want), "the keys")


@scenario
def keys(s):
    "keys of a parked caller and of a retriever are events, each once, also after kill -9 and a restart"
    anchor, peer = s.anchor(), s.peer()
    caller, agent = s.caller(), s.phone()
    listener = Listener(s)
    peer.park(CALLER, caller)
    anchor.wait_slot(701, "parked")
    at = 0
    for digit in "15#":
        at = caller.press(digit, at + 5)
    at = caller.press("9", at + 5, ends=0)      # its ends are lost
    want = [("parkee", d) for d in "15#9"]
    listener.wait(*want)
    picked = peer.call("701", "1002", agent)
    equal(picked.status(), 200, "the answer to the pick-up")
    anchor.wait_slot(701, "free")   # a key from before the two are joined is not passed on
    mark = len(caller.received)
    agent.press("*", 100, ms=60)
    want.append(("retriever", "*"))
    listener.wait(*want)

    def relayed():
        return [d for _, d in caller.received[mark:] if d[1] & 0x7f == 101 and len(d) == 16]
    net.wait_for(lambda: len(relayed()) >= 6, 5, "the packets of the key at the caller")
    equal([d[12:] for d in relayed()], [bytes([10, 10, 0, 160]), bytes([10, 10, 1, 64]),
                                        bytes([10, 10, 1, 224])] + 3 * [bytes([10, 138, 1, 224])],
          "the key as the caller has it")

    at = agent.press("7", 200, ends=0)          # its end comes while nobody is there
    want.append(("retriever", "7"))
    listener.wait(*want)
    anchor.kill()
    caller.press("8", at + 5)
    anchor.name = "holdfastd-again"
    anchor.start()
    equal(anchor.ctl("status")["last_event"], 1, "events: the key pressed meanwhile")
    again = Listener(s, "monitor-again")
    agent.press("2", 400)
    caller.press("3", at + 100)
    again.wait(("retriever", "2"), ("parkee", "3"))


@scenario
def parked_again_by_keys(s):
    "who has picked up parks the call again by keys in its RTP; the caller's own keys do nothing"
    anchor, peer = s.anchor(lot__repark_keys="*7"), s.peer()
    caller, agent = s.caller(), s.phone()
    listener = Listener(s)
    peer.park(CALLER, caller)
    anchor.wait_slot(701, "parked")
    call = anchor.slot(701)["call"]
    picked = peer.call("701", "1002", agent)
    equal(picked.status(), 200, "the answer to the pick-up")
    caller.press("7", caller.press("*", 10, ms=60) + 5, ms=60)
    listener.wait(("parkee", "*"), ("parkee", "7"))
    equal(anchor.slot(701)["state"], "free", "the slot after the caller's keys")
    agent.press("7", agent.press("*", 10, ms=60) + 5, ms=60)
    bye = picked.wait("bye")
    equal('text="Parked"' in bye.get("reason", ""), True, "the Reason of the BYE says so")
    anchor.wait_slot(701, "parked")
    equal(anchor.slot(701)["call"], call, "the call that waits")
    equal(anchor.slot(701)["parker"], "sip:1002@pbx.example.com", "its parker")
    caller.wait_packets(caller.count() + 10)


if __name__ == "__main__":
    raise SystemExit(main())
