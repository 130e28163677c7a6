#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The one RTP stream towards the caller, read from the wire."""
import struct
import threading

from lib import audio, net, ua, wire
from lib.testing import Wrong, check, equal, main, scenario

OUTSIDE = "4930111111"
ANCHORS = (net.ANCHOR_TRUNK, net.ANCHOR_OFFICE)


def relay_begins(receiver, talker, seconds=5):
    receiver.wait_packets(1, seconds, match=ua.from_media(talker))


def to_caller(trace):
    return [p for p in trace.rtp(dst=net.CALLER) if p.src[0] in ANCHORS]


def one_stream(packets, switches=1, talker=None):
    """One SSRC, no gap, timestamps by the clock. A packet owns its packet time,
    so whoever takes over earlier begins at its end: up to 20 ms a switch. A
    talker that was late itself when it took over is ahead by that much."""
    equal(len(wire.streams(packets)), 1, "number of SSRCs towards the caller")
    gaps = wire.gaps(packets)
    check(not gaps, "sequence steps %s" % [
        (p.seq, n.seq, round(n.time - packets[0].time, 3)) for p, n, _ in gaps[:5]])
    worst = max(map(abs, wire.clock_of_sources(packets)))
    late = talker.late_ms if talker else 0.0
    check(worst <= 20 + 20 * switches + late, "timestamps are %.1f ms off the clock, the talker "
          "was at most %.1f ms late" % (worst, late))
    wrong = [p for p in packets if not p.checksum_ok]
    check(not wrong, "%d packets with a wrong UDP checksum" % len(wrong))


def indices(packets, talker):
    """Which of the talker's packets these are, in order (from the payload)."""
    return [struct.unpack_from("!I", p.payload)[0] for p in packets
            if len(p.payload) == 160 and
            struct.unpack_from("!I", p.payload, 4)[0] == talker.ssrc]


@scenario
def one_stream_over_two_parks(s):
    "the caller sees one SSRC without a gap over park, pick-up, hold, pick-up and second park"
    anchor, peer = s.anchor(), s.peer()
    trace = s.trace()
    caller, b = s.caller(), s.phone()
    peer.park(OUTSIDE, caller)
    caller.play()
    caller.wait_packets(30)

    call = peer.call("701", "1002", b)
    equal(call.status(), 200, "the answer to the pick-up")
    b.play()
    caller.wait_packets(30, match=ua.from_media(b))

    # B holds: the caller hears hold audio again.
    answer = call.reinvite(b.sdp(direction="sendonly", version=2))
    equal(answer.status, 200, "the answer to hold")
    b.stop()
    since = caller.received[-1][0]
    caller.wait_packets(30, since=since + 0.05, match=lambda d: not ua.from_media(b)(d))
    equal(call.reinvite(b.sdp(version=3)).status, 200, "the answer to resume")
    b.play(range(1000, 1 << 30))
    caller.wait_packets(20, since=caller.received[-1][0], match=ua.from_media(b))

    # B transfers to 700 again. A PBX that carries media keeps its line to us and
    # passes on what the new park plays: another source, on the same line.
    second = s.phone()
    peer.park(OUTSIDE, second, parker="1002")
    anchor.wait_slot(701, "parked")
    b.stop()
    passed = threading.Event()

    def pass_on():
        at = len(second.received)
        while not passed.wait(0.004):
            while at < len(second.received):
                b.sock.sendto(second.received[at][1], b.dest)
                at += 1
    thread = threading.Thread(target=pass_on, daemon=True)
    thread.start()
    mark = caller.count()
    net.wait_for(lambda: caller.count() >= mark + 40, 5, "music of the second park")
    passed.set()
    thread.join()
    trace.stop()

    packets = to_caller(trace)
    check(len(packets) > 150, "only %d packets" % len(packets))
    one_stream(packets, switches=5, talker=b)
    marked = [p for p in packets if p.marker]
    check(len(marked) >= 4, "%d markers for five switches" % len(marked))
    source = audio.through_codec(audio.read_wav(anchor.audio_path), 0)
    tail = wire.sound(packets[-25:])
    check(audio.find(tail, source)[1] >= 0.99, "the caller does not hear the second park")


@scenario
def timestamps_do_not_drift(s):
    "timestamps stay at the clock over twenty switches between talker and hold audio"
    s.anchor()
    peer = s.peer()
    trace = s.trace()
    caller, b = s.caller(), s.phone()
    peer.park(OUTSIDE, caller)
    caller.wait_packets(10)
    call = peer.call("701", "1002", b)
    equal(call.status(), 200, "the answer to the pick-up")
    b.play()
    talks = ua.from_media(b)
    for turn in range(10):
        caller.wait_packets(5, since=caller.received[-1][0], match=talks)
        hold = call.reinvite(b.sdp(direction="sendonly", version=2 + 2 * turn))
        equal(hold.status, 200, "the answer to hold")
        caller.wait_packets(5, since=caller.received[-1][0], match=lambda d: not talks(d))
        resume = call.reinvite(b.sdp(version=3 + 2 * turn))
        equal(resume.status, 200, "the answer to resume")
    caller.wait_packets(5, since=caller.received[-1][0], match=talks)
    trace.stop()
    one_stream(to_caller(trace), switches=2, talker=b)


@scenario
def loss_and_swaps_stay_visible(s):
    "the talker's 5 % loss, swapped packets and sequence wrap around a switch come out as they went in"
    anchor, peer = s.anchor(), s.peer()
    trace = s.trace()
    caller = s.caller(seq=65400, ts=0xffffff00 - 160 * 100)
    # The wrap of the sequence falls among the first packets after the switch.
    b = s.phone(seq=65515, ts=0xffffffff - 160 * 40)
    order, i = [], 0
    while i < 300:
        if i % 20 == 7:
            order.append(None)                      # lost
            i += 1
        elif i % 31 == 3:
            order += [None, [i + 1, i]]             # swapped, both a little late
            i += 2
        else:
            order.append(i)
            i += 1
    peer.park(OUTSIDE, caller)
    caller.play(order)
    caller.wait_packets(20)
    call = peer.call("701", "1002", b, ack=False)
    equal(call.status(), 200, "the answer")
    b.play(order)
    b_talks = b.sent
    net.wait_for(lambda: len(b_talks) >= 3, 2, "B sends before its ACK")
    call.ack()
    relay_begins(caller, b)
    b.finish()
    caller.finish()
    net.wait_for(lambda: any(ua.from_media(b)(d) and
                             struct.unpack_from("!I", d, 12)[0] == 299
                             for _, d in caller.received[-20:]), 3, "the last packet")
    trace.stop()

    packets = to_caller(trace)
    for talker, out in ((b, packets),
                        (caller, [p for p in trace.rtp(dst=net.PHONE_B)
                                  if p.src[0] in ANCHORS])):
        relayed = [p for p in out if indices([p], talker)]
        got = indices(relayed, talker)
        sent = [i for _, i in talker.sent]
        check(len(got) > 150, "only %d packets were relayed" % len(got))
        # What was swapped with the very first would need a number that hold
        # audio has used: it is late, not relayed.
        want = [i for i in sent[sent.index(got[0]):] if i >= got[0]]
        check(got == want, "came out but went in otherwise: %s" % [
            (g, w) for g, w in zip(got, want) if g != w][:10])
        seqs = {(p.seq - talker.seq0 - i) & 0xffff for p, i in zip(relayed, got)}
        stamps = {(p.ts - talker.ts0 - 160 * i) & 0xffffffff for p, i in zip(relayed, got)}
        equal(len(seqs), 1, "number of sequence offsets")
        equal(len(stamps), 1, "number of timestamp offsets")
        for p, i in zip(relayed, got):
            if p.payload != talker.packet(i)[12:]:
                raise Wrong("the payload of packet %d was changed" % i)
    equal(len(wire.streams(packets)), 1, "number of SSRCs towards the caller")
    # At the switch itself: hold audio's last number, then the next.
    first = next(n for n, p in enumerate(packets) if indices([p], b))
    equal(wire.difference16(packets[first].seq, packets[first - 1].seq), 1,
          "the sequence step at the switch")
    check(packets[first].marker == 1, "the first relayed packet carries no marker")
    step = wire.difference32(packets[first].ts, packets[first - 1].ts) / 8.0
    real = (packets[first].time - packets[first - 1].time) * 1000
    check(abs(step - real) <= 20, "the timestamp steps %.1f ms in %.1f ms" % (step, real))
    check(not [p for p in packets if not p.checksum_ok], "wrong UDP checksums")


@scenario
def first_packets_come_in_time(s):
    "of five parked calls hold audio begins within 40 ms of the 200 OK, the talker within a packet time of its ACK"
    anchor, peer = s.anchor(), s.peer()
    first, relay = [], []
    for turn in range(5):
        trace = s.trace("turn%d-" % turn)  # each its own files
        caller, b = s.caller(), s.phone()
        parked = peer.park(OUTSIDE, caller)
        caller.wait_packets(10)
        anchor.wait_slot(701, "parked")
        call = peer.call("701", "1002", b, ack=False)
        equal(call.status(), 200, "the answer")
        b.play()
        net.wait_for(lambda b=b: len(b.sent) >= 5, 2, "B sends")
        call.ack()
        relay_begins(caller, b)
        caller.wait_packets(5, match=ua.from_media(b))
        trace.stop()
        sip = trace.sip()
        ok = next(t for t, src, _, line, text in sip
                  if line.startswith("SIP/2.0 200") and src[0] == net.ANCHOR_TRUNK)
        acks = [t for t, src, _, line, _ in sip
                if line.startswith("ACK") and src[0] == net.PBX]
        packets = [p for p in to_caller(trace) if p.dst[1] == caller.port]
        first.append((packets[0].time - ok) * 1000)
        relayed = [p for p in packets if indices([p], b)]
        delay = (relayed[0].time - acks[-1]) * 1000
        said = [p.time for p in trace.rtp(src=net.PHONE_B)]
        around = [(y - x) * 1000 for x, y in zip(said, said[1:])
                  if acks[-1] - 0.05 < x and y < acks[-1] + 0.1]
        allowed = max([20.0] + around)
        relay.append(delay - allowed)
        parked.bye()
        call.wait("bye")
        anchor.wait_slot(701, "free")
    # A busy machine may be late once; a sender that waits for something always is.
    # Music may run a moment before the 200, which waits for its record.
    check(all(d >= -50 for d in first), "hold packets before the 200: %s" % first)
    check(min(first) <= 40, "the first hold packets came %s ms after the 200" % first)
    check(min(relay) <= 0, "ms that the first relayed packets came later than the talker "
          "sends, after the ACK: %s" % relay)


@scenario
def silent_caller_hears_music(s):
    "a caller that sends nothing hears music, a frame every 20 ms"
    anchor, peer = s.anchor(), s.peer()
    trace = s.trace()
    caller = s.caller()
    peer.park(OUTSIDE, caller)
    caller.wait_packets(100, 6)
    trace.stop()
    packets = to_caller(trace)
    one_stream(packets)
    seconds = packets[-1].time - packets[0].time
    expected = seconds / 0.02 + 1
    check(abs(len(packets) - expected) <= 2, "%d packets in %.2f s" % (len(packets), seconds))
    source = audio.read_wav(anchor.audio_path)
    # With the first call after a start the device is still being tried: up to three
    # frames of its beginning are skipped.
    score = audio.find(wire.sound(packets[5:]), audio.through_codec(source, 0))[1]
    check(score >= 0.99, "correlation with the source is %.3f" % score)


@scenario
def flooding_caller_hears_music(s):
    "a caller that sends ten times too much still hears a frame every 20 ms"
    anchor, peer = s.anchor(lot__hold_clock="auto"), s.peer()
    trace = s.trace()
    caller = s.caller()
    peer.park(OUTSIDE, caller)
    caller.play(period=0.002)
    caller.wait_packets(100, 6)
    caller.stop()
    trace.stop()
    packets = to_caller(trace)
    one_stream(packets)
    seconds = packets[-1].time - packets[0].time
    check(abs(len(packets) - seconds / 0.02 - 1) <= 2, "%d packets in %.2f s" % (
        len(packets), seconds))
    close = [(b.time - a.time) for a, b in zip(packets, packets[1:]) if b.time - a.time < 0.0045]
    check(len(close) <= 2, "%d packets follow the one before in less than 5 ms" % len(close))


@scenario
def wrong_source_is_not_relayed(s):
    "media from an address that was not signalled is neither relayed nor answered"
    anchor, peer = s.anchor(), s.peer()
    caller, b = s.caller(), s.phone()
    peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")
    call = peer.call("701", "1002", b)
    equal(call.status(), 200, "the answer")
    b.play()
    caller.wait_packets(5, match=ua.from_media(b))
    intruder = ua.Media(s.stage, s.stage.phone_a, net.PHONE_A)
    intruder.dest = b.dest
    intruder.play(range(50), period=0.01)
    intruder.finish()

    def heard():
        return sum(ua.from_media(intruder)(d) for _, d in list(caller.received))
    net.wait_for(lambda: heard() or anchor.ctl("stats")["counters"]["drop_source"] >= 50, 5,
                 "50 packets of the intruder are counted as drop_source")
    equal(heard(), 0, "packets of the intruder that the caller heard")
    equal(intruder.count(), 0, "packets to the intruder")


@scenario
def strays_are_consumed(s):
    "a packet to a media port without a call is a counted drop, never an ICMP"
    anchor = s.anchor()
    stray = s.caller()
    stray.sock.connect((net.ANCHOR_TRUNK, 20100))
    before = s.stage.anchor.snmp("Icmp")["OutMsgs"]
    for _ in range(20):
        stray.sock.send(stray.packet(0))
    net.wait_for(lambda: anchor.ctl("stats")["counters"]["drop_no_leg"] >= 20, 3,
                 "20 strays are counted")
    equal(s.stage.anchor.snmp("Icmp")["OutMsgs"] - before, 0, "ICMP messages sent")


@scenario
def caller_moves(s):
    "a re-INVITE with a new port moves the music there, in the same stream"
    anchor, peer = s.anchor(), s.peer()
    trace = s.trace()
    caller, moved = s.caller(), s.caller()
    call = peer.park(OUTSIDE, caller)
    caller.wait_packets(10)
    answer = call.reinvite(moved.sdp(version=2))
    equal(answer.status, 200, "the answer")
    moved.wait_packets(20)
    trace.stop()
    one_stream(to_caller(trace))


@scenario
def talker_moves(s):
    "a re-INVITE with a new address and port moves a talk there, and no packet of either is lost"
    anchor, peer = s.anchor(), s.peer()
    caller, phone = s.caller(), s.phone()
    moved = ua.Media(s.stage, s.stage.caller2, net.CALLER2)
    call = peer.park(OUTSIDE, caller)
    caller.wait_packets(5)
    equal(peer.call("701", "1002", phone).status(), 200, "the answer to the pick-up")
    phone.play()
    caller.play()
    for one, other in ((caller, phone), (phone, caller)):
        one.wait_packets(30, match=ua.from_media(other))
    equal(call.reinvite(moved.sdp(version=2)).status, 200, "the answer")
    # Whoever moves sends from the new place, as the same stream.
    caller.stop()
    moved.ssrc, moved.seq0, moved.ts0 = caller.ssrc, caller.seq0, caller.ts0
    moved.dest = caller.dest
    went_on = caller.sent[-1][1] + 1
    moved.play(range(went_on, went_on + 1000))
    moved.wait_packets(30, match=ua.from_media(phone))
    began = phone.count()
    phone.wait_packets(began + 30, match=ua.from_media(moved))
    phone.stop()
    moved.stop()

    def numbers(medias, talker):
        return [struct.unpack_from("!I", d, 12)[0] for m in medias for _, d in list(m.received)
                if ua.from_media(talker)(d)]
    last = phone.sent[-1][1]
    net.wait_for(lambda: last in numbers([moved], phone), 5, "the phone's last packet")
    heard = numbers([caller, moved], phone)
    equal(heard, list(range(heard[0], last + 1)), "the phone's packets at the caller's")
    heard = numbers([phone], caller)
    # Those from the old place that came behind the re-INVITE are refused.
    gone = set(range(heard[0], heard[-1] + 1)) - set(heard)
    check(all(went_on - 50 <= n < went_on for n in gone) and len(heard) == len(set(heard)),
          "the caller's packets at the phone: without %s" % sorted(gone))


@scenario
def hold_of_the_caller_stops_music(s):
    "sendonly from the parked caller stops the music, sendrecv brings it back"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    call = peer.park(OUTSIDE, caller)
    caller.wait_packets(10)
    answer = call.reinvite(caller.sdp(direction="sendonly", version=2))
    equal(answer.status, 200, "the answer")
    check("a=recvonly" in answer.body, "the answer is not recvonly: " + answer.body)
    import time
    at = time.time() + 0.03
    call.request("OPTIONS")     # a round trip and more
    threading.Event().wait(0.2)  # how long "nothing" has to last to be believed
    equal(caller.count(since=at), 0, "packets while on hold")
    same = call.reinvite(caller.sdp(direction="sendonly", version=2))
    equal(same.body, answer.body, "the answer to the same offer")
    equal(call.reinvite(caller.sdp(version=3)).status, 200, "the answer")
    caller.wait_packets(10, since=time.time())


if __name__ == "__main__":
    raise SystemExit(main())
