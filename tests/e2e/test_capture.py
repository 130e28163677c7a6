#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""holdfastctl leg capture: what XDP takes in and sends, in a file, byte by byte."""
import os
import struct
import subprocess
import time

from lib import net, ua
from lib.anchor import programs
from lib.testing import Skip, check, equal, main, scenario

OUTSIDE = "49301110%02d"


def pcapng(path):
    """[(wall time, went out?, frame)] of a whole file; its blocks must fit."""
    with open(path, "rb") as f:
        data = f.read()
    at, packets, kinds = 0, [], []
    while at < len(data):
        kind, length = struct.unpack_from("=II", data, at)
        equal(struct.unpack_from("=I", data, at + length - 4)[0], length, "a block's second length")
        equal(length % 4, 0, "a block's length, modulo 4")
        kinds.append(kind)
        if kind == 6:
            _, high, low, taken, real = struct.unpack_from("=IIIII", data, at + 8)
            equal(taken, real, "bytes taken of a packet")
            frame = data[at + 28:at + 28 + taken]
            option, size, flags = struct.unpack_from("=HHI", data, at + 28 + (taken + 3 & ~3))
            equal((option, size), (2, 4), "the option of a packet")
            packets.append(((high << 32 | low) / 1e9, {1: False, 2: True}[flags], frame))
        at += length
    equal(at, len(data), "the end of the last block")
    equal(kinds[:2], [0x0a0d0d0a, 1], "the first blocks")
    return packets


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def datagram(frame, out):
    """((source, port), (destination, port), payload) of a frame; sums of ours are right."""
    equal(frame[12:14], b"\x08\0", "the type of a frame")
    ip, udp = frame[14:34], frame[34:]
    if out:
        equal(checksum(ip), 0xffff, "the sum of an IP header")
        equal(checksum(ip[12:20] + struct.pack("!HH", 17, len(udp)) + udp), 0xffff,
              "the sum of a datagram")
    dot = ".".join
    source, to, length = struct.unpack("!HHH", udp[:6])
    equal(length, len(udp), "the length of a datagram")
    return ((dot(map(str, ip[12:16])), source), (dot(map(str, ip[16:20])), to), udp[8:])


def mac_of(namespace, device):
    words = namespace.ip("link", "show", "dev", device).split()
    return bytes.fromhex(words[words.index("link/ether") + 1].replace(":", ""))


def leg_of(anchor, port):
    """The leg that sends to this port."""
    for leg in anchor.ctl("leg", "list"):
        if anchor.ctl("leg", "show", str(leg["leg"]))["remote_port"] == port:
            return str(leg["leg"])
    raise net.Failed("no leg sends to port %d" % port)


class Capture:
    """holdfastctl leg capture, running."""

    def __init__(self, s, anchor, leg, *more, name="capture"):
        self.path = os.path.join(s.folder, name + ".pcapng")
        self.process = s.stage.spawn(
            s.stage.anchor, name, programs() + "/holdfastctl", "--socket", anchor.socket,
            "--instance", anchor.instance, "leg", "capture", leg, "--file", self.path, *more)

    def packets(self, seconds=60):
        ended = self.process.wait(seconds)
        # What the verifier refuses is said in its words, and fails.
        if "does not let us look" in self.process.text():
            raise Skip("this kernel allows no tracing programs; the VMs' kernels do")
        equal(ended, 0, "the exit status, and it said: " + self.process.text())
        return pcapng(self.path)


def refused(s, anchor, *argv):
    """What holdfastctl leg capture says when it does not."""
    done = subprocess.run(s.stage.anchor.argv(
        programs() + "/holdfastctl", "--socket", anchor.socket, "--instance", anchor.instance,
        "leg", "capture", *argv), text=True, check=False, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    check(done.returncode != 0, "it is not refused: " + done.stdout)
    return done.stderr


def frames_fit(s, packets, media, sent, what):
    """The frames are those that the caller got and gave, in order."""
    out = [f for _, o, f in packets if o and f[35] % 2 == 0]
    here, there = mac_of(s.stage.anchor, "trunk0"), mac_of(s.stage.caller, "eth0")
    check(all(f[:12] == there + here for f in out), what + ": the addresses of frames")
    got = [data for _, data in list(media.received)]
    payloads = [datagram(f, True)[2] for f in out]
    # A slow machine skips some; each that is there is compared.
    check(len(out) >= 10, "%s: %d frames went out" % (what, len(out)))
    check(payloads[0] in got, what + ": the first frame is not one that the caller got")
    first = got.index(payloads[0])
    net.wait_for(lambda: media.count() >= first + len(payloads), 5, "the last frames")
    got = [data for _, data in list(media.received)][first:first + len(payloads)]
    wrong = [i for i, pair in enumerate(zip(payloads, got)) if pair[0] != pair[1]]
    check(not wrong, "%s: frames %s of %d that went out differ" % (what, wrong[:5], len(got)))
    inward = [datagram(f, False)[2] for _, o, f in packets if not o]
    check(set(inward) <= set(sent), what + ": what came in was never sent")
    return out, inward


@scenario
def held_and_talking(s):
    "the frames of a held caller, who is silent, who sends, and who talks, are in the file byte by byte"
    anchor, peer, caller, phone = s.anchor(), s.peer(), s.caller(), s.phone()
    began = time.time()
    peer.park(OUTSIDE % 1, caller)
    caller.wait_packets(5)
    leg = leg_of(anchor, caller.port)
    # One call: packets of a socket, and a live frame every two seconds.
    paced = Capture(s, anchor, leg, "--seconds", "3", name="paced").packets()
    _, inward = frames_fit(s, paced, caller, [], "paced")
    equal(inward, [], "packets of a silent caller")
    check(all(began < at < time.time() for at, _, _ in paced), "times are not those of the day")
    check(all(a[0] <= b[0] for a, b in zip(paced, paced[1:])), "times go backward")
    caller.play()
    sent = Sent(caller)
    both = Capture(s, anchor, leg, "--packets", "150", name="both").packets()
    equal(len(both), 150, "packets, and there were to be so many")
    _, inward = frames_fit(s, both, caller, sent.all(), "both ways")
    check(len(inward) >= 10, "only %d came in" % len(inward))
    # The paced sender is gone: turn-around alone.
    for pid in s.stage.keepers():
        os.kill(pid, 19)
    turned = Capture(s, anchor, leg, "--packets", "150", name="turned").packets()
    for pid in s.stage.keepers():
        os.kill(pid, 18)
    frames_fit(s, turned, caller, sent.all(), "turned around")
    equal(peer.call("701", "1002", phone).status(), 200, "the pick-up")
    phone.play()
    caller.wait_packets(5, match=ua.from_media(phone))
    talk = Capture(s, anchor, leg, "--packets", "200", name="talk").packets()
    out, inward = frames_fit(s, talk, caller, sent.all(), "relay")
    check(len(inward) >= 10, "only %d came in" % len(inward))
    check(any(ua.from_media(phone)(datagram(f, True)[2]) for f in out), "the phone is not heard")


class Sent:
    """What a playing media has sent: its packets by their sequence numbers."""

    def __init__(self, media):
        self.media = media

    def all(self):
        return [self.media.packet(i) for i in range(20000)]


@scenario
def gathered_and_rtcp(s):
    "with one device, where packets are gathered, and RTCP, both ways are in the file"
    one = [{"address": net.ANCHOR_TRUNK, "interface": "trunk0"}]
    anchor, peer, caller = s.anchor(media__addresses=one), s.peer(), s.caller()
    peer.park(OUTSIDE % 1, caller)
    caller.play()
    caller.wait_packets(5)
    for pid in s.stage.keepers():
        os.kill(pid, 19)
    leg = leg_of(anchor, caller.port)
    turned = Capture(s, anchor, leg, "--packets", "200", name="turned").packets()
    for pid in s.stage.keepers():
        os.kill(pid, 18)
    frames_fit(s, turned, caller, Sent(caller).all(), "gathered")
    # Reports of ours go through the stack of the kernel.
    reports = Capture(s, anchor, leg, "--seconds", "8", name="reports").packets()
    kinds = {f[43] for _, out, f in reports if out and f[35] % 2}
    check(200 in kinds, "no report of ours is in it: %s" % kinds)


@scenario
def refusals(s):
    "no such leg, a file that is there, a full disk, a second capture and wrong numbers are each said"
    anchor, peer, caller = s.anchor(), s.peer(), s.caller()
    peer.park(OUTSIDE % 1, caller)
    caller.wait_packets(5)
    leg = leg_of(anchor, caller.port)
    check("no call uses leg 99" in refused(s, anchor, "99"), "no such leg")
    there = os.path.join(s.folder, "there")
    with open(there, "w") as f:
        f.write("mine")
    check("is there already" in refused(s, anchor, leg, "--file", there), "the file")
    with open(there) as f:
        equal(f.read(), "mine", "the file")
    check("from 1 to 3600" in refused(s, anchor, leg, "--seconds", "0"), "seconds")
    check("from 1 to 1000000" in refused(s, anchor, leg, "--packets", "many"), "packets")
    first = Capture(s, anchor, leg, "--seconds", "60")
    net.wait_for(lambda: not first.process.alive() or
                 os.path.exists(first.path) and os.path.getsize(first.path) > 2000, 60,
                 "the first capture takes packets")
    if not first.process.alive():
        first.packets()
    second = os.path.join(s.folder, "second")
    check("one at a time" in refused(s, anchor, leg, "--file", second), "the second")
    check(not os.path.exists(second), "the second has left a file")
    first.process.kill(2)       # Ctrl-C
    check(len(first.packets()) >= 5, "what was taken until then is not in the file")
    small = os.path.join(s.folder, "small")
    os.mkdir(small)
    net.run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", small)
    try:
        said = refused(s, anchor, leg, "--file", small + "/full")
        check("No space left on device" in said and "packets are in it" in said, said)
    finally:
        net.run("umount", small)
    caller.wait_packets(5, since=time.time())


if __name__ == "__main__":
    raise SystemExit(main())
