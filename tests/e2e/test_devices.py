#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Media devices that go away and come back, are renamed or changed: calls go on
by themselves, also with no controller, and each change is an event."""
import json
import os
import signal
import time

from lib import net, ua
from lib.anchor import programs
from lib.testing import Skip, check, equal, main, scenario

OUTSIDE = "49301110%02d"
PATIENCE = 20   # seconds: a bridge port and a carrier may need some


class Events:
    """What holdfastctl monitor prints."""

    def __init__(self, s, anchor, name="monitor"):
        self.process = s.stage.spawn(s.stage.anchor, name, programs() + "/holdfastctl",
                                     "--socket", anchor.socket, "-j", "monitor")
        net.wait_for(lambda: "hello" in self.process.text(), 10, "the monitor listens")

    def all(self):
        lines = [json.loads(l) for l in self.process.text().splitlines() if l.endswith("}")]
        return [e for e in lines if e.get("event")]

    def wait(self, kind, words, times=1):
        def told():
            return len([e for e in self.all() if e["event"] == kind and
                        words in (e.get("reason") or "")]) >= times
        net.wait_for(told, PATIENCE, "the event %s %r; there were %s" % (
            kind, words, [(e["event"], e.get("reason")) for e in self.all()]))


class Calls:
    """One silent caller who waits, one who talks with a phone."""

    def __init__(self, s, anchor, peer):
        self.silent, self.caller, self.b = s.caller(), s.caller(), s.phone()
        peer.park(OUTSIDE % 1, self.silent)
        anchor.wait_slot(701, "parked")
        peer.park(OUTSIDE % 2, self.caller)
        anchor.wait_slot(702, "parked")
        picked = peer.call("702", "1002", self.b)
        equal(picked.status(), 200, "the answer to the pick-up")
        self.caller.play()
        self.b.play()
        self.flow()

    def flow(self):
        """Hold audio and both ways of the talk go by from now on."""
        now = time.time()
        for media, match in ((self.silent, None), (self.caller, ua.from_media(self.b)),
                             (self.b, ua.from_media(self.caller))):
            media.wait_packets(10, PATIENCE, since=now, match=match)


def xdp_of(anchor, device):
    return {d["device"]: d["xdp"] for d in anchor.ctl("status")["devices"]}[device]


def remake(s, device="trunk0"):
    """Removed and made again: another device of the same name."""
    s.stage.anchor.ip("link", "del", device)
    s.stage.line(device, s.stage.trunk, net.ANCHOR_TRUNK)


@scenario
def made_again(s):
    "a device that is removed and made again: parked and relayed calls go on, and both are events"
    anchor, peer = s.anchor(), s.peer()
    events, calls = Events(s, anchor), Calls(s, anchor, peer)
    s.stage.anchor.ip("link", "del", "trunk0")
    events.wait("media_device_lost", "trunk0 is gone")
    equal(xdp_of(anchor, "trunk0"), "lost", "the device in status")
    s.stage.line("trunk0", s.stage.trunk, net.ANCHOR_TRUNK)
    events.wait("media_device_back", "trunk0 is there again, and attached to (native)")
    calls.flow()
    equal(xdp_of(anchor, "trunk0"), "native", "the device in status")
    # and again, the other one
    s.stage.anchor.ip("link", "del", "office0")
    s.stage.line("office0", s.stage.office, net.ANCHOR_OFFICE)
    events.wait("media_device_back", "office0 is there again")
    calls.flow()


@scenario
def made_again_alone(s):
    "with holdfastd killed a device is made again: calls go on, and the next holdfastd tells of it"
    anchor, peer = s.anchor(), s.peer()
    calls = Calls(s, anchor, peer)
    anchor.kill()
    remake(s)
    calls.flow()
    anchor.again()
    calls.flow()
    equal(xdp_of(anchor, "trunk0"), "native", "the device in status")
    net.wait_for(lambda: "trunk0 is there again" in anchor.process.text(), PATIENCE,
                 "the news of the time before: " + anchor.process.text())
    # told once: not by the one after, too
    anchor.kill()
    anchor.again()
    check("there again" not in anchor.process.text(), anchor.process.text())
    calls.flow()


@scenario
def started_without(s):
    "a holdfastd that starts while a device is gone takes its calls up, and they go on when it is back"
    anchor, peer = s.anchor(), s.peer()
    calls = Calls(s, anchor, peer)
    anchor.kill()
    s.stage.anchor.ip("link", "del", "office0")
    anchor.again()
    equal(xdp_of(anchor, "office0"), "lost", "the device in status")
    events = Events(s, anchor)
    s.stage.line("office0", s.stage.office, net.ANCHOR_OFFICE)
    events.wait("media_device_back", "office0 is there again")
    calls.flow()


@scenario
def changed(s):
    "a new name, hardware address or MTU, and carrier down and up: calls go on, each is an event"
    anchor, peer = s.anchor(), s.peer()
    events, calls = Events(s, anchor), Calls(s, anchor, peer)
    here = s.stage.anchor
    here.ip("link", "set", "trunk0", "address", "02:00:00:00:00:77")
    events.wait("media_device_changed", "trunk0 has another hardware address: 02:00:00:00:00:77")
    calls.flow()
    here.ip("link", "set", "trunk0", "mtu", "1400")
    events.wait("media_device_changed", "trunk0 has another MTU: 1400")
    calls.flow()
    s.stage.trunk.ip("link", "set", "eth0", "down")
    events.wait("media_device_lost", "trunk0 has no carrier")
    s.stage.trunk.ip("link", "set", "eth0", "up")
    events.wait("media_device_back", "trunk0 has a carrier again")
    calls.flow()
    here.ip("link", "set", "trunk0", "down")
    here.ip("link", "set", "trunk0", "name", "wan0")
    here.ip("link", "set", "wan0", "up")
    events.wait("media_device_changed", "trunk0 has another name: wan0")
    calls.flow()
    # A restart by the old configuration finds it under its new name,
    anchor.kill()
    anchor.again()
    check("trunk0 is called wan0 now" in anchor.process.text(), anchor.process.text())
    calls.flow()
    # and one by a configuration that has the new name too.
    anchor.kill()
    with open(anchor.config_path) as f:
        text = f.read().replace('"trunk0"', '"wan0"')
    with open(anchor.config_path, "w") as f:
        f.write(text)
    anchor.again()
    calls.flow()
    equal(xdp_of(anchor, "wan0"), "native", "the device in status")


@scenario
def taken_by_another(s):
    "a device that comes back with somebody else's program is named, and attached to when that is gone"
    anchor, peer = s.anchor(), s.peer()
    events, calls = Events(s, anchor), Calls(s, anchor, peer)
    here = s.stage.anchor
    here.ip("link", "del", "trunk0")
    net.run("ip", "link", "add", "other0", "netns", here.name, "type", "veth", "peer", "name",
            "eth0", "netns", s.stage.trunk.name)
    here.ip("link", "set", "dev", "other0", "xdpdrv", "obj", net.pass_program(), "sec", "xdp")
    here.ip("link", "set", "other0", "name", "trunk0")
    keeper = anchor.socket.rsplit("/", 1)[0]
    net.wait_for(lambda: any("trunk0 already runs the XDP program" in text
                             for text in keeper_logs(s, keeper)), PATIENCE, "the keeper says it")
    equal(xdp_of(anchor, "trunk0"), "lost", "the device in status")
    s.stage.trunk.ip("link", "set", "eth0", "master", "bridge")
    s.stage.trunk.ip("link", "set", "eth0", "up")
    s.stage.trunk.ip("link", "set", "dev", "eth0", "xdpdrv", "obj", net.pass_program(),
                     "sec", "xdp")
    here.ip("addr", "add", net.ANCHOR_TRUNK + "/24", "dev", "trunk0")
    here.ip("link", "set", "trunk0", "up")
    here.ip("link", "set", "dev", "trunk0", "xdpdrv", "off")
    events.wait("media_device_back", "trunk0 is there again")
    calls.flow()


def gap_since(media, since):
    """The longest time without a packet since then, in ms."""
    times = [since] + [at for at, _ in list(media.received) if at >= since]
    return 1000 * max(b - a for a, b in zip(times, times[1:]))


@scenario
def gateways(s):
    "with holdfastd killed a gateway's hardware address and then the route change: silent callers hear on"
    here, far, far6 = s.stage.anchor, "203.0.113.10", "2001:db8:77::10"
    # The callers are behind (in fact: inside) the first gateway, which the second leads to.
    first, second = s.stage.party("gate1", "192.0.2.30"), s.stage.party("gate2", "192.0.2.31")
    first.ip("addr", "add", far + "/32", "dev", "lo")
    second.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
    for at, address in ((here, "::1/64"), (first, "::30/64"), (second, "::31/64")):
        at.ip("addr", "add", "2001:db8" + address, "dev", "trunk0" if at is here else "eth0",
              "nodad")
    first.ip("addr", "add", far6 + "/128", "dev", "lo")
    first.ip("route", "add", "default", "via", "2001:db8::1")
    for at, how in ((second, "add"), (here, "add")):
        at.ip("route", how, far, "via", "192.0.2.30")
        at.ip("route", how, far6, "via", "2001:db8::30")
    anchor = s.anchor(media__addresses=[
        {"address": net.ANCHOR_TRUNK, "interface": "trunk0"},
        {"address": net.ANCHOR_OFFICE, "interface": "office0"},
        {"address": "2001:db8::1", "interface": "trunk0"}])
    peer, silent = s.peer(), []
    for number, address in enumerate((far, far6)):
        silent.append(ua.Media(s.stage, first, address))
        peer.park(OUTSIDE % number, silent[-1])
        anchor.wait_slot(701 + number, "parked")
        silent[-1].wait_packets(60, PATIENCE)
    anchor.kill()

    def forwarded():
        """The fewer of both families."""
        six = second.run("cat", "/proc/net/snmp6").split()
        return min(second.snmp("Ip")["ForwDatagrams"],
                   int(six[six.index("Ip6OutForwDatagrams") + 1]))

    def follows(what, namespace, *commands):
        since = time.time()
        for command in commands:
            namespace.ip(*command.split())
        for media in silent:
            media.wait_packets(10, PATIENCE, since=since + 0.05)
            print("# %s: %s follows after %.0f ms" % (what, media.address,
                                                      gap_since(media, since)))
    # Nobody is told (arp_notify and ndisc_notify are off), and the callers send nothing.
    follows("another hardware address of the gateway", first,
            "link set eth0 address 02:00:00:00:01:30")
    equal(forwarded(), 0, "what the second gateway forwarded so far")
    follows("a route by another gateway", here, "route replace %s via 192.0.2.31" % far,
            "route replace %s via 2001:db8::31" % far6)
    net.wait_for(lambda: forwarded() > 10, PATIENCE, "the new route is taken")
    follows("another hardware address of that one", second,
            "link set eth0 address 02:00:00:00:01:31")
    check(forwarded() > 20, "the second gateway forwarded %d" % forwarded())
    anchor.again()
    for media in silent:
        media.wait_packets(10, PATIENCE, since=time.time())


def keeper_logs(s, folder):
    """The keeper logs where its holdfastd does, or beside its lock."""
    import glob
    texts = []
    for path in glob.glob(folder + "/*.log"):
        with open(path, errors="replace") as f:
            texts.append(f.read())
    return texts


@scenario
def bond(s):
    "on a bond of two devices the active one fails: calls go on by the other, also back, and it is an event"
    here, trunk = s.stage.anchor, s.stage.trunk
    here.ip("link", "del", "trunk0")
    if "Error" in here.ip("link", "add", "trunk0", "type", "bond", "mode", "active-backup",
                          "miimon", "20", check=False):
        raise Skip("this kernel has no bonding")
    for member in ("line0", "line1"):
        s.stage.line(member, trunk, None, master="trunk0")
    here.ip("addr", "add", net.ANCHOR_TRUNK + "/24", "dev", "trunk0")
    here.ip("link", "set", "trunk0", "up")
    anchor, peer = s.anchor(start=False), s.peer()
    anchor.start(180)       # in a VM without hardware
    print("# the receive program is on the bond in %s mode" % xdp_of(anchor, "trunk0"))
    events, calls = Events(s, anchor), Calls(s, anchor, peer)
    trunk.ip("link", "set", "line0", "down")
    events.wait("media_device_changed", "trunk0 sends by another member: line1")
    calls.flow()
    anchor.kill()
    trunk.ip("link", "set", "line0", "up")
    calls.flow()
    trunk.ip("link", "set", "line1", "down")
    calls.flow()


def vlan_of(namespace, device, number, check=True, name="7"):
    return namespace.ip("link", "add", "link", device, "name", "%s.%s" % (device, name),
                        "type", "vlan", "id", str(number), check=check)


class Tagged:
    """The line to the trunk, VLAN 7 of it on both sides: the switch takes and gives
    what has the tag alone."""

    def __init__(self, s):
        self.scene, self.here, self.trunk = s, s.stage.anchor, s.stage.trunk
        if "Error" in vlan_of(self.here, "trunk0", 7, check=False):
            raise Skip("this kernel has no VLANs")
        self.here.ip("addr", "flush", "dev", "trunk0")
        self.trunk.ip("link", "set", "eth0", "nomaster")
        self.switch(7)
        self.put_up()

    def switch(self, number):
        vlan_of(self.trunk, "eth0", number)
        self.trunk.ip("link", "set", "eth0.7", "master", "bridge")
        self.trunk.ip("link", "set", "eth0.7", "up")

    def put_up(self):
        self.here.ip("addr", "add", net.ANCHOR_TRUNK + "/24", "dev", "trunk0.7")
        self.here.ip("link", "set", "trunk0.7", "up")

    def retag(self, number):
        """The device of that name is gone, and there with another id."""
        self.trunk.ip("link", "del", "eth0.7")
        self.switch(number)
        vlan_of(self.here, "trunk0", number)

    def anchor(self):
        anchor = self.scene.anchor(start=False, media__addresses=[
            {"address": net.ANCHOR_TRUNK, "interface": "trunk0.7"},
            {"address": net.ANCHOR_OFFICE, "interface": "office0"}])
        anchor.start(180)       # in a VM without hardware
        return anchor


@scenario
def vlan(s):
    "on a VLAN device calls go by the device below it, natively and with the tag, also when it was gone"
    here, trunk, line = s.stage.anchor, s.stage.trunk, Tagged(s)
    anchor, peer = line.anchor(), s.peer()
    equal(xdp_of(anchor, "trunk0"), "native", "the device below in status")
    events, calls = Events(s, anchor), Calls(s, anchor, peer)
    # Turned around, too: the paced sender is away for a moment.
    calls.silent.play()
    for pid in s.stage.keepers():
        os.kill(pid, signal.SIGSTOP)
    mark = time.time()
    calls.silent.wait_packets(10, PATIENCE, since=mark)
    calls.silent.stop()
    for pid in s.stage.keepers():
        os.kill(pid, signal.SIGCONT)
    here.ip("link", "del", "trunk0.7")
    events.wait("media_device_lost", "trunk0.7 is gone")
    # Until now the tag came beside the frame, as from hardware; now in it. With
    # another id it is still the device of that name.
    trunk.run("ethtool", "-K", "eth0", "txvlan", "off")
    line.retag(9)
    line.put_up()
    events.wait("media_device_back", "trunk0.7 is there again")
    calls.flow()
    # A holdfastd that starts while it is gone takes the calls up (and listens for
    # SIP on an address that is to come).
    here.sysctl(ipv4__ip_nonlocal_bind=1)
    anchor.kill()
    here.ip("link", "del", "trunk0.7")
    anchor.again()
    check("the VLAN device trunk0.7 is gone" in anchor.process.text(), anchor.process.text())
    vlan_of(here, "trunk0", 9)
    line.put_up()
    calls.flow()
    # One that starts when it has another id, too.
    anchor.kill()
    here.ip("link", "del", "trunk0.7")
    line.retag(7)
    line.put_up()
    anchor.again()
    calls.flow()
    equal(anchor.ctl("stats")["counters"]["drop_mtu"], 0, "packets too large for the tag")


@scenario
def vlan_swallowed(s):
    "below a VLAN device one that swallows redirected frames is named: music is heard, and after the fix talk"
    line = Tagged(s)
    s.stage.trunk.ip("link", "set", "dev", "eth0", "xdpdrv", "off")
    s.stage.trunk.run("ethtool", "-K", "eth0", "gro", "off")
    anchor, peer = line.anchor(), s.peer()
    caller, phone = s.caller(), s.phone()
    peer.park(OUTSIDE % 1, caller)
    caller.wait_packets(20, PATIENCE)
    net.wait_for(lambda: "packets to trunk0 (veth), which swallows frames from XDP, and all talk "
                 "there: give its other end" in anchor.ctl("status")["engine_reason"], PATIENCE,
                 "status names it: " + anchor.ctl("status")["engine_reason"])
    equal(xdp_of(anchor, "trunk0"), "native", "the device below in status")
    equal(peer.call("701", "1002", phone).status(), 200, "the answer to the pick-up")
    s.stage.trunk.ip("link", "set", "dev", "eth0", "xdpdrv", "obj", net.pass_program(), "sec",
                     "xdp")
    caller.play()
    phone.play()
    for one, other in ((caller, phone), (phone, caller)):
        one.wait_packets(10, 2 * PATIENCE, match=ua.from_media(other))


if __name__ == "__main__":
    raise SystemExit(main())
