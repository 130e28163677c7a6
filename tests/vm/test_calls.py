#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls whose hold audio the kernel module sends. Runs inside scripts/vm, where
the module can be loaded and taken away; the stage, the anchor and the peer are
those of the end-to-end scenarios. An argument runs only the scenarios whose
sentence contains it.
"""
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
    """On a stage of its own."""
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
    def __init__(self, name, folder, pacer="auto"):
        self.stage = net.Stage(name[:5], folder)
        shutil.copy("/holdfast/build/vm/hold.wav", os.path.join(folder, "hold.wav"))
        self.pacer = pacer
        self.calls = []
        self.anchor = None

    def begin(self, start=True):
        """Once: loading the XDP programs takes an emulated CPU its time."""
        if self.anchor:
            return
        self.anchor = anchor.Anchor(self.stage, anchor.config(
            media__pacer=self.pacer, media__ports="20000-20999",
            lot__slots="701-950", lot__timeout_s=600), start=False)
        self.peer = ua.Peer(self.stage)
        check(self.stage.caller, "there is a caller to send to")
        if start:
            self.anchor.start(180)

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

    def wait_engine(self, engine, seconds=10):
        net.wait_for(lambda: self.status()["engine"] == engine, seconds,
                     "the engine is %s (%s)" % (engine, self.status()["engine_reason"]))
        return self.status()["engine_reason"]


def refused(stage):
    """Frames that the ring behind the anchor's device did not take: the 256 entries
    of a veth pair are soon full when an emulated CPU stands still."""
    text = stage.anchor.run("ethtool", "-S", "trunk0")
    count = sum(int(line.split()[-1]) for line in text.splitlines() if "xdp_xmit_err" in line)
    link = stage.anchor.run("ip", "-s", "link", "show", "trunk0").splitlines()
    head = next(i for i, line in enumerate(link) if line.split()[:1] == ["TX:"])
    return count + int(link[head + 1].split()[3])


def exact(streams, count, lost=0):
    """Each frame once, in order, by the clock; what was late is said. `lost`: so
    many were refused by the device."""
    check(len(streams) == count, "%d streams were heard, not %d" % (len(streams), count))
    for wrong in ("holes", "doubles", "bad"):
        n = sum(s[wrong] for s in streams.values())
        check(n == (lost if wrong == "holes" else 0), "%d %s in %d of %d streams of %d packets, %d skipped" % (
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


@scenario
def module_sends(s):
    "the module sends each parked caller a frame every 20 ms, each exactly once"
    reason = s.module()
    check(reason.startswith("the module holdfast"), reason)
    s.park(CALLS)
    before = refused(s.stage)
    ear = Ear(s.stage)
    listen(SECONDS)
    streams = ear.finish()
    lost = refused(s.stage) - before
    packets, skipped = exact(streams, CALLS, lost)
    paced = s.anchor.ctl("stats")["counters"]
    print("# %d calls: %d frames heard in %d s, %d skipped, %d refused by the device; "
          "%d paced in all" % (CALLS, packets, SECONDS, skipped, lost, paced["hold_paced"]))
    check(paced["hold_paced"] >= packets, "the counters know less than was heard")
    check(paced["hold_turned"] == 0, "the callers were silent, but frames were turned around")


@scenario
def picked_up(s):
    "a caller parked on the module is picked up, talks, is held again and hangs up"
    s.module()
    s.park(5)       # company
    caller = ua.Media(s.stage, s.stage.caller, net.CALLER)
    phone = ua.Media(s.stage, s.stage.phone_b, net.PHONE_B)
    s.peer.park("4930222", caller)
    caller.wait_packets(50, 10)
    slot = next(n for n, line in s.anchor.slots().items() if line["caller_number"] == "4930222")
    pick = s.peer.call(slot, "1002", phone)
    check(pick.status() == 200, "the pick-up was answered %s" % pick.status())
    phone.play()
    caller.play()
    caller.wait_packets(50, 10, match=ua.from_media(phone))
    phone.wait_packets(50, 10, match=ua.from_media(caller))
    answer = pick.reinvite(phone.sdp(direction="sendonly", version=2))
    check(answer.status == 200, "hold was answered %s" % answer.status)
    phone.stop()
    since = time.time() + 0.1
    caller.wait_packets(30, 10, since=since, match=lambda d: not ua.from_media(phone)(d))
    caller.stop()
    pick.bye()
    net.wait_for(lambda: len(s.anchor.calls()) == len(s.calls), 10, "the call is over")


@scenario
def engines_change(s):
    "callers hear every frame once while the module goes, comes back, and goes again"
    s.module()
    count = min(CALLS, 40)
    s.park(count)
    before = refused(s.stage)
    ear = Ear(s.stage)
    for _ in range(2):
        listen(1)
        rmmod()
        reason = s.wait_engine("bpf")
        check("the module was unloaded" in reason, reason)
        listen(1)
        insmod()
        s.wait_engine("kmod")
    listen(1)
    streams = ear.finish()
    lost = refused(s.stage) - before
    packets, skipped = exact(streams, count, lost)
    print("# %d frames over four hand-overs, %d skipped, %d refused by the device, "
          "%d behind a later one" % (packets, skipped, lost,
                                     sum(t["swapped"] for t in streams.values())))


@scenario
def all_processes_die(s):
    "with controller and media keeper killed the module goes on sending"
    s.module()
    s.park(20)
    net.wait_for(lambda: len(s.anchor.calls()) == 20, 10, "20 calls are left")
    net.wait_for(lambda: s.anchor.ctl("stats")["counters"]["hold_paced"] > 100, 20,
                 "the way to the callers is known")
    s.anchor.kill()
    for pid in s.stage.anchor.run("ip", "netns", "pids", s.stage.anchor.name).split():
        net.run("kill", "-9", pid, check=False)     # or gone already
    ear = Ear(s.stage)
    listen(3)
    packets, _ = exact(ear.finish(), 20)
    check(packets > 20 * 100, "only %d frames in 3 s" % packets)
    rmmod()


@alone
@scenario
def kmod_is_required(s):
    "pacer: kmod without the module refuses to start and says why"
    s.pacer = "kmod"
    os.environ["HOLDFAST_MODPROBE"] = "/nonexistent"
    s.begin(start=False)
    status, said = s.anchor.run(20)
    check(status == 1, "exit status %s: %s" % (status, said))
    check("media.pacer is kmod, but: no module: there is no /nonexistent" in said, said)


@alone
@scenario
def lockdown_refuses(s):
    "under lockdown the module is refused and the status says so; bpf sends"
    lock = "/sys/kernel/security/lockdown"
    if not os.path.exists(lock):
        net.run("mount", "-t", "securityfs", "security", "/sys/kernel/security", check=False)
    if not os.path.exists(lock):
        raise Skip("this kernel has no lockdown")
    with open(lock, "w") as f:      # for good: this scenario comes last
        f.write("integrity")
    s.begin()
    reason = s.wait_engine("bpf")
    check("Operation not permitted" in reason, reason)
    s.park(3)
    ear = Ear(s.stage)
    listen(2)
    exact(ear.finish(), 3)


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
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    failed = False
    for function in _scenarios:
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
    raise SystemExit(main())
