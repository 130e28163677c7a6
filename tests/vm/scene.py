#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The stage of the scenarios with the kernel module, and what runs them:

    scene.py test_readers,test_calls [WORDS]

runs the scenarios of these files (those whose sentence contains WORDS). Inside
scripts/vm, where the module can be loaded and taken away; stage, anchor and peer
are those of the end-to-end scenarios.
"""
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from lib import anchor, net, ua  # noqa: E402

CALLS = int(os.environ.get("HF_VM_CALLS", "200"))
SECONDS = int(os.environ.get("HF_VM_SECONDS", "10"))
PORT = 50000
ANCHOR6, CALLER6 = "2001:db8::1", "2001:db8::10"
KO = os.environ.get("HOLDFAST_KO", "/holdfast/holdfast.ko")
HERE = os.path.dirname(os.path.abspath(__file__))
os.environ["HOLDFAST_MODPROBE"] = os.path.join(HERE, "modprobe")
_scenarios = []


class Wrong(AssertionError):
    pass


class Skip(Exception):
    pass


def scenario(function):
    """On the stage that the scenarios before it have left."""
    _scenarios.append(function)
    function.alone = False
    return function


def alone(function):
    """On a stage of its own, after all the others."""
    function.alone = True
    return function


def check(condition, what):
    if not condition:
        raise Wrong(what)


def loaded():
    return os.path.isdir("/sys/module/holdfast")


def insmod():
    net.run("busybox", "insmod", KO)


def rmmod():
    net.run("busybox", "rmmod", "holdfast")


class Listed:
    """Where a caller listens, for its SDP: ear hears, nobody sends."""

    def __init__(self, port):
        self.port, self.dest = port, None

    def sdp(self, version=1):
        return ("v=0\r\no=- %d %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
                "m=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n" % (
                    self.port, version, net.CALLER, net.CALLER, self.port))

    def towards(self, _):
        pass


class Ear:
    """The program that counts what the caller's device receives."""

    def __init__(self, stage):
        self.process = subprocess.Popen(
            stage.caller.argv("/holdfast/build/vm/ear", "eth0", str(PORT), str(CALLS)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def finish(self):
        """{port: stream}"""
        out, _ = self.process.communicate()
        streams = {}
        for line in out.splitlines():
            numbers = line.split()
            if numbers[0] == "lost":
                check(numbers[1] == "0", "the ear missed %s packets" % numbers[1])
                continue
            port, *rest = map(int, numbers)
            streams[port] = dict(zip(("packets", "holes", "doubles", "skipped", "bad",
                                      "first_ms", "last_ms", "swapped"), rest))
        return streams


class Scene:
    def __init__(self, name, folder):
        self.stage = net.Stage(name[:5], folder)
        shutil.copy("/holdfast/build/vm/hold.wav", os.path.join(folder, "hold.wav"))
        # what a scenario that is alone may change before it begins
        self.settings = anchor.config(media__ports="20000-20999",
                                      lot__slots="701-950", lot__timeout_s=600)
        self.stage.anchor.ip("-6", "addr", "add", ANCHOR6 + "/64", "dev", "trunk0", "nodad")
        self.settings["media"]["addresses"].append({"address": ANCHOR6, "interface": "trunk0"})
        self.calls = []
        self.anchor = None

    def begin(self, start=True):
        """Once: loading the XDP programs takes an emulated CPU its time."""
        if self.anchor:
            return
        self.anchor = anchor.Anchor(self.stage, self.settings, start=False)
        self.peer = ua.Peer(self.stage)
        check(self.stage.caller, "there is a caller to send to")
        if start:
            self.anchor.start(600)

    def module(self):
        """The module is there, and sends."""
        if not loaded():
            insmod()
        self.begin()
        return self.wait_engine("kmod")

    def park(self, count):
        """So many callers wait, no more and no less."""
        while len(self.calls) > count:
            self.calls.pop().bye()
        for i in range(len(self.calls), count):
            call = self.peer.park("49301%06d" % i, Listed(PORT + 2 * i))
            self.calls.append(call)

    def status(self):
        return self.anchor.ctl("status")

    def wait_engine(self, engine, seconds=60):
        net.wait_for(lambda: self.status()["engine"] == engine, seconds,
                     "the engine is %s (%s)" % (engine, self.status()["engine_reason"]))
        return self.status()["engine_reason"]


def dropped_by(namespace):
    """{device and direction: frames it dropped}"""
    drops = {}
    for link in json.loads(namespace.run("ip", "-j", "-s", "link", "show")):
        for way in ("rx", "tx"):
            count = link["stats64"][way]["dropped"] + link["stats64"][way]["errors"]
            drops["%s %s %s" % (namespace.name.rsplit("-", 1)[1], link["ifname"], way)] = count
    return drops


def drops(stage):
    """What lies between the module and the ear has lost: the 256 entries of a veth
    pair and the kernel's backlog are soon full when an emulated CPU stands still."""
    result = {}
    for namespace in (stage.anchor, stage.trunk, stage.caller):
        result.update(dropped_by(namespace))
    with open("/proc/net/softnet_stat") as f:
        result["backlog"] = sum(int(line.split()[1], 16) for line in f)
    return result


def lost_between(before, after):
    """How many frames, and where."""
    where = {k: after[k] - before.get(k, 0) for k in after if after[k] != before.get(k, 0)}
    if where:
        print("# lost behind the module: %s" % where)
    return sum(where.values())


def exact(streams, count, lost=0):
    """Each frame once, in order, by the clock; what was late is said. `lost`: so
    many were lost behind the module, some of them before or after the ear."""
    check(len(streams) == count, "%d streams were heard, not %d" % (len(streams), count))
    for wrong in ("holes", "doubles", "bad"):
        n = sum(s[wrong] for s in streams.values())
        check(n <= (lost if wrong == "holes" else 0), "%d %s in %d of %d streams of %d packets, %d skipped" % (
            n, wrong, sum(s[wrong] > 0 for s in streams.values()), len(streams),
            sum(s["packets"] for s in streams.values()),
            sum(s["skipped"] for s in streams.values())))
    for port, s in streams.items():
        span = (s["last_ms"] - s["first_ms"]) / 20 + 1
        owed = s["packets"] + s["skipped"] + s["holes"]
        # The first and the last may each be 60 ms late, and the ear be late, too.
        check(abs(owed - span) <= 8, "stream %d: %d sent or skipped in %.1f packet times" % (
            port, owed, span))
    return sum(s["packets"] for s in streams.values()), sum(
        s["skipped"] for s in streams.values())


def listen(seconds):
    """How long the stage is listened to: the one thing that takes its time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        signal.sigtimedwait([], 0.1)


_shared = None      # the stage of the scenarios that are not alone


def leave():
    global _shared
    if _shared:
        _shared.stage.close()
    _shared = None
    if loaded():
        rmmod()


def run_one(function):
    global _shared
    folder = os.path.join("/tmp/calls", function.__name__)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    os.environ["HOLDFAST_MODPROBE"] = os.path.join(HERE, "modprobe")
    try:
        if function.alone:
            leave()
        if not _shared:
            _shared = Scene(function.__name__, folder)
        function(_shared)
        return "ok", None
    except Skip as reason:
        return "skip", str(reason)
    except (Wrong, net.Failed) as error:
        return "not ok", str(error)
    except Exception:  # a broken scenario is a failed one
        return "not ok", traceback.format_exc()


def logs():
    """The end of every log of the stage, for whoever looks for what failed."""
    for log in sorted(os.listdir(_shared.stage.folder)) if _shared else []:
        if log.endswith(".log"):
            with open(os.path.join(_shared.stage.folder, log), errors="replace") as f:
                for line in f.read().splitlines()[-15:]:
                    print("# %s: %s" % (log, line))


def main():
    for name in sys.argv[1].split(","):
        importlib.import_module(name)
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    failed = False
    # The stage is set up once for all that share it: they come first.
    for function in sorted(_scenarios, key=lambda f: f.alone):
        sentence = function.__doc__
        if wanted not in sentence and wanted not in function.__name__:
            continue
        result, why = run_one(function)
        print("skip %s: %s" % (sentence, why) if result == "skip" else
              "%s %s" % (result, sentence))
        if result == "not ok":
            failed = True
            for line in why.splitlines():
                print("# " + line)
            logs()
            leave()     # the next one gets a stage that nothing has broken
        sys.stdout.flush()
    leave()
    return 1 if failed else 0


if __name__ == "__main__":
    # One module, whoever imports it: the scenarios register here.
    sys.modules["scene"] = sys.modules["__main__"]
    raise SystemExit(main())
