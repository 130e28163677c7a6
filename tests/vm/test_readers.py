#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens to calls, told by the kernel module; scene.py runs these."""
import json
import os
import signal
import struct
import sys
import time

from scene import (HERE, PORT, Listed, check, insmod, listen, loaded, net, rmmod,
                   scenario)

EXAMPLES = os.path.join(HERE, "../../Documentation/examples")
sys.path.insert(0, EXAMPLES)
import follow  # noqa: E402

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
PORT_FREE = PORT + 2000     # where nobody listens


class Follower:
    """A reader of events in the anchor's namespace."""

    def __init__(self, s, name, *argv):
        self.process = s.stage.spawn(s.stage.anchor, name, *argv)
        self.pid = self.process.pid     # nsenter became the reader
        net.wait_for(lambda: self.process.text().count("\n"), 60, "%s follows" % name)
        self.hello = self.process.text().splitlines()[0]

    def lines(self):
        # the last line may be half written
        return self.process.text().split("\n")[1:-1]

    def events(self):
        return [json.loads(line) for line in self.lines()]

    def wait(self, what, seconds=60):
        net.wait_for(lambda: any(what in line for line in self.lines()), seconds,
                     "%r in: %s" % (what, self.process.text()[-2000:]))


def monitor(s, name):
    return Follower(s, name, "/holdfast/build/holdfastctl", "-s", s.anchor.socket, "-j", "monitor")


def example(s, name):
    return Follower(s, name, "/usr/bin/python3", os.path.join(EXAMPLES, "follow.py"))


def numbers_of(events):
    return [e["number"] for e in events if "number" in e]


def park(s, number):
    return s.peer.park(number, Listed(PORT_FREE))


def gapless(numbers):
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@scenario
def all_readers(s):
    "the module tells both examples and the monitor of a park and its end, each once"
    s.module()
    c = Follower(s, "follow-c", "/holdfast/build/vm/follow")
    python, watch = example(s, "follow-py"), monitor(s, "monitor")
    check("module" in c.hello, c.hello)
    check(json.loads(python.hello)["following"] == "module", python.hello)
    check(json.loads(watch.hello)["hello"]["source"] == "module", watch.hello)
    park(s, "49305551").bye()
    for follower in (c, python, watch):
        follower.wait("parked")
        follower.wait("abandoned")
    told = [e["event"] for e in python.events()]
    check(told == [e["event"] for e in watch.events()], "the monitor heard other events")
    check(told == [line.split()[1] for line in c.lines()], "the C example heard other events")
    check(gapless(numbers_of(python.events())), "numbers with holes: %s" % told)
    parked = next(e for e in python.events() if e["event"] == "parked")
    check(parked["caller_number"] == "49305551", "the caller: %s" % parked)
    check(parked["instance"] == s.stage.id, "the instance: %s" % parked)


@scenario
def module_goes(s):
    "readers miss nothing when the module goes, and when it comes back"
    s.module()
    python, watch = example(s, "follow-mod"), monitor(s, "monitor-mod")
    park(s, "49305552").bye()
    rmmod()
    park(s, "49305553").bye()
    watch.wait("49305553")
    insmod()
    s.wait_engine("kmod", 60)
    # The controller looks for the module every ten seconds.
    deadline = time.monotonic() + 120
    while True:
        park(s, "49305554").bye()
        before = heard_by_module(s)
        park(s, "49305555").bye()
        if heard_by_module(s) > before:
            break
        check(time.monotonic() < deadline, "the controller does not find the module again")
        listen(1)
    last = s.anchor.ctl("status")["last_event"]
    for follower in (python, watch):
        net.wait_for(lambda f=follower: numbers_of(f.events())[-1:] == [last], 60,
                     "event %d is heard" % last)
        check(not any("lost" in e for e in follower.events()), "events were lost")
        check(gapless(numbers_of(follower.events())), "numbers with holes")
    check(loaded(), "the module has gone")


def heard_by_module(s):
    """How many events the kernel's generic netlink has sent here: none of the
    controller's own socket reaches its group."""
    return len(_ear(s).drain())


class _Group:
    """Counts what comes by the module's group alone."""

    def __init__(self, s):
        self.socket = s.stage.anchor.call(
            lambda: follow.subscribe(follow.GENERIC, follow.group_of(b"holdfast", b"events")))
        self.socket.setblocking(False)
        self.heard = []

    def drain(self):
        while True:
            try:
                self.heard.append(self.socket.recv(65536))
            except BlockingIOError:
                return self.heard


_groups = {}


def _ear(s):
    group = s.stage.anchor.call(lambda: follow.group_of(b"holdfast", b"events"))
    if group not in _groups:
        _groups[group] = _Group(s)
    return _groups[group]


@scenario
def stopped_reader(s):
    "a monitor stopped for 10 s under load says what it lost, and shows the slots"
    s.module()
    s.park(5)
    watch = monitor(s, "monitor-stop")
    park(s, "49305556").bye()
    watch.wait("abandoned")
    os.kill(watch.pid, signal.SIGSTOP)
    before, since = s.anchor.ctl("status")["last_event"], time.monotonic()
    while (time.monotonic() < since + 10 or
           s.anchor.ctl("status")["last_event"] < before + 400):
        for call in [park(s, "4930556%02d" % i) for i in range(8)]:
            call.bye()
    os.kill(watch.pid, signal.SIGCONT)
    watch.wait('"lost"')
    lost = next(e for e in watch.events() if "lost" in e)
    parked = [slot["slot"] for slot in lost["slots"] if slot["state"] == "parked"]
    check(len(parked) >= 5, "the table shows %s" % parked)
    park(s, "49305557").bye()
    watch.wait("49305557")

    def all_accounted():
        events = watch.events()
        return (sum(e.get("lost", 0) for e in events) + len(numbers_of(events)) ==
                s.anchor.ctl("status")["last_event"] - numbers_of(events)[0] + 1)
    net.wait_for(all_accounted, 60, "heard and lost are all there were")
    print("# %d events, %d of them lost to the reader" % (
        s.anchor.ctl("status")["last_event"] - before, sum(e.get("lost", 0)
                                                           for e in watch.events())))


FORGE = """
import os, socket, sys
protocol, group, message = int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3])
s = socket.socket(16, 3, protocol)
try:
    s.sendto(message, (0, 1 << group - 1 if group else 0))
except ConnectionRefusedError:      # of the kernel's own socket: the group has it
    print("sent"); sys.exit()
except PermissionError:
    print("refused"); sys.exit()
answer = s.recv(65536) if protocol == 16 else b""
print("sent" if not answer else "answered %d" % int.from_bytes(answer[16:20], "little", signed=True))
"""


def forged(kind, number):
    """An event as the controller would send it, in a message of this type."""
    numbers = {name: i for i, (name, _) in follow.header()[0].items()}

    def attribute(name, value):
        return struct.pack("=HH", 4 + len(value), numbers[name]) + value + bytes(-len(value) % 4)
    return (attribute("number", struct.pack("=Q", number)) +
            attribute("event", b"forged\0") + attribute("instance", kind.encode() + b"\0"))


def forge(s, protocol, group, kind, command):
    body = struct.pack("=BBH", command, 1, 0) + forged(s.stage.id, 999999)
    message = struct.pack("=IHHII", 16 + len(body), kind, 5, 1, 0) + body
    return s.stage.anchor.run(*NOBODY, "/usr/bin/python3", "-c", FORGE, str(protocol),
                              str(group), message.hex()).strip()


def family_id(s):
    def ask():
        name = b"holdfast\0"
        attribute = struct.pack("=HH", 4 + len(name), 2) + name + bytes(-len(name) % 4)
        sock = follow.socket.socket(16, 3, 16)
        sock.send(struct.pack("=IHHIIBBH", 20 + len(attribute), 16, 1, 1, 0, 3, 1, 0) + attribute)
        return struct.unpack("=H", follow.attributes_of(sock.recv(65536)[20:])[1])[0]
    return s.stage.anchor.call(ask)


@scenario
def forgery(s):
    "nobody can make the module tell a forged event, and one beside it is ignored"
    s.module()
    family = family_id(s)
    group = s.stage.anchor.call(lambda: follow.group_of(b"holdfast", b"events"))
    python, watch = example(s, "follow-forged"), monitor(s, "monitor-forged")
    # commands 6 and 7: notify, and the event itself
    said = forge(s, 16, 0, family, 6)
    check(said == "answered -1", "the module takes events from nobody: " + said)
    said = forge(s, 16, group, family, 7) if group <= 32 else "refused"
    check(said == "refused", "nobody may speak to the module's group: " + said)
    said = forge(s, 2, 21, 16, 7)
    check(said == "sent", "nobody speaks on the controller's group: " + said)
    park(s, "49305558").bye()
    for follower in (python, watch):
        follower.wait("abandoned")
        check("999999" not in follower.process.text(), follower.process.text())


@scenario
def nobody_listens(s):
    "nobody may subscribe: neither to the module's group nor to the controller's"
    s.module()
    group = s.stage.anchor.call(lambda: follow.group_of(b"holdfast", b"events"))
    for protocol, number in ((16, group), (2, 21)):
        said = s.stage.anchor.run(
            *NOBODY, "/usr/bin/python3", "-c",
            "import socket\ns = socket.socket(16, 3, %d)\ns.bind((0, 0))\n"
            "s.setsockopt(270, 1, %d)" % (protocol, number), check=False)
        check("PermissionError" in said, "protocol %d: %s" % (protocol, said))
