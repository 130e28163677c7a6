#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian packages on a Debian with systemd: installed, configured, killed,
hung, upgraded, removed, with a silent caller on hold who must hear music all the
while. tests/vm/systemd runs this as root of a VM that is thrown away; the services
live in the anchor's namespace of the stage of the end-to-end scenarios."""
import glob
import os
import re
import signal
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from lib import anchor as anchors  # noqa: E402
from lib import net, ua  # noqa: E402
from lib.net import run, wait_for  # noqa: E402

UNITS = ("holdfastd", "holdfast-mediad")
CONFIG = "/etc/holdfast/holdfast.yaml"
OUTSIDE = "4930111001"


class Wrong(AssertionError):
    pass


def check(condition, what):
    if not condition:
        raise Wrong(what)


def equal(got, wanted, what):
    check(got == wanted, "%s: %r, not %r" % (what, got, wanted))


def show(unit, key):
    return run("systemctl", "show", "-p", key, "--value", unit + ".service").strip()


def pid(unit):
    return int(show(unit, "MainPID"))


def status(unit):
    with open("/proc/%d/status" % pid(unit), encoding="ascii") as f:
        return dict(l.rstrip("\n").split(":\t", 1) for l in f if ":\t" in l)


def package(next_=False):
    return next(p for p in glob.glob(os.path.join(ROOT, "packages/holdfast_*.deb"))
                if ("+next" in p) == next_)


BITS = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_IPC_LOCK": 14, "CAP_SYS_NICE": 23, "CAP_BPF": 39}
# What each may do, and nothing else: while it runs and after every restart.
CAPABILITIES = {
    "holdfastd": ("CAP_BPF", "CAP_NET_ADMIN"),
    "holdfast-mediad": ("CAP_BPF", "CAP_NET_ADMIN", "CAP_SYS_NICE", "CAP_NET_RAW", "CAP_IPC_LOCK"),
}


def confined(unit):
    """The unit's process has exactly its capabilities, the filter and no way to more."""
    about, wanted = status(unit), sum(1 << BITS[n] for n in CAPABILITIES[unit])
    equal(run("id", "-nu", about["Uid"].split()[0]).strip(), "holdfast", "the user of " + unit)
    for kind in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
        equal(int(about[kind], 16), wanted, "%s of %s" % (kind, unit))
    equal((about["Seccomp"], about["NoNewPrivs"]), ("2", "1"), "seccomp of " + unit)


class Installed(anchors.Anchor):
    """holdfastd as the unit runs it: systemd starts it, not we."""

    def __init__(self, stage):   # pylint: disable=super-init-not-called
        self.stage = stage
        self.socket = "/run/holdfast/control.sock"

    def is_ready(self):
        return show("holdfastd", "ActiveState") == "active" and os.path.exists(self.socket)


class Scene:
    stage = anchor = peer = caller = call = None

    def music(self, what):
        """The caller, who sends nothing, hears on from now."""
        try:
            self.caller.wait_packets(25, 60, since=time.time())
        except net.Failed as error:
            raise Wrong("%s: no music: %s" % (what, error)) from None

    def parked(self):
        equal(self.anchor.slot(701)["state"], "parked", "the slot")

    def restarted(self, unit, before, seconds=120):
        wait_for(lambda: pid(unit) not in (0, before) and show(unit, "ActiveState") == "active",
                 seconds, "%s is started again" % unit)

        last = [None]

        def settled():
            """Not what systemd has forked and not yet made the unit's."""
            try:
                confined(unit)
            except (Wrong, OSError) as error:
                last[0] = error
                return False
            return True
        try:
            wait_for(settled, seconds, "")
        except net.Failed:
            raise Wrong(str(last[0])) from None


def installs(s):
    "the package brings user, units and folders, and starts nothing that has no configuration"
    said = run("dpkg", "-i", package())
    check("write /etc/holdfast/holdfast.yaml" in said, "it does not say what to do next:\n" + said)
    check(re.search(r"^holdfast:", open("/etc/passwd", encoding="utf-8").read(), re.M), "no user")
    stat = os.stat("/etc/holdfast")
    equal(oct(stat.st_mode & 0o777), "0o750", "the folder of the configuration")
    for unit in UNITS:
        equal(run("systemctl", "is-enabled", unit).strip(), "enabled", unit)
    equal(show("holdfastd", "ActiveState"), "inactive", "holdfastd without a configuration")
    wait_for(lambda: show("holdfast-mediad", "ActiveState") == "active", 30,
             "the keeper waits for an instance")
    equal(run("holdfastctl", "--version").split()[0], "holdfastctl", "the tool")


def starts(s):
    "both units run as the service's user, with their capabilities and no other, under seccomp"
    s.stage = net.Stage("sysd", "/tmp/stage")
    for unit in UNITS:
        folder = "/etc/systemd/system/%s.service.d" % unit
        os.makedirs(folder)
        with open(folder + "/stage.conf", "w", encoding="utf-8") as f:
            # An emulated CPU takes its time to verify the programs.
            f.write("[Service]\nNetworkNamespacePath=%s\nTimeoutStartSec=300\n" % s.stage.anchor.path)
    settings = anchors.config(lot__timeout_s=1800, audio__clips=[{"name": "default", "file": "/etc/holdfast/hold.wav"}])
    run("install", "-m", "644", os.path.join(ROOT, "hold.wav"), "/etc/holdfast/hold.wav")
    with open(CONFIG, "w", encoding="utf-8") as f:
        f.write(anchors.yaml(settings))
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "holdfast-mediad")
    begun = time.monotonic()
    run("systemctl", "start", "holdfastd")
    print("# started in %.1f s" % (time.monotonic() - begun))
    s.anchor = Installed(s.stage)
    for unit in UNITS:
        wait_for(lambda u=unit: show(u, "ActiveState") == "active", 60, unit + " runs")
        confined(unit)


def in_its_place(unit, *argv):
    """The command as the unit's process would see the file system; (status, text)."""
    done = subprocess.run(["nsenter", "-m", "-t", str(pid(unit)), "--", *argv], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def protects(s):
    "systemd counts both units as protected: even root in their place cannot write below /usr, /etc, /var or /home"
    for unit in UNITS:
        said = run("systemd-analyze", "security", "--no-pager", unit + ".service")
        exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
        print("# exposure of %s: %s" % (unit, exposure and exposure.group(1)))
        check(exposure and float(exposure.group(1)) < 3.5, "the exposure of %s:\n%s" % (unit, said[-400:]))
        for key in ("ProtectSystem=/strict", "SystemCallFilter=~@mount", "SystemCallFilter=~@module",
                    "SystemCallFilter=~@raw-io", "NoNewPrivileges=", "ProtectHome="):
            row = re.search(r"^(\S+) %s" % re.escape(key.replace("ProtectSystem=/strict", "ProtectSystem=")),
                            said, re.M)
            check(row and row.group(1) == "\u2713", "%s is not in force for %s:\n%s" % (key, unit, said))
        for path in ("/usr/x", "/usr/sbin/x", "/etc/x", "/etc/holdfast/x", "/var/x", "/boot/x", "/x"):
            code, text = in_its_place(unit, "touch", path)
            check(code and "Read-only file system" in text, "%s can write %s: %s" % (unit, path, text))
        equal(in_its_place(unit, "ls", "/home", "/root")[1].count("Permission denied") +
              in_its_place(unit, "sh", "-c", "ls -A /home /root | grep -v : | grep .")[0], 1,
              "what %s sees of homes" % unit)
        code, text = in_its_place(unit, "ls", "/dev/vda")
        check(code, "%s sees disks: %s" % (unit, text))
    equal(in_its_place("holdfastd", "touch", "/var/lib/holdfast/x")[0], 0, "the state folder can be written")
    os.unlink("/var/lib/holdfast/x")


def parks(s):
    "a silent caller is parked and hears music from the keeper's unit"
    s.peer = ua.Peer(s.stage)
    s.caller = ua.Media(s.stage, s.stage.caller, net.CALLER)
    s.call = s.peer.park(OUTSIDE, s.caller, parker="1001")
    s.anchor.wait_slot(701, "parked", 60)
    s.music("after parking")
    equal(s.anchor.ctl("status")["sender_alive"], True, "the keeper")


def accounts(s):
    "the memory of the maps is charged to the controller's unit"
    maps = {}
    folder = "/proc/%d/fdinfo" % pid("holdfastd")
    for fd in os.listdir(folder):
        try:
            with open(os.path.join(folder, fd), encoding="ascii") as f:
                text = f.read()
        except OSError:
            continue
        number = re.search(r"^map_id:\s*(\d+)", text, re.M)
        memory = re.search(r"^memlock:\s*(\d+)", text, re.M)
        if number and memory:
            maps[number.group(1)] = int(memory.group(1))
    group = "/sys/fs/cgroup" + show("holdfastd", "ControlGroup")
    with open(group + "/memory.stat", encoding="ascii") as f:
        stat = {k: int(v) for k, v in map(str.split, f)}
    print("# maps %.1f MiB; the unit holds %.1f MiB, %.1f of them vmalloc" % (
        sum(maps.values()) / 2**20, int(show("holdfastd", "MemoryCurrent")) / 2**20,
        stat["vmalloc"] / 2**20))
    check(len(maps) > 10, "%d maps are open" % len(maps))
    check(stat["vmalloc"] >= sum(maps.values()) * 0.8, "the maps are not in it")


def survives_a_kill(s):
    "kill -9 of the controller: systemd starts the next, the call is there, the music goes on"
    before, keeper = pid("holdfastd"), pid("holdfast-mediad")
    os.kill(before, signal.SIGKILL)
    s.music("with nobody there")
    s.restarted("holdfastd", before)
    s.parked()
    equal(pid("holdfast-mediad"), keeper, "the keeper")


def survives_a_hang(s):
    "a controller that hangs is ended by the watchdog, and its call goes on"
    before = pid("holdfastd")
    os.kill(before, signal.SIGSTOP)
    s.restarted("holdfastd", before)
    s.parked()
    s.music("after the hang")
    check("watchdog" in run("journalctl", "-b", "-u", "holdfastd").lower(), "it was not the watchdog")


def keeper_hangs(s):
    "a keeper that hangs is ended by its watchdog, and the next sends on"
    before = pid("holdfast-mediad")
    os.kill(before, signal.SIGSTOP)
    s.restarted("holdfast-mediad", before)
    s.music("after the keeper's hang")
    s.parked()


def reloads(s):
    "systemctl reload applies the configuration, and the call waits on"
    with open(CONFIG, encoding="utf-8") as f:
        text = f.read()
    with open(CONFIG, "w", encoding="utf-8") as f:
        f.write(text.replace("Sales", "Counter"))
    run("systemctl", "reload", "holdfastd")
    equal(s.anchor.slot(701).get("label"), "Counter", "the new label")
    s.parked()
    check("no prompts" not in run("journalctl", "-b", "-u", "holdfastd"), "the prompts are not found")


def refuses_a_reload(s):
    "a reload of a wrong file fails, with file, line and the right word in systemctl status and journal; nothing changes"
    before = pid("holdfastd")
    with open(CONFIG, encoding="utf-8") as f:
        good = f.read()
    wrong = good.replace("timeout_s", "timout_s", 1).replace("Counter", "Nobody")
    line = next(n for n, l in enumerate(wrong.splitlines(), 1) if "timout_s" in l)
    with open(CONFIG, "w", encoding="utf-8") as f:
        f.write(wrong)
    done = subprocess.run(["systemctl", "reload", "holdfastd"], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode, "systemctl reload says it is well: " + done.stdout)
    shown = subprocess.run(["systemctl", "status", "--no-pager", "-l", "-n", "30", "holdfastd"], check=False,
                           stdout=subprocess.PIPE, text=True).stdout
    for what, text in (("journal", run("journalctl", "-b", "-u", "holdfastd", "-n", "30", "-o", "cat")),
                       ("systemctl status", shown)):
        check(re.search(r"%s:%d\b.*timout_s.*timeout_s" % (re.escape(CONFIG), line), text),
              "%s does not say it:\n%s" % (what, text))
    equal((show("holdfastd", "ActiveState"), pid("holdfastd")), ("active", before), "the unit")
    equal(s.anchor.slot(701).get("label"), "Counter", "the label")
    s.parked()
    s.music("after the refusal")
    with open(CONFIG, "w", encoding="utf-8") as f:
        f.write(good.replace("Counter", "Desk"))
    run("systemctl", "reload", "holdfastd")
    equal(s.anchor.slot(701).get("label"), "Desk", "the label, as soon as systemctl reload is done")
    equal(pid("holdfastd"), before, "the process")
    s.parked()


def upgrades(s):
    "an upgrade replaces the controller under the call; the keeper is not touched"
    before, keeper = pid("holdfastd"), pid("holdfast-mediad")
    mark = "# mine\n"
    with open("/etc/default/holdfast", "a", encoding="utf-8") as f:
        f.write(mark)
    run("dpkg", "-i", package(next_=True))
    s.restarted("holdfastd", before)
    equal(pid("holdfast-mediad"), keeper, "the keeper")
    s.parked()
    s.music("after the upgrade")
    with open("/etc/default/holdfast", encoding="utf-8") as f:
        check(mark in f.read(), "the operator's options are gone")


def takes_the_module(s):
    "the module that holdfast-dkms has built is loaded by modprobe and paces the music that waits"
    folder = "/lib/modules/%s/updates/dkms" % os.uname().release
    os.makedirs(folder)
    run("cp", os.path.join(ROOT, "holdfast.ko"), folder)
    run("depmod", "-a")
    run("modprobe", "holdfast")
    check(os.path.isdir("/sys/module/holdfast"), "it is not there")
    wait_for(lambda: s.anchor.ctl("status")["engine"] == "kmod", 60, "the module paces")
    s.parked()
    s.music("from the module")


def removes(s):
    "removing the package ends the calls by BYE and takes the packet path down; purging leaves nothing"
    run("dpkg", "-r", "holdfast")
    wait_for(lambda: any(kind == "bye" for _, kind, _ in s.call.history), 30, "the caller gets a BYE")
    for unit in UNITS:
        equal(show(unit, "MainPID"), "0", unit)
    equal(os.listdir("/sys/fs/bpf/holdfast") if os.path.isdir("/sys/fs/bpf/holdfast") else [], [],
          "the pins")
    check("xdp" not in s.stage.anchor.ip("link", "show", "trunk0"), "a program is still attached")
    check(os.path.exists(CONFIG), "the configuration is gone")
    run("dpkg", "-P", "holdfast")
    for path in ("/etc/holdfast", "/var/lib/holdfast", "/etc/default/holdfast",
                 "/lib/systemd/system/holdfastd.service"):
        check(not os.path.exists(path), path + " is left")


ALL = (installs, starts, protects, parks, accounts, survives_a_kill, survives_a_hang,
       keeper_hangs, reloads, refuses_a_reload, upgrades, takes_the_module, removes)


def main():
    scene, failed = Scene(), False
    for function in ALL:
        begun = time.monotonic()
        try:
            function(scene)
            print("ok %s" % function.__doc__)
        except Exception as error:  # one step stands on the one before it
            known = isinstance(error, (Wrong, net.Failed))
            print("not ok %s" % function.__doc__)
            for line in (str(error) if known else traceback.format_exc()).splitlines():
                print("# " + line)
            log = subprocess.run(["journalctl", "-b", "-n", "40", "--no-pager", "-o", "cat"] +
                                 [x for u in UNITS for x in ("-u", u)], check=False,
                                 stdout=subprocess.PIPE, text=True).stdout
            for line in log.splitlines():
                print("# " + line)
            failed = True
            break
        print("# %.0f s" % (time.monotonic() - begun))
        sys.stdout.flush()
    if scene.stage:
        scene.stage.close()
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
