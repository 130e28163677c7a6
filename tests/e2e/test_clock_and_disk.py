#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A wall clock that is set by hours, and a disk that is slower than the calls."""
import re
import time

from lib import net
from lib.testing import check, equal, main, scenario
from lib.world import World

OUTSIDE, OUTSIDE_2 = "4930111111", "4930222222"
RECALL = {"ring_s": 20, "attempts": 2, "finally": "repeat"}


def says(anchor, pattern, seconds=15):
    net.wait_for(lambda: re.search(pattern, anchor.process.text()), seconds,
                 "the log says %s" % pattern)


def set_while_parked(s, hours, restart):
    """The clock is set while a call waits, perhaps while holdfastd is dead: the
    ring-back comes when its time is over, and the record has the true seconds."""
    world = World(s)
    anchor = s.anchor(env=world.env, lot__timeout_s=5, lot__recall=RECALL)
    peer, caller = s.peer(), s.caller()
    begin = time.monotonic()
    call = peer.park(OUTSIDE, caller, parker="1001")
    anchor.wait_slot(701, "parked")
    if restart:
        anchor.kill()
    world.set_clock(hours)
    if restart:
        anchor.again()
    equal(anchor.slot(701)["state"], "parked", "the slot after the clock was set")
    waited = anchor.slot(701)["seconds_parked"]
    check(waited < 60, "the slot says that the call waits for %s s" % waited)
    caller.wait_packets(10, since=time.time())
    recall = peer.expect_call("1001", 30, media=s.phone())
    after = time.monotonic() - begin
    check(after >= 4.9, "the ring-back came after %.2f s of 5" % after)
    recall.accept()
    recall.wait("ack")
    anchor.wait_slot(701, "free")
    call.bye()

    def over():
        return [r for r in anchor.ctl("history") if r["ended_ms"]]
    seconds = net.wait_for(over, 10, "the record of the call")[0]["seconds_parked"]
    check(4 <= seconds < 60, "the record says parked for %s s" % seconds)


@scenario
def clock_set_forth(s):
    "a wall clock set forth by five hours brings no ring-back before its time"
    set_while_parked(s, 5, False)


@scenario
def clock_set_back(s):
    "a wall clock set back by five hours does not keep the ring-back from coming"
    set_while_parked(s, -5, False)


@scenario
def clock_set_over_a_restart(s):
    "a wall clock set back by five hours over a kill leaves the ring-back at its time"
    set_while_parked(s, -5, True)


@scenario
def longest_wait_and_the_clock(s):
    "the longest wait ends when it is over, whatever the wall clock says, over a kill, too"
    world = World(s)
    anchor = s.anchor(env=world.env, lot__timeout_s=0, lot__max_wait_s=10)
    peer, caller = s.peer(), s.caller()
    begin = time.monotonic()
    call = peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")
    world.set_clock(7)
    anchor.kill()
    anchor.again()
    world.set_clock(-7)
    equal(anchor.slot(701)["state"], "parked", "the slot")
    call.wait("bye", 30)
    after = time.monotonic() - begin
    check(after >= 9.9, "the call ended after %.2f s of 10" % after)


@scenario
def slow_disk(s):
    "a disk slower than the calls holds an answer for a second at most, and the log says so"
    world = World(s)
    anchor = s.anchor(env=world.env)
    peer, first, second = s.peer(), s.caller(), s.caller()
    world.slow_disk(6000)
    begin = time.monotonic()
    peer.park(OUTSIDE, first)           # its 200 waits for the record
    after = time.monotonic() - begin
    check(after >= 0.9, "the answer came after %.2f s, not after the patience" % after)
    says(anchor, r"journal: \S+ takes longer than 1000 ms to be written: calls no longer wait")
    anchor.wait_slot(701, "parked")
    first.wait_packets(10, since=time.time())
    call = peer.park(OUTSIDE_2, second)
    anchor.wait_slot(702, "parked")
    second.wait_packets(10, since=time.time())
    equal(len(re.findall("takes longer than", anchor.process.text())), 1, "warnings")
    world.slow_disk(0)
    says(anchor, r"journal: \S+ has caught up", 30)
    # What was said before it was written is there now.
    anchor.kill()
    anchor.again()
    equal(anchor.slot(701)["state"], "parked", "the first slot after a kill")
    equal(anchor.slot(702)["state"], "parked", "the second slot after a kill")
    call.bye()
    anchor.wait_slot(702, "free")


if __name__ == "__main__":
    raise SystemExit(main())
