#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who sends the hold audio, and where it must go out another way: devices that
swallow what XDP redirects to them, and a PBX on the same host."""
import struct

from lib import net, ua
from lib.testing import check, equal, main, scenario

OUTSIDE = "4930111111"


def headers(media, since=0.0):
    """(sequence number, timestamp, SSRC) of what came, in order."""
    return [struct.unpack_from("!HII", data, 2) for at, data in list(media.received)
            if at >= since and len(data) >= 12]


def one_stream(media, at_least, hold=True):
    """Each packet once, in order. Hold frames by one clock: a late sender skips
    time, never a sequence number, so timestamps move by whole packet times."""
    got = headers(media)
    check(len(got) >= at_least, "only %d packets" % len(got))
    equal(len({ssrc for _, _, ssrc in got}), 1, "number of SSRCs")
    for (seq, ts, _), (next_seq, next_ts, _) in zip(got, got[1:]):
        equal(next_seq - seq & 0xffff, 1, "the step of the sequence behind %d" % seq)
        step = next_ts - ts & 0xffffffff
        check(not hold or step and step % 160 == 0 and step < 160 * 500, "a timestamp step of %d" % step)


def status_of(anchor, words, engine):
    """The engine is this one, and its reason says these words."""
    def told():
        status = anchor.ctl("status")
        return status["engine"] == engine and words in status["engine_reason"]
    if not net.settles(told, 10):
        status = anchor.ctl("status")
        check(False, "the engine is %s: %s" % (status["engine"], status["engine_reason"]))


def talks(s, anchor, peer, caller, phone, slot="701"):
    """Who waits there is picked up, and both hear each other."""
    pick = peer.call(slot, "1002", phone)
    equal(pick.status(), 200, "the answer to the pick-up")
    caller.play()
    phone.play()
    for one, other in ((caller, phone), (phone, caller)):
        one.wait_packets(30, 15, match=ua.from_media(other))
    caller.stop()
    phone.stop()


@scenario
def packet_engine(s):
    "with pacer: packet silent callers hear every frame, through a relay and back"
    anchor, peer = s.anchor(media__pacer="packet"), s.peer()
    caller, phone = s.caller(), s.phone()
    call = peer.park(OUTSIDE, caller)
    caller.wait_packets(100, 15)
    one_stream(caller, 100)
    status_of(anchor, "media.pacer is packet", "packet")
    check(anchor.ctl("stats")["counters"]["hold_paced"] >= 100, "the frames are not counted")
    pick = peer.call("701", "1002", phone)
    equal(pick.status(), 200, "the answer to the pick-up")
    phone.play()
    caller.wait_packets(20, 10, match=ua.from_media(phone))
    phone.stop()
    call.bye()


@scenario
def swallowed(s):
    "a device that swallows redirected frames is named with its fix, callers there hear music and talk"
    # Nobody polls behind this device now: what is redirected to it vanishes.
    s.stage.trunk.ip("link", "set", "dev", "eth0", "xdpdrv", "off")
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    call = peer.park(OUTSIDE, caller)
    caller.wait_packets(50, 15)
    one_stream(caller, 50)
    status_of(anchor, "packets to trunk0 (veth), which swallows frames from XDP: give its "
              "other end an XDP program or generic receive offload", "bpf")
    # Nor would what is relayed there arrive, from either device.
    talks(s, anchor, peer, caller, s.phone())
    status_of(anchor, "generic XDP on trunk0, which any device sends for; generic XDP on office0",
              "bpf")
    anchor.kill()
    anchor.again()
    status_of(anchor, "generic XDP on trunk0, which any device sends for", "bpf")
    call.bye()


@scenario
def polled_only(s):
    "behind a veth device whose other end only polls, two on one device talk and stay in native mode"
    # Redirected frames arrive there; those of XDP_TX need a program at the other end.
    s.stage.trunk.ip("link", "set", "dev", "eth0", "xdpdrv", "off")
    s.stage.trunk.run("ethtool", "-K", "eth0", "gro", "on")
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    call = peer.park(OUTSIDE, caller)
    caller.wait_packets(20, 15)
    talks(s, anchor, peer, caller, ua.Media(s.stage, s.stage.caller2, net.CALLER2))
    equal({d["xdp"] for d in anchor.ctl("status")["devices"]}, {"native"}, "modes of XDP")
    call.bye()


@scenario
def same_host(s):
    "a PBX on the same host parks, hears music over lo, picks up and talks, also after a restart"
    here = s.stage.anchor
    anchor = s.anchor(sip__trusted=[net.ANCHOR_TRUNK + "/32"],
                      sip__outbound_proxy="sip:%s:5070" % net.ANCHOR_TRUNK)
    peer = s.peer(address=net.ANCHOR_TRUNK, port=5070, namespace=here)
    caller = ua.Media(s.stage, here, net.ANCHOR_TRUNK)
    phone = ua.Media(s.stage, here, net.ANCHOR_TRUNK)
    call = peer.park(OUTSIDE, caller)
    caller.wait_packets(50, 15)
    status_of(anchor, "packets to this host", "bpf")
    # A caller that talks is heard, and consumed: no port unreachable comes back.
    caller.play()
    caller.wait_packets(100, 15)
    one_stream(caller, 100)
    pick = peer.call("701", "1002", phone)
    equal(pick.status(), 200, "the answer to the pick-up")
    phone.play()
    caller.wait_packets(50, 10, match=ua.from_media(phone))
    phone.wait_packets(50, 10, match=ua.from_media(caller))
    anchor.kill()
    anchor.name = "holdfastd-again"
    anchor.start()
    before = caller.count()
    net.wait_for(lambda: caller.count() > before + 50, 10, "the talk goes on")
    one_stream(caller, 150, hold=False)
    phone.stop()
    caller.stop()
    call.bye()
    equal(here.snmp()["InCsumErrors"], 0, "datagrams with a wrong sum")


def mixed_talk(s):
    """A caller from outside and a phone on the same host, with one media device:
    until there is a peer on this host its packets are gathered."""
    here = s.stage.anchor
    on = [{"address": net.ANCHOR_TRUNK, "interface": "trunk0"}]
    anchor = s.anchor(sip__trusted=[net.ANCHOR_TRUNK + "/32"], media__addresses=on,
                      sip__outbound_proxy="sip:%s:5070" % net.ANCHOR_TRUNK)
    peer = s.peer(address=net.ANCHOR_TRUNK, port=5070, namespace=here)
    caller, phone = s.caller(), ua.Media(s.stage, here, net.ANCHOR_TRUNK)
    call = peer.park(OUTSIDE, caller)
    caller.wait_packets(20, 15)
    talks(s, anchor, peer, caller, phone)
    call.bye()
    counters = anchor.ctl("stats")["counters"]
    # One each way may come before the way is resolved; without a way all would.
    check(counters["drop_no_hop"] <= 2, "%d packets had no way out" % counters["drop_no_hop"])
    equal(counters["tx_refused"], 0, "packets that the way out refused")
    equal(here.snmp()["InCsumErrors"], 0, "datagrams with a wrong sum")
    return anchor


@scenario
def same_host_mixed(s):
    "a caller from outside and a phone on the same host talk, from a device in native mode"
    anchor = mixed_talk(s)
    equal({d["device"]: d["xdp"] for d in anchor.ctl("status")["devices"]},
          {"trunk0": "native", "lo": "generic"}, "modes of XDP")


@scenario
def same_host_swallowed(s):
    "so do they where the device outside swallows redirected frames, which is named with its fix"
    s.stage.trunk.ip("link", "set", "dev", "eth0", "xdpdrv", "off")
    anchor = mixed_talk(s)
    status_of(anchor, "packets to trunk0 (veth), which swallows frames from XDP: give its "
              "other end an XDP program or generic receive offload", "bpf")


@scenario
def own_ports(s):
    "a peer whose SDP names one of our own media ports gets 488"
    s.anchor()
    peer, caller = s.peer(), s.caller()
    call = peer.call("700", OUTSIDE, caller, referred_by="1001",
                     sdp=caller.sdp(address=net.ANCHOR_TRUNK, port=20010))
    equal(call.status(), 488, "the answer")


if __name__ == "__main__":
    raise SystemExit(main())
