#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The systemd units: what they say, and that the programs run under it."""
import os
import re
import socket
import subprocess
import tempfile
import time

from lib import anchor as anchors
from lib import net
from lib.net import wait_for
from lib.testing import Skip, check, equal, main, scenario

OUTSIDE = "49301110%02d"
UNITS = os.path.join(net.ROOT, "scripts/systemd")
USER = 65534


def unit(name):
    with open(os.path.join(UNITS, name + ".service"), encoding="utf-8") as f:
        return f.read()


def capabilities(name):
    """(those it is limited to, those it is given), as setpriv names them"""
    return [["cap_" + c[4:].lower() for c in re.search("^%s=(.*)$" % key, unit(name), re.M).group(1).split()]
            for key in ("CapabilityBoundingSet", "AmbientCapabilities")]


@scenario
def what_the_units_say(s):
    "systemd understands every line of the units, and each names exactly the capabilities it needs"
    equal(capabilities("holdfastd"), [["cap_bpf", "cap_net_admin"]] * 2, "the controller's")
    equal(capabilities("holdfast-mediad"),
          [["cap_bpf", "cap_net_admin", "cap_sys_nice", "cap_net_raw", "cap_ipc_lock"]] * 2, "the keeper's")
    for name in ("holdfastd", "holdfast-mediad"):
        path = os.path.join(UNITS, name + ".service")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        wrong = [l for l in done.stdout.splitlines() if name + ".service:" in l and
                 "is not executable" not in l and "Failed to create" not in l]
        equal(wrong, [], "what systemd says of %s" % name)
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=35", path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        equal(done.returncode, 0, "its exposure:\n" + done.stdout[-300:] + "\nstatus")


@scenario
def installed_and_gone(s):
    "make install puts every file below DESTDIR, and make uninstall takes each away and nothing else"
    root = tempfile.mkdtemp(dir=s.folder)
    build = os.environ.get("HF_BUILD", os.path.join(net.ROOT, "build"))

    def make(target):
        net.run("make", "-C", net.ROOT, "BUILD=" + build, "DESTDIR=" + root, target)

    def files():
        return sorted(os.path.relpath(os.path.join(d, f), root) for d, _, fs in os.walk(root) for f in fs)
    os.makedirs(os.path.join(root, "etc/holdfast"))
    mine = os.path.join(root, "etc/holdfast/holdfast.yaml")
    with open(mine, "w", encoding="utf-8") as f:
        f.write("mine")
    make("install")
    there = files()
    for wanted in ("usr/sbin/holdfastd", "usr/sbin/holdfastctl", "usr/sbin/holdfast-mediad",
                   "lib/systemd/system/holdfastd.service", "lib/systemd/system/holdfast-mediad.service",
                   "usr/lib/sysusers.d/holdfast.conf", "usr/share/man/man8/holdfastctl.8",
                   "usr/share/holdfast/audio/default.wav", "usr/share/holdfast/prompts/en/tone.wav",
                   "usr/share/man/man8/holdfast-mediad.8", "etc/holdfast/holdfast.yaml"):
        check(wanted in there, "%s is not installed" % wanted)
    equal(net.run(os.path.join(root, "usr/sbin/holdfastctl"), "--version").split()[0], "holdfastctl",
          "what was installed")
    make("uninstall")
    equal(files(), ["etc/holdfast/holdfast.yaml"], "what is left")


@scenario
def watchdog(s):
    "systemd is told ready, and that the loop goes round as often as it wants to hear it"
    path = os.path.join(s.folder, "notify")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.settimeout(10)
    os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="600000")
    try:
        anchor = s.anchor()
    finally:
        del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
    heard = [listener.recv(100) for _ in range(5)]
    equal(heard, [b"READY=1"] + [b"WATCHDOG=1"] * 4, "what is told")
    check(anchor.process.alive(), "it ended")


class ServiceAnchor(anchors.Anchor):
    """Both programs as the service's user, with the capabilities of their units."""

    def __init__(self, scene, settings):
        self.scene = scene
        # A bpffs of its own, closed as systemd mounts it, opened as the unit does.
        self.holder = scene.stage.spawn(scene.stage.anchor, "holder", "unshare", "-m",
                                        "--propagation", "private", "sleep", "1000")
        folders = re.search(r"^ExecStartPre=\+/bin/sh -c '(.*)'$", unit("holdfastd"), re.M).group(1)
        wait_for(lambda: os.readlink("/proc/%d/ns/mnt" % self.holder.pid) !=
                 os.readlink("/proc/self/ns/mnt"), 5, "a mount namespace of our own")
        self.inside("mount", "-t", "bpf", "-o", "mode=700", "bpf", "/sys/fs/bpf")
        self.inside("sh", "-c", folders.replace("holdfast:holdfast", "%d:%d" % (USER, USER)))
        super().__init__(scene.stage, settings, start=False)
        for folder, _, names in os.walk(self.folder):
            for name in [""] + names:
                os.chown(os.path.join(folder, name), USER, USER)
        self.scene.anchors.append(self)

    def inside(self, *argv):
        return net.run("nsenter", "-m", "-t", str(self.holder.pid), "--", *argv)

    def as_service(self, name, *argv):
        caps = ",".join("+" + c[4:] for c in capabilities(name)[1])
        return ["nsenter", "-m", "-t", str(self.holder.pid), "--", "setpriv", "--reuid=%d" % USER,
                "--regid=%d" % USER, "--clear-groups", "--no-new-privs", "--bounding-set=-all," + caps,
                "--inh-caps=-all," + caps, "--ambient-caps=-all," + caps] + list(argv)

    def prepare(self):
        """The step of the unit that loads the programs, as it stands there."""
        line = re.search(r"^ExecStartPre=-\+(/usr/bin/setpriv .*)$", unit("holdfastd"), re.M).group(1)
        line = line.replace("=holdfast ", "=%d " % USER).replace("--config /etc/holdfast/holdfast.yaml $HOLDFASTD_OPTIONS", "")
        before, program = line.split("/usr/sbin/holdfastd")
        mine = anchors.Anchor.argv(self)
        return self.stage.anchor.run("nsenter", "-m", "-t", str(self.holder.pid), "--", *before.split(), mine[0],
                                     *program.split(), *mine[1:])

    def argv(self):
        return self.as_service("holdfastd", "env", "HOLDFAST_MEDIAD=", *super().argv())

    def keeper(self):
        return self.stage.spawn(self.stage.anchor, "keeper", *self.as_service(
            "holdfast-mediad", os.path.join(anchors.programs(), "holdfast-mediad"),
            "--instance", self.instance, "--socket", self.socket))


@scenario
def with_these_rights_and_no_other(s):
    "controller and keeper run as a user with their units' capabilities, and find the pins again after a kill"
    reachable = subprocess.run(
        ["setpriv", "--reuid=%d" % USER, "--regid=%d" % USER, "--clear-groups", "test", "-x",
         os.path.join(anchors.programs(), "holdfastd"), "-a", "-x", s.folder], check=False)
    if reachable.returncode:
        raise Skip("the build folder is closed to other users")
    anchor, peer = ServiceAnchor(s, anchors.config()), s.peer()
    alone = subprocess.run(anchor.stage.anchor.argv(*anchor.argv()), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, check=False, timeout=120)
    equal(alone.returncode, 1, "exit status without the step that loads the programs; it said " + alone.stdout)
    check("run 'holdfastd --prepare' with that capability" in alone.stdout, "it says " + alone.stdout)
    anchor.prepare()
    anchor.start()
    keeper = anchor.keeper()
    wait_for(lambda: "ready" in keeper.text(), 10, "the keeper is ready")
    with open("/proc/%d/status" % anchor.process.pid, encoding="ascii") as f:
        status = f.read()
    equal(re.search(r"^Uid:\t(\d+)", status, re.M).group(1), str(USER), "the user")
    equal(int(re.search(r"^CapEff:\t(\w+)", status, re.M).group(1), 16), 1 << 39 | 1 << 12, "its capabilities")
    caller = s.caller()                 # sends nothing: the keeper sends to it
    peer.park(OUTSIDE % 1, caller, parker="1001")
    anchor.wait_slot(701, "parked")
    caller.wait_packets(20)
    anchor.kill()
    anchor.prepare()
    anchor.name = "holdfastd-again"
    anchor.start()
    equal(anchor.slot(701)["state"], "parked", "the slot after the restart")
    caller.wait_packets(20, since=time.time())
    check(keeper.alive(), "the keeper ended with the controller")
    equal(anchor.ctl("status")["sender_alive"], True, "the sender")
    pins = anchor.inside("ls", "/sys/fs/bpf/holdfast/" + anchor.instance).split()
    equal([p for p in pins if p.startswith("loaded")], [], "what is left of the step that loads")


if __name__ == "__main__":
    main()
