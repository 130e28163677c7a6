#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""holdfastd is killed and started again: nobody on a call notices."""
import os
import random
import re
import signal
import time

from lib import net, ua, wire
from lib.testing import check, equal, main, scenario

OUTSIDE = "49301110%02d"
ANCHORS = (net.ANCHOR_TRUNK, net.ANCHOR_OFFICE)


def again(anchor):
    """The next holdfastd; the one before is dead."""
    anchor.name = "holdfastd-again"
    anchor.start()


def hang_up(peer, call):
    """BYE; it is answered 200."""
    seen = len(peer.messages)
    call.bye()

    def answer():
        got = [m for _, d, m in peer.messages[seen:] if d == "<-" and m.status and
               m.get("cseq").endswith("BYE")]
        return got[0] if got else None
    equal(net.wait_for(answer, 5, "the answer to BYE").status, 200, "the answer to BYE")


def stream_to(trace, media):
    packets = [p for p in trace.rtp(dst=media.address) if p.dst[1] == media.port]
    return [p for p in packets if p.src[0] in ANCHORS]


def no_gap(packets, since, until):
    """One stream, no packet missing, none later than the next but one was due."""
    equal(len(wire.streams(packets)), 1, "number of SSRCs")
    check(not wire.gaps(packets), "sequence gaps %s" % wire.gaps(packets)[:3])
    within = [p for p in packets if since <= p.time <= until]
    seconds = until - since
    check(abs(len(within) - seconds * 50) <= 5, "%d packets in %.2f s" % (len(within), seconds))


@scenario
def calls_outlive_a_kill(s):
    "after kill -9 and a new start parked and relayed calls go on: no gap, pick-up, BYE, ring-back"
    anchor, peer = s.anchor(lot__timeout_s=8), s.peer()
    trace = s.trace()
    media = [s.caller() for _ in range(4)]
    b, c = s.phone(), s.phone()
    calls = [peer.park(OUTSIDE % i, m, parker="1001") for i, m in enumerate(media)]
    for slot in (701, 702, 703, 704):
        anchor.wait_slot(slot, "parked")
    picked = peer.call("704", "1002", b)
    equal(picked.status(), 200, "the answer to the pick-up")
    b.play()
    media[3].play()
    media[3].wait_packets(10, match=ua.from_media(b))
    media[0].play()                     # one talks to us, the others are silent
    media[1].wait_packets(20)
    begin = time.time()
    anchor.kill()
    again(anchor)
    ended = time.time()
    slots = anchor.slots()
    for slot in ("701", "702", "703"):
        equal(slots[slot]["state"], "parked", "slot " + slot)
    equal(slots["704"]["state"], "free", "slot 704")
    equal(slots["702"]["caller_number"], OUTSIDE % 1, "the caller in 702")
    equal(len(anchor.calls()), 4, "number of calls")
    for m in media[:3]:
        m.wait_packets(25, since=ended)
    media[3].wait_packets(25, since=ended, match=ua.from_media(b))
    b.wait_packets(25, since=ended, match=ua.from_media(media[3]))

    # Pick-up of a restored call.
    call = peer.call("701", "1003", c)
    equal(call.status(), 200, "the pick-up after the restart")
    c.play()
    media[0].wait_packets(10, match=ua.from_media(c))
    c.wait_packets(10, match=ua.from_media(media[0]))
    # re-INVITE and BYE of a parked caller.
    equal(calls[1].reinvite(media[1].sdp(version=2)).status, 200, "the re-INVITE")
    hang_up(peer, calls[1])
    anchor.wait_slot(702, "free")
    # BYE across the relay, both ways.
    hang_up(peer, picked)
    bye = calls[3].wait("bye")
    check(bye.cseq[0] > 65536, "our CSeq %s is not above those before" % (bye.cseq,))
    # The third rings back when its time is over.
    recall = peer.expect_call("1001", 12, media=b)
    recall.accept()
    recall.wait("ack")
    media[2].wait_packets(5, match=ua.from_media(b))
    trace.stop()
    for i in (1, 2):
        no_gap(stream_to(trace, media[i]), begin, ended + 0.4)
    check(not re.search("belongs to no call", anchor.process.text()), "a leg was left over")


@scenario
def left_on_purpose(s):
    "SIGUSR1 leaves the calls to the next holdfastd"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    call = peer.park(OUTSIDE % 1, caller)
    anchor.wait_slot(701, "parked")
    anchor.process.kill(signal.SIGUSR1)
    equal(anchor.process.wait(5), 0, "exit status")
    again(anchor)
    equal(anchor.slot(701)["state"], "parked", "the slot")
    caller.wait_packets(10, since=time.time())
    hang_up(peer, call)
    anchor.wait_slot(701, "free")


@scenario
def orphans_end(s):
    "a leg without a call is named with its addresses, lives for its grace and ends"
    anchor, peer = s.anchor(journal={"orphan_grace_s": 1}), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE % 1, caller)
    anchor.wait_slot(701, "parked")
    anchor.kill()
    for name in "journal.db", "journal.db-wal", "journal.db-shm":
        os.remove(os.path.join(s.folder, "state", name))
    again(anchor)
    said = anchor.process.text()
    check(re.search(r"leg \d+ \(\S+:\d+, peer %s:%d\) belongs to no call" % (
        re.escape(caller.address), caller.port), said), "it is not named: " + said)
    caller.wait_packets(5, since=time.time())
    net.wait_for(lambda: "ended 1 legs" in anchor.process.text(), 5, "the end of the leg")
    # Silence is a third of a second in which the count stands still.
    stood = {"count": -1, "since": 0.0}

    def silent():
        if caller.count() != stood["count"]:
            stood.update(count=caller.count(), since=time.monotonic())
        return time.monotonic() - stood["since"] > 0.3
    net.wait_for(silent, 3, "silence after the end")


@scenario
def orphan_hangs_up(s):
    "a BYE for a call that only the media still has ends its leg at once"
    anchor, peer = s.anchor(journal={"orphan_grace_s": 600}), s.peer()
    first, second = s.caller(), s.caller()
    calls = [peer.park(OUTSIDE % i, m) for i, m in enumerate((first, second))]
    anchor.wait_slot(702, "parked")
    anchor.kill()
    for name in "journal.db", "journal.db-wal", "journal.db-shm":
        os.remove(os.path.join(s.folder, "state", name))
    again(anchor)
    equal(anchor.ctl("status")["legs_open"], 2, "legs in the maps")
    hang_up(peer, calls[0])
    equal(anchor.ctl("status")["legs_open"], 1, "legs in the maps")
    second.wait_packets(10, since=time.time())


@scenario
def invite_comes_again(s):
    "an INVITE sent again over the restart meets the dialog that it made, and its ACK is taken"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    call = peer.park(OUTSIDE % 1, caller, ack=False)
    tag = call.answer.get("to").split("tag=")[1]
    invite = [m for _, d, m in peer.sent_and_received("INVITE") if d == "->"][0]
    anchor.kill()
    again(anchor)
    seen = len(peer.messages)
    peer.loop.call(lambda: peer.endpoint.sock.sendto(invite.bytes(), peer.anchor))

    def answer():
        got = [m for _, d, m in peer.messages[seen:] if d == "<-" and m.status == 200 and
               m.get("cseq").endswith("INVITE")]
        return got[0] if got else None
    second = net.wait_for(answer, 5, "the 200 again")
    equal(second.get("to").split("tag=")[1], tag, "our tag")
    equal(second.body, call.answer.body, "the SDP of the answer")
    call.ack()
    anchor.wait_slot(701, "parked")
    equal(len(anchor.calls()), 1, "number of calls")
    hang_up(peer, call)
    anchor.wait_slot(701, "free")


class Traffic:
    """Everything that happens to calls, at random, and who holds what."""

    def __init__(self, anchor, peer, media, chance):
        self.anchor, self.peer, self.media, self.chance = anchor, peer, media, chance
        self.calls = []     # ours to Holdfast
        self.rung = []      # Holdfast's to us

    @staticmethod
    def is_up(call):
        return (call.happened("answered") or call.happened("ack")) and \
            not call.happened("bye") and not getattr(call, "over", False)

    def take_calls(self):
        """Ring-backs: some are answered, some refused, some ring on."""
        while not self.peer.incoming.empty():
            call = self.peer.incoming.get()
            call.media = self.chance.choice(self.media)
            self.rung.append(call)
            what = self.chance.random()
            if what < 0.5:
                call.accept()
            elif what < 0.7:
                call.reject(486)
            else:
                call.ring()

    def act(self):
        up = [c for c in self.calls + self.rung if self.is_up(c)]
        what = self.chance.random()
        self.take_calls()
        if up and (what < 0.1 or len(up) > 60):
            call = self.chance.choice(up)
            call.over = True
            call.bye()
        elif up and what < 0.3:
            self.calls.append(self.peer.call(str(self.chance.randint(701, 712)), "1002",
                                             self.chance.choice(self.media)))
        elif up and what < 0.4:
            call = self.chance.choice(up)
            self.peer.loop.call(call.dialog.reinvite, call.media.sdp(version=2),
                                lambda response: None)
        else:
            self.calls.append(self.peer.call(
                "700", OUTSIDE % (len(self.calls) % 100), self.chance.choice(self.media),
                referred_by="1001", ack=self.chance.random() < 0.97))

    def held_here(self):
        """(calls that the peer holds for up, those that it may)"""
        up = {c.dialog.call_id for c in self.calls + self.rung if self.is_up(c)}
        may = {c.dialog.call_id for c in self.rung if not c.happened("cancel") and
               not c.happened("bye") and not getattr(c, "over", False)}
        may |= {c.dialog.call_id for c in self.calls if not c.answer}
        return up, up | may

    def held_there(self):
        """Holdfast's: Call-IDs of its parties, and how many legs they have."""
        calls = self.anchor.ask({"command": "call list"})[0]
        shown = self.anchor.ask(*({"command": "call show", "call": c["call"]} for c in calls))
        parties = [p for c in shown for p in c.get("parties", [])]
        return ({p["sip_call_id"] for p in parties},
                sum(p.get("leg") is not None for p in parties))

    def difference(self):
        """What is wrong, as text; "" when every call and leg is accounted for."""
        self.take_calls()
        there, legs = self.held_there()
        up, may = self.held_here()
        is_open = self.anchor.ask({"command": "status"})[0]["legs_open"]
        wrong = ["only the peer holds %s" % c for c in sorted(up - there)]
        wrong += ["only Holdfast holds %s" % c for c in sorted(there - may)]
        if legs != is_open:
            wrong.append("%d legs in the maps, %d of calls" % (is_open, legs))
        return "; ".join(wrong)


@scenario
def killed_at_random_points(s):
    "killed at random points of running traffic, every call is accounted for on both sides"
    anchor, peer = s.anchor(lot__slots="701-790", lot__timeout_s=2, lot__max_wait_s=3600,
                            lot__recall={"ring_s": 2, "attempts": 2, "finally": "repeat"},
                            media__ports="20000-21999",
                            journal={"orphan_grace_s": 0}), s.peer()
    chance = random.Random(int(os.environ.get("HF_SEED", "7")))
    traffic = Traffic(anchor, peer, [s.caller() for _ in range(3)], chance)
    most = 0
    for turn in range(int(os.environ.get("HF_KILLS", "3"))):
        kill_at = time.time() + chance.uniform(0.02, 0.5)
        while time.time() < kill_at:
            traffic.act()
            net.linger(chance.uniform(0, 0.03))
        anchor.kill()
        anchor.name = "holdfastd-%d" % turn
        anchor.start(60)
        last = [""]

        def accounted():
            last[0] = traffic.difference()
            most_now[0] = len(traffic.held_here()[0])
            return not last[0]
        most_now = [0]
        # 64*T1 is how long a lost ACK may take.
        if not net.settles(accounted, 75):
            raise net.Failed("kill %d: %s" % (turn, last[0]))
        most = max(most, most_now[0])
    check(most > 5, "there were never more than %d calls" % most)


if __name__ == "__main__":
    raise SystemExit(main())
