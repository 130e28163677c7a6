#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""RTCP of each leg: what a peer gets, read by tshark, and what it reports back."""
import os
import shutil
import struct
import subprocess
import time

from lib import monitor, net, ua
from lib.testing import check, equal, main, scenario

CALLER = "4930111111"


class Control:
    """The RTCP side of a Media: port + 1, or its own port under rtcp-mux."""

    def __init__(self, s, media, namespace, port=None, mux=False):
        self.media, self.port = media, port or media.port + 1
        self.sock = media.sock if mux else namespace.udp(media.address, self.port)
        self.mux, self.source = mux, None
        if not mux:
            self.sock.settimeout(0.05)
            s.stage.on_close(self.sock.close)
        self.got = []       # (time, bytes)

    def read(self):
        if self.mux:
            self.got = [(t, d) for t, d in self.media.received if 200 <= d[1] <= 204]
            return self.got
        try:
            while True:
                data, source = self.sock.recvfrom(2000)
                self.source = source[:2]
                self.got.append((time.time(), data))
        except TimeoutError:
            return self.got

    def wait(self, seconds=8, since=0.0, match=lambda p: True):
        """The first report after `since`, as parse() gives it."""
        def there():
            for t, d in self.read():
                if t > since and match(parse(d)):
                    return parse(d)
            return None
        return net.wait_for(there, seconds, "a report at port %d (%d came)" % (
            self.port, len(self.got)))

    def send(self, data, from_port=None):
        dest = self.media.dest
        self.sock.sendto(data, dest if self.mux else (dest[0], dest[1] + 1))


def parse(data):
    """A compound packet of ours."""
    found, at = {"bye": None}, 0
    while at < len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        size = 4 + 4 * words
        equal(first >> 6, 2, "the version")
        check(at + size <= len(data), "a packet longer than the datagram")
        body = data[at + 4:at + size]
        if kind in (200, 201):
            found["kind"], found["ssrc"] = kind, struct.unpack_from("!I", body)[0]
            if kind == 200:
                keys = ("ntp", "ts", "packets", "octets")
                found.update(zip(keys, struct.unpack_from("!QIII", body, 4)))
            block = body[24 if kind == 200 else 4:]
            equal(len(block), 24 * (first & 31), "the length of the blocks")
            if block:
                found["block"] = struct.unpack("!IIIIII", block)
        elif kind == 202:
            equal(struct.unpack_from("!IBB", body), (found["ssrc"], 1, 16), "the SDES item")
            found["cname"] = body[6:22]
        elif kind == 203:
            found["bye"] = struct.unpack("!I", body)[0]
        at += size
    return found


def report(media, about, mid=0x12345678, lost=3, fraction=64, jitter=160, lsr=0, dlsr=0):
    """SR with a block about us, and SDES."""
    sr = struct.pack("!BBHIIIIII", 0x81, 200, 12, media.ssrc, mid >> 16, mid << 16 & 0xffffffff,
                     0, 100, 16000)
    sr += struct.pack("!IIIIII", about, fraction << 24 | lost, 5000, jitter, lsr, dlsr)
    return sr + struct.pack("!BBHIBB", 0x81, 202, 3, media.ssrc, 1, 1) + b"x" + bytes(5)


def decoded(s, name):
    """What tshark makes of the RTCP in this capture."""
    done = subprocess.run(
        ["tshark", "-r", os.path.join(s.folder, name), "-d", "udp.port==1-65535,rtcp", "-Y",
         "rtcp", "-T", "fields", "-e", "rtcp.pt", "-e", "rtcp.senderssrc", "-e", "rtcp.length_check",
         "-e", "rtcp.sdes.text", "-e", "_ws.malformed", "-e", "udp.checksum.status",
         "-o", "udp.check_checksum:TRUE"],
        text=True, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [line.split("\t") for line in done.stdout.splitlines()]


@scenario
def reports(s):
    "each leg gets SR, SDES and BYE of its own, on hold and relayed, without the controller too; what a peer reports is shown"
    anchor, peer = s.anchor(), s.peer()
    caller, agent = s.caller(), s.phone()
    at_caller = Control(s, caller, s.stage.caller)
    at_agent = Control(s, agent, s.stage.phone_b)
    call = peer.park(CALLER, caller)
    slot = anchor.wait_slot(701, "parked")
    leg = anchor.ctl("call", "show", str(slot["call"]))["parties"][0]["leg"]
    caller.play()
    first = at_caller.wait()
    equal(first["kind"], 200, "the kind of the first report (SR)")
    shown = anchor.ctl("leg", "show", str(leg))
    equal(first["ssrc"], shown["ssrc"], "the SSRC of the report")
    heard = [d for _, d in caller.received]
    near = min(heard, key=lambda d: abs(struct.unpack_from("!I", d, 4)[0] - first["ts"]))
    check(abs(struct.unpack_from("!I", near, 4)[0] - first["ts"]) <= 2400,
          "the report's timestamp is not of this time")
    equal(first["octets"], first["packets"] * 160, "octets")
    check(abs(first["ntp"] / 2**32 - 2208988800 - time.time()) < 8, "the NTP time")
    equal(first["block"][0], caller.ssrc, "whom the block is about")
    equal(first["block"][1] & 0xffffff, 0, "lost")

    # What the caller reports: a quarter lost, and all but 0.25 s of the time since our report.
    mid = first["ntp"] >> 16 & 0xffffffff

    def since():
        return (int((time.time() + 2208988800) * 65536) - mid) & 0xffffffff
    net.wait_for(lambda: since() > 65536 // 2, 5, "half a second since the report")
    caller_report = report(caller, first["ssrc"], lsr=mid, dlsr=since() - 65536 // 4)
    at_caller.send(caller_report)

    def taken():
        shown = anchor.ctl("leg", "show", str(leg))
        return shown if shown["rtcp_in"] else None
    shown = net.wait_for(taken, 5, "the caller's report in leg show")
    equal((shown["peer_lost"], shown["peer_lost_percent"], shown["peer_jitter_us"]),
          (3, 25, 20000), "what the caller reported")
    check(200000 < shown["round_trip_us"] < 600000, "round trip of %s us" % shown["round_trip_us"])
    check(shown["rtcp_out"] >= 1, "reports to the caller are not counted")

    # Relayed, and then without the controller.
    mark = time.time()
    picked = peer.call("701", "1002", agent)
    equal(picked.status(), 200, "the pick-up")
    agent.play()
    to_agent = at_agent.wait(since=mark)
    equal(to_agent["kind"], 200, "a report to the agent (SR)")
    check(to_agent["cname"] != first["cname"], "two legs have one name")
    anchor.kill()
    mark = time.time()
    later = at_caller.wait(since=mark, match=lambda p: "block" in p)
    equal((later["kind"], later["ssrc"], later["cname"]), (200, first["ssrc"], first["cname"]),
          "kind, SSRC and CNAME")
    equal(later["block"][4], 0x12345678, "the SR that it saw last")
    check(later["packets"] > first["packets"], "no packets since")
    anchor.name = "holdfastd-again"
    anchor.start()
    mark = time.time()
    call.bye()
    bye = at_caller.wait(4, since=mark, match=lambda p: p["bye"])
    equal((bye["bye"], bye["cname"]), (first["ssrc"], first["cname"]), "the BYE")
    equal(at_agent.wait(4, since=mark, match=lambda p: p["bye"])["bye"], to_agent["ssrc"],
          "the BYE to the agent")
    # Nothing that the caller's report said went on to the agent.
    for _, data in at_agent.read():
        check(parse(data)["ssrc"] != caller.ssrc and data != caller_report,
              "a report was passed on")


@scenario
def of_ipv6(s):
    "of IPv6 each leg gets reports from the right port, and what its peer reports is shown"
    here, there = "2001:db8::1", "2001:db8::10"
    s.stage.anchor.ip("-6", "addr", "add", here + "/64", "dev", "trunk0", "nodad")
    s.stage.caller.ip("-6", "addr", "add", there + "/64", "dev", "eth0", "nodad")
    anchor = s.anchor(media__addresses=[
        {"address": net.ANCHOR_TRUNK, "interface": "trunk0"},
        {"address": here, "interface": "trunk0"}])
    peer = s.peer()
    own, mux = (ua.Media(s.stage, s.stage.caller, there) for _ in range(2))
    at_own, at_mux = Control(s, own, s.stage.caller), Control(s, mux, s.stage.caller, mux=True)
    call = peer.park(CALLER, own)
    slot = anchor.wait_slot(701, "parked")
    leg = anchor.ctl("call", "show", str(slot["call"]))["parties"][0]["leg"]
    other = peer.call("700", CALLER, mux, referred_by="1001", sdp=mux.sdp() + "a=rtcp-mux\r\n")
    equal(other.status(), 200, "the answer")
    own.play()
    first, by_mux = at_own.wait(), at_mux.wait()
    equal((first["kind"], by_mux["kind"]), (200, 200), "the kinds of reports")
    equal(first["octets"], first["packets"] * 160, "octets")
    equal(at_own.source, (here, own.dest[1] + 1), "where the report came from")
    mid = first["ntp"] >> 16 & 0xffffffff
    at_own.send(report(own, first["ssrc"], lsr=mid, dlsr=0))

    def taken():
        shown = anchor.ctl("leg", "show", str(leg))
        return shown if shown["rtcp_in"] else None
    shown = net.wait_for(taken, 8, "the caller's report in leg show")
    equal((shown["peer_lost"], shown["peer_lost_percent"], shown["peer_jitter_us"]),
          (3, 25, 20000), "what the caller reported")
    check(shown["round_trip_us"] > 0, "no round trip")
    equal(anchor.ctl("stats")["counters"]["rtcp_source"], 0, "reports from elsewhere")
    for one, control, before in ((call, at_own, first), (other, at_mux, by_mux)):
        mark = time.time()
        one.bye()
        bye = control.wait(4, since=mark, match=lambda p: p["bye"])
        equal((bye["bye"], bye["cname"]), (before["ssrc"], before["cname"]), "the BYE")


@scenario
def ports(s):
    "rtcp-mux and a=rtcp are honoured, and tshark reads what is sent"
    anchor, peer = s.anchor(), s.peer()
    mux, named = s.caller(), s.caller()
    at_mux = Control(s, mux, s.stage.caller, mux=True)
    at_named = Control(s, named, s.stage.caller, port=45001)
    trace = s.trace()
    first = peer.call("700", CALLER, mux, referred_by="1001", sdp=mux.sdp() + "a=rtcp-mux\r\n")
    equal(first.status(), 200, "the answer")
    check("a=rtcp-mux" in first.remote_sdp, "the answer does not say rtcp-mux")
    second = peer.call("700", CALLER, named, referred_by="1001",
                       sdp=named.sdp() + "a=rtcp:45001 IN IP4 %s\r\n" % named.address)
    equal(second.status(), 200, "the answer")
    check("rtcp-mux" not in second.remote_sdp, "rtcp-mux was not offered")
    anchor.wait_slot(702, "parked")
    one, two = at_mux.wait(), at_named.wait()
    equal((one["kind"], two["kind"]), (200, 200), "the kinds of reports")
    second.bye()
    at_named.wait(4, match=lambda p: p["bye"])
    trace.stop()
    seen = [d for d in trace.datagrams() if d.src[0] in (net.ANCHOR_TRUNK,) and
            len(d.data) > 8 and d.data[1] in (200, 201)]
    check(len(seen) >= 3, "%d reports on the wire" % len(seen))
    for d in seen:
        check(d.checksum_ok, "a wrong UDP checksum")
        equal((d.ttl, d.tos), (64, 184), "TTL and TOS")
        equal(d.src[1] % 2, 0 if d.dst[1] == mux.port else 1, "our port")
    if not shutil.which("tshark"):
        return
    path = os.path.join(s.folder, "only-rtcp.pcap")
    write_pcap(path, seen)
    for types, _, lengths, cname, malformed, status in decoded(s, "only-rtcp.pcap"):
        check(types[:7] in ("200,202", "201,202"), "tshark sees the types " + types)
        check(cname and not malformed, "tshark says it is malformed")
        check(set(lengths.split(",")) <= {"1", "True"}, "tshark says the length is wrong: " + lengths)
        check(status in ("1", "Good"), "tshark says the checksum is wrong: " + status)
    equal(len(decoded(s, "only-rtcp.pcap")), len(seen), "packets that tshark reads")


@scenario
def silent_party(s):
    "a party from whom neither RTP nor RTCP comes for media.silence_s is told once, and when it is back"
    anchor, peer = s.anchor(media__silence_s=3), s.peer()
    listener = monitor.Listener(s)
    caller = s.caller()
    control = Control(s, caller, s.stage.caller)
    peer.park(CALLER, caller)
    anchor.wait_slot(701, "parked")

    def told():
        return [(e["event"], e["party"]) for e in listener.lines()
                if e.get("event") in ("media_silent", "media_resumed")]
    caller.play()
    caller.wait_packets(10)
    caller.stop()
    # Reports alone keep it from being silent.
    for mid in range(9):
        control.send(report(caller, 0, mid=mid))
        net.linger(0.5)
    equal(told(), [], "what is told of one who reports")
    net.wait_for(told, 10, "the event")
    equal(told(), [("media_silent", "parkee")], "what is told of one who does not")
    equal(anchor.slot(701)["state"], "parked", "the slot of the silent caller")
    caller.play()
    net.wait_for(lambda: len(told()) > 1, 10, "the event of its return")
    equal(told()[1:], [("media_resumed", "parkee")], "what is told of its return")


def write_pcap(path, datagrams):
    """As raw IPv4 again."""
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for d in datagrams:
            src, dst = (bytes(map(int, a.split("."))) for a in (d.src[0], d.dst[0]))
            udp = struct.pack("!HHH", d.src[1], d.dst[1], 8 + len(d.data))
            pseudo = src + dst + b"\0\x11" + udp[4:6] + udp + b"\0\0" + d.data + bytes(len(d.data) % 2)
            total = sum(struct.unpack("!%dH" % (len(pseudo) // 2), pseudo))
            while total >> 16:
                total = (total & 0xffff) + (total >> 16)
            udp += struct.pack("!H", 0xffff - total) + d.data
            ip = struct.pack("!BBHIBBH", 0x45, d.tos, 20 + len(udp), 0x4000, d.ttl, 17, 0) + src + dst
            f.write(struct.pack("=IIII", int(d.time), 0, len(ip + udp), len(ip + udp)) + ip + udp)


if __name__ == "__main__":
    raise SystemExit(main())
