#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Events by netlink, followed by the two examples in Documentation/examples."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys

from lib import net
from lib.anchor import programs
from lib.testing import check, equal, main, scenario

EXAMPLES = os.path.join(net.ROOT, "Documentation/examples")
OUTSIDE = "4930111111"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def compiled(folder):
    """The C example, as its first lines say."""
    program = os.path.join(folder, "follow")
    flags = net.run("pkg-config", "--cflags", "--libs", "libnl-genl-3.0").split()
    net.run("gcc", "-Wall", "-Werror", "-o", program, os.path.join(EXAMPLES, "follow.c"),
            "-I" + os.path.join(net.ROOT, "include"), *flags)
    return program


class Follower:
    """One of the examples, running where the controller runs."""

    def __init__(self, s, name, *argv):
        self.process = s.stage.spawn(s.stage.anchor, name, *argv)
        net.wait_for(lambda: "following" in self.text(), 10, "%s follows" % name)

    def text(self):
        return self.process.text()

    def wait(self, what, seconds=10):
        net.wait_for(lambda: what in self.text(), seconds, "%r in: %s" % (what, self.text()))


def forge(s, event, number):
    """A netlink message like those of the controller, sent by an ordinary user."""
    def attribute(kind, value):
        return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
    sys.path.insert(0, EXAMPLES)
    import follow
    numbers = {name: i for i, (name, _) in follow.header()[0].items()}
    body = struct.pack("=BBH", 7, 1, 0) + attribute(
        numbers["number"], struct.pack("=Q", number)) + attribute(
        numbers["event"], event.encode() + b"\0")
    message = struct.pack("=IHHII", 16 + len(body), 16, 0, 0, 0) + body
    # The group gets it, and then the kernel says that itself it does not listen.
    code = ("import socket,sys\ns=socket.socket(16,3,2)\ntry:\n"
            " s.sendto(bytes.fromhex(sys.argv[1]), (0, 1 << 20))\n"
            "except ConnectionRefusedError: pass\nelse: sys.exit('not sent')")
    s.stage.anchor.run(*NOBODY, "/usr/bin/python3", "-c", code, message.hex())


@scenario
def examples_follow(s):
    "both examples tell of a park and a pick-up, with everything that is known of it"
    anchor, peer = s.anchor(), s.peer()
    c = Follower(s, "follow", compiled(s.folder))
    python = Follower(s, "follow.py", "/usr/bin/python3", os.path.join(EXAMPLES, "follow.py"))
    call = peer.park(OUTSIDE, s.caller())
    anchor.wait_slot(701, "parked")
    for follower in (c, python):
        follower.wait("parked")
    pick = peer.call("701", "1002", s.phone())
    equal(pick.status(), 200, "the answer to the pick-up")
    for follower in (c, python):
        follower.wait("retrieved")
    call.bye()
    events = [json.loads(line) for line in python.text().splitlines()]
    parked = next(e for e in events if e.get("event") == "parked")
    equal(parked["slot"], "701", "the slot")
    equal(parked["lot"], "main", "the lot")
    equal(parked["caller_number"], OUTSIDE, "the caller")
    equal(parked["instance"], s.stage.id, "the instance")
    check(parked["parker"].startswith("sip:1001@"), parked["parker"])
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        equal(parked["boot_id"], f.read().strip(), "the boot id")
    numbers = [e["number"] for e in events if "number" in e]
    equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "the numbers")


@scenario
def forged_events(s):
    "an event that an ordinary user forged is ignored, and that user hears none"
    s.anchor()
    program = compiled(s.folder)
    c = Follower(s, "follow", program)
    python = Follower(s, "follow.py", "/usr/bin/python3", os.path.join(EXAMPLES, "follow.py"))
    forge(s, "forged", 4711)
    s.peer().park(OUTSIDE, s.caller())
    for follower in (c, python):
        follower.wait("parked")
        check("4711" not in follower.text(), follower.text())
    os.chmod(s.folder, 0o755)
    denied = subprocess.run(s.stage.anchor.argv(
        *NOBODY, "/usr/bin/python3", "-c",
        "import socket; s=socket.socket(16,3,2); s.bind((0,0)); s.setsockopt(270,1,21)"),
        stderr=subprocess.PIPE, text=True, check=False)
    check("PermissionError" in denied.stderr, "nobody may subscribe: " + denied.stderr)


@scenario
def stopped_follower(s):
    "a follower that was stopped under load says how many events it lost"
    anchor, peer = s.anchor(), s.peer()
    # A queue so short that a stopped reader overflows within the test.
    code = ("import sys; sys.path.insert(0, %r); import follow, socket\n"
            "real = follow.subscribe\n"
            "def subscribe(*a):\n"
            "    s = real(*a); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)\n"
            "    return s\n"
            "follow.subscribe = subscribe; sys.argv = ['follow.py']; follow.main()\n" % EXAMPLES)
    python = Follower(s, "follow.py", "/usr/bin/python3", "-u", "-c", code)
    first = peer.park(OUTSIDE, s.caller())
    python.wait("parked")
    # nsenter became the follower: it is the process itself
    os.kill(python.process.pid, signal.SIGSTOP)
    before = anchor.ctl("status")["last_event"]
    for _ in range(20):
        call = peer.park(OUTSIDE, s.caller())
        call.bye()
        call = None
    net.wait_for(lambda: anchor.ctl("status")["last_event"] >= before + 40, 10, "40 events")
    os.kill(python.process.pid, signal.SIGCONT)

    # What comes while its queue is still full is lost, too: the gap is only seen
    # at an event that gets through.
    def gap_is_told():
        peer.park(OUTSIDE, s.caller()).bye()
        return '"lost"' in python.text()
    net.wait_for(gap_is_told, 20, "the gap is told")
    first.bye()
    anchor.wait_slot(701, "free")
    python.wait('"number": %d,' % anchor.ctl("status")["last_event"])
    events = [json.loads(line) for line in python.text().split("\n")[:-1]][1:]
    lost = sum(e.get("lost", 0) for e in events)
    heard = [e["number"] for e in events if "number" in e]
    equal(lost + len(heard), heard[-1] - heard[0] + 1, "events heard and lost")


@scenario
def stopped_monitor(s):
    "a monitor that was stopped under load says what it lost, shows the slots and goes on"
    anchor, peer = s.anchor(), s.peer()
    process = s.stage.spawn(s.stage.anchor, "monitor", os.path.join(programs(), "holdfastctl"),
                            "-s", anchor.socket, "-j", "monitor", "--until", "expired")

    def told():
        # the last line may be half written
        return [json.loads(line) for line in process.text().split("\n")[:-1]]
    net.wait_for(told, 5, "the monitor says hello")
    equal(told()[0]["hello"]["source"], "usersock", "the source")
    peer.park(OUTSIDE, s.caller())
    net.wait_for(lambda: len(told()) > 1, 5, "the monitor hears of the park")
    equal(sorted(told()[1]), sorted(json_keys(anchor, peer, s)), "the keys of an event")
    os.kill(process.pid, signal.SIGSTOP)
    media = s.caller()
    before = anchor.ctl("status")["last_event"]
    while anchor.ctl("status")["last_event"] < before + 700:
        calls = [peer.park(OUTSIDE, media) for _ in range(4)]
        for call in calls:
            call.bye()
    os.kill(process.pid, signal.SIGCONT)
    net.wait_for(lambda: any("lost" in t for t in told()), 10, "the monitor says lost")
    lost = next(t for t in told() if "lost" in t)
    check("701" in [slot["slot"] for slot in lost["slots"] if slot["state"] == "parked"],
          "the table does not show the parked call")
    mark = len(told())
    peer.park(OUTSIDE, s.caller())
    net.wait_for(lambda: len(told()) > mark, 5, "the monitor hears what comes afterwards")
    heard = sum("number" in t for t in told())
    net.wait_for(lambda: sum(t.get("lost", 0) for t in told()) + sum(
        "number" in t for t in told()) == anchor.ctl("status")["last_event"], 5,
        "heard (%d) and lost are all there were: %s" % (heard, [t for t in told()
                                                               if "lost" in t]))


def json_keys(anchor, peer, s):
    """The keys of an event on the control socket."""
    line = socket.socket(socket.AF_UNIX)
    line.connect(anchor.socket)
    line.sendall(b'{"command":"monitor"}\n')
    stream = line.makefile()
    stream.readline()
    peer.park(OUTSIDE, s.caller()).bye()
    keys = json.loads(stream.readline()).keys()
    line.close()
    return keys


if __name__ == "__main__":
    raise SystemExit(main())
