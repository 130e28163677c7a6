# SPDX-License-Identifier: GPL-2.0-or-later
"""The PBX's own part in media: a socket per leg that passes on what comes, and
what it changes in SDP."""
import re
import socket


def remote_of(sdp):
    """(address, port) where this SDP wants its media, or None (hold, port 0)."""
    address = re.search(r"(?m)^c=IN IP4 ([\d.]+)", sdp or "")
    port = re.search(r"(?m)^m=audio (\d+) ", sdp or "")
    if not address or not port or address.group(1) == "0.0.0.0" or port.group(1) == "0":
        return None
    return address.group(1), int(port.group(1))


def through(sdp, address):
    """The SDP with its media at another address."""
    if remote_of(sdp):
        sdp = re.sub(r"(?m)^c=IN IP4 [\d.]+", "c=IN IP4 " + address[0], sdp)
        sdp = re.sub(r"(?m)^m=audio \d+ ", "m=audio %d " % address[1], sdp)
    return sdp


def _formats(sdp):
    """{payload type: encoding} of the audio line."""
    line = re.search(r"(?m)^m=audio \d+ \S+ ([\d ]+)", sdp)
    names = dict(re.findall(r"(?m)^a=rtpmap:(\d+) (\S+)", sdp))
    static = {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000", "18": "G729/8000"}
    return {f: (names.get(f) or static.get(f, "")).lower() for f in line.group(1).split()}


def common(sdp, other):
    """The SDP with no format that the other has not: the first offer and the
    second, of two parties who both offered, made an answer to each other."""
    theirs = set(_formats(other).values())
    mine = _formats(sdp)
    stay = [f for f, name in mine.items() if name in theirs]
    sdp = re.sub(r"(?m)^(m=audio \d+ \S+) [\d ]+", lambda m: "%s %s" % (
        m.group(1), " ".join(stay)), sdp)
    for gone in set(mine) - set(stay):
        sdp = re.sub(r"(?m)^a=(rtpmap|fmtp):%s .*\r?\n" % gone, "", sdp)
    return sdp


def unheld(sdp):
    """The SDP of a party that was on hold, for one it is to talk to."""
    return re.sub(r"(?m)^a=(sendonly|recvonly|inactive)", "a=sendrecv", sdp or "")


class Port:
    """A leg's RTP port at the PBX: what its party sends goes to the party of
    the leg that it is bridged with."""

    def __init__(self, loop, host, leg):
        self.loop, self.leg = loop, leg
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.address = self.sock.getsockname()
        loop.watch(self.sock, self._readable)

    def _readable(self):
        while True:
            try:
                data = self.sock.recv(4096)
            except (BlockingIOError, ConnectionRefusedError):
                return
            other = self.leg.call.other(self.leg)
            if other and other.port and remote_of(other.sdp):
                try:
                    other.port.sock.sendto(data, remote_of(other.sdp))
                except OSError:     # nobody there any more
                    pass

    def close(self):
        self.loop.unwatch(self.sock)
        self.sock.close()
