# SPDX-License-Identifier: GPL-2.0-or-later
"""What really went over the wire: capture, and reading it as RTP streams.

Captures run on the peers' ends of the veth pairs, where every frame passes the
ordinary taps on its way to or from the stack. All captures share the machine's
clock, so times of different files may be compared.
"""
import os
import signal
import struct

from . import net


def checksum_ok(ip, udp):
    """Is the UDP checksum of this datagram right? Zero (none) counts as right."""
    if udp[6:8] == b"\0\0":
        return True
    pseudo = ip[12:20] + b"\0\x11" + udp[4:6]
    data = pseudo + udp
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total == 0xffff


class Datagram:
    __slots__ = ("time", "src", "dst", "data", "checksum_ok", "smac", "dmac", "ttl", "tos",
                 "vlan", "side")


class Rtp:
    """One RTP packet."""
    __slots__ = ("time", "src", "dst", "pt", "marker", "seq", "ts", "ssrc", "payload",
                 "checksum_ok", "side")


def read_pcap(path, side=""):
    """Every unfragmented IPv4 UDP datagram of a capture, in order."""
    with open(path, "rb") as f:
        raw = f.read()
    if len(raw) < 24:
        return []
    order = "<" if raw[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    nano = raw[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    found = []
    at = 24
    while at + 16 <= len(raw):
        sec, part, length, _ = struct.unpack_from(order + "IIII", raw, at)
        at += 16
        frame = raw[at:at + length]
        if len(frame) < length:
            break   # cut while being written
        at += length
        kind, start, vlan = frame[12:14], 14, None
        if kind == b"\x81\x00":
            vlan = struct.unpack("!H", frame[14:16])[0] & 0xfff
            kind, start = frame[16:18], 18
        if kind != b"\x08\x00" or len(frame) < start + 28:
            continue
        ip_len = (frame[start] & 15) * 4
        if frame[start + 9] != 17 or struct.unpack_from("!H", frame, start + 6)[0] & 0x3fff:
            continue
        total = struct.unpack_from("!H", frame, start + 2)[0]
        ip = frame[start:start + total]
        udp = ip[ip_len:]
        d = Datagram()
        d.time = sec + part / (1e9 if nano else 1e6)
        sport, dport = struct.unpack_from("!HH", udp)
        d.src = (".".join(map(str, ip[12:16])), sport)
        d.dst = (".".join(map(str, ip[16:20])), dport)
        d.data = udp[8:]
        d.checksum_ok = checksum_ok(ip, udp)
        d.dmac, d.smac, d.ttl, d.tos = frame[0:6], frame[6:12], ip[8], ip[1]
        d.vlan, d.side = vlan, side
        found.append(d)
    return found


def rtp_of(datagram):
    """The datagram as RTP, or None (RTCP has its types at 72-76 of pt)."""
    data = datagram.data
    if len(data) < 12 or data[0] >> 6 != 2 or 200 <= data[1] <= 207:
        return None
    p = Rtp()
    p.time, p.src, p.dst = datagram.time, datagram.src, datagram.dst
    p.checksum_ok, p.side = datagram.checksum_ok, datagram.side
    p.marker, p.pt = data[1] >> 7, data[1] & 0x7f
    p.seq, p.ts, p.ssrc = struct.unpack_from("!HII", data, 2)
    start = 12 + 4 * (data[0] & 15)
    if data[0] & 0x10:
        start += 4 + 4 * struct.unpack_from("!H", data, start + 2)[0]
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    p.payload = data[start:end]
    return p


class Capture:
    """tcpdump on one device of one namespace; stop() before reading."""

    def __init__(self, stage, namespace, device, path, side, filter_="udp"):
        self.path, self.side = path, side
        if os.path.exists(path):
            os.remove(path)
        # tcpdump's own output says when it listens.
        self.process = stage.spawn(
            namespace, "tcpdump-" + side, "tcpdump", "-i", device, "-w", path, "-U",
            "--immediate-mode", "-s", "0", "-B", "8192", "--time-stamp-precision", "nano",
            "-Z", "root", filter_)
        net.wait_for(lambda: "listening on" in self.process.text(), 5, "tcpdump listens")

    def stop(self):
        if self.process.alive():
            self.process.kill(signal.SIGINT)
            self.process.wait(5)

    def datagrams(self):
        return read_pcap(self.path, self.side)


class Trace:
    """Captures of both sides of a stage, read as one."""

    def __init__(self, stage, prefix=""):
        path = os.path.join(stage.folder, prefix + "%s.pcap")
        self.captures = [
            Capture(stage, stage.trunk, "eth0", path % "trunk", prefix + "trunk"),
            Capture(stage, stage.office, "eth0", path % "office", prefix + "office")]
        self._all = None

    def stop(self):
        for capture in self.captures:
            capture.stop()

    def paths(self):
        return [c.path for c in self.captures]

    def datagrams(self):
        """Everything so far. (May be called while the capture runs.)"""
        both = [d for c in self.captures for d in c.datagrams()]
        both.sort(key=lambda d: d.time)
        return both

    def rtp(self, src=None, dst=None, since=0, until=float("inf")):
        """RTP packets by address (host, or (host, port)), in time order."""
        def same(have, want):
            return want is None or have == want or have[0] == want
        found = []
        for d in self.datagrams():
            if d.dst[1] == 5060 or d.src[1] == 5060:
                continue
            if not since <= d.time <= until or not same(d.src, src) or not same(d.dst, dst):
                continue
            packet = rtp_of(d)
            if packet:
                found.append(packet)
        return found

    def sip(self, since=0):
        """(time, src, dst, first line, text) of SIP messages."""
        found = []
        for d in self.datagrams():
            if 5060 in (d.src[1], d.dst[1]) and d.time >= since and len(d.data) > 20:
                text = d.data.decode("utf-8", "replace")
                found.append((d.time, d.src, d.dst, text.split("\r\n")[0], text))
        return found


def streams(packets):
    """{ssrc: [packets in order]}"""
    result = {}
    for p in packets:
        result.setdefault(p.ssrc, []).append(p)
    return result


def difference16(a, b):
    """a - b for sequence numbers, -32768 to 32767."""
    return (a - b + 0x8000 & 0xffff) - 0x8000


def difference32(a, b):
    return (a - b + 0x80000000 & 0xffffffff) - 0x80000000


def gaps(packets):
    """Places where the sequence is not one more than before:
    [(packet before, packet after, step)]."""
    found = []
    for before, after in zip(packets, packets[1:]):
        step = difference16(after.seq, before.seq)
        if step != 1:
            found.append((before, after, step))
    return found


def clock_errors(packets, start=None):
    """How far each packet's timestamp is from the time it was sent, in ms,
    counted from the first: near 0 all along if timestamps follow real time."""
    if not packets:
        return []
    first = start or packets[0]
    return [difference32(p.ts, first.ts) / 8.0 - (p.time - first.time) * 1000
            for p in packets]


def clock_of_sources(packets):
    """The median clock error of each stretch between two markers, in ms: where
    each source in turn stands on the stream's clock. A packet that was late by
    itself (a talker's machine was busy) does not count."""
    errors = clock_errors(packets)
    starts = [i for i, p in enumerate(packets) if p.marker or i == 0] + [len(packets)]
    starts = sorted(set(starts))
    return [sorted(errors[a:b])[(b - a) // 2] for a, b in zip(starts, starts[1:])]


def longest_pause(packets):
    """Between two packets, in ms."""
    return max(((b.time - a.time) * 1000 for a, b in zip(packets, packets[1:])), default=0.0)


def sound(packets):
    """The packets' sound on the time line of their timestamps; what is missing
    is silence."""
    import numpy
    from . import audio     # neither is in a VM
    audible = [p for p in packets if p.pt in audio.DECODE and p.payload]
    if not audible:
        return numpy.zeros(0, "<i2")
    first = audible[0].ts
    pieces = [(difference32(p.ts, first), audio.decode(p.payload, p.pt)) for p in audible]
    pieces = [(at, x) for at, x in pieces if at >= 0]
    out = numpy.zeros(max(at + len(x) for at, x in pieces), "<i2")
    for at, x in pieces:
        out[at:at + len(x)] = x
    return out
