# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces, veth pairs and the processes in them.

The stage that every scenario plays on:

      trunk (a switch)             anchor                   office (a switch)
    +------------------+      +--------------------+      +------------------+
    | bridge      eth0-+-veth-+-trunk0     office0-+-veth-+-eth0      bridge |
    +---+----------+---+      |  192.0.2.1         |      +---+----------+---+
        |          |          |       198.51.100.1 |          |          |
     caller       PBX         |     holdfastd      |       phone A    phone B
    192.0.2.10  192.0.2.20    +--------------------+ 198.51.100.11   198.51.100.12

Every box and every party is a network namespace. The anchor also routes between
the two sides, so a call that is not parked passes through its stack from peer
to peer untouched.

veth delivers what an XDP program sends (XDP_TX, redirect) only to a peer that
has an XDP program itself: both eth0 carry one that passes everything.
Checksum offload is left as the kernel sets it up.

Names carry the process id, so that any number of stages can stand at once.
Stage.close() is the one place that takes everything down again.
"""
import ctypes
import os
import signal
import socket
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))

ANCHOR_TRUNK = "192.0.2.1"
CALLER = "192.0.2.10"
CALLER2 = "192.0.2.11"
PBX = "192.0.2.20"
ANCHOR_OFFICE = "198.51.100.1"
PHONE_A = "198.51.100.11"
PHONE_B = "198.51.100.12"

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


class Failed(Exception):
    """Something the test cannot go on without did not happen."""


def linger(seconds):
    """Spread events over time, as traffic is; never to wait for something."""
    threading.Event().wait(seconds)


def settles(condition, seconds):
    """Does it become true in time? For those who say more on failure."""
    try:
        wait_for(condition, seconds, "")
        return True
    except Failed:
        return False


def wait_for(condition, seconds, what):
    """Poll until condition() is true (its value is returned) or fail with
    `what`, a text or a function that makes one of how things stand then."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Failed("waited %g s in vain: %s" % (
                seconds, what() if callable(what) else what))
        threading.Event().wait(0.005)


def run(*argv, check=True, **kwargs):
    """Run a command to its end; its output is in the error if it fails."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **kwargs)
    if check and done.returncode:
        raise Failed("%s: exit %d\n%s" % (" ".join(argv), done.returncode, done.stdout))
    return done.stdout


class Namespace:
    """One network namespace, by name."""

    def __init__(self, name):
        self.name = name
        self.path = "/run/netns/" + name
        run("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *argv, check=True):
        return self.run("ip", *argv, check=check)

    def argv(self, *argv):
        """The command, wrapped to run here. (`ip -n` and `ip netns exec` make
        a mount namespace too: that hides /sys/fs/bpf, and fails in a chroot.
        nsenter only changes the network.)"""
        return ["nsenter", "--net=" + self.path, "--"] + list(argv)

    def run(self, *argv, check=True):
        return run(*self.argv(*argv), check=check)

    def sysctl(self, **settings):
        for key, value in settings.items():
            self.run("sysctl", "-q", "-w", "net.%s=%s" % (key.replace("__", "."), value))

    def call(self, function, *args):
        """Run function in this namespace; sockets it makes stay here."""
        result = []

        def inside():
            try:
                fd = os.open(self.path, os.O_RDONLY)
                try:
                    if _libc.setns(fd, _CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns " + self.name)
                finally:
                    os.close(fd)
                result.append((function(*args), None))
            except BaseException as error:  # handed to the caller below
                result.append((None, error))

        # setns() is per thread; this one ends here, so nothing else moves.
        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        value, error = result[0]
        if error:
            raise error
        return value

    def udp(self, address, port=0):
        def make():
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                              socket.SOCK_DGRAM)
            s.bind((address, port))
            return s
        return self.call(make)

    def tcp(self, address, port):
        return self.call(socket.create_connection, (address, port), 2)

    def snmp(self, protocol="Udp"):
        """Counters of /proc/net/snmp as a dict."""
        text = self.run("cat", "/proc/net/snmp")
        rows = [l.split() for l in text.splitlines() if l.startswith(protocol + ":")]
        return dict(zip(rows[0][1:], map(int, rows[1][1:])))

    def delete(self):
        run("ip", "netns", "del", self.name, check=False)


class Process:
    """A child process, its output in a file."""

    def __init__(self, name, argv, log, env=None, stdin=subprocess.DEVNULL,
                 stdout=None, own_session=True):
        self.name = name
        self.log = log
        self._file = open(log, "ab")
        self.popen = subprocess.Popen(
            argv, stdin=stdin, stdout=stdout or self._file, stderr=self._file,
            env=env, start_new_session=own_session)
        self.pid = self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def text(self):
        with open(self.log, "r", errors="replace") as f:
            return f.read()

    def kill(self, number=signal.SIGKILL):
        if self.alive():
            self.popen.send_signal(number)

    def wait(self, seconds=5):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, seconds=3):
        """Ask, then insist. Returns the exit status."""
        self.kill(signal.SIGTERM)
        if self.wait(seconds) is None:
            self.kill()
            self.wait()
        self._file.close()
        return self.popen.returncode


# What is sent to this port is dropped at the peers' ends (tests/tools/pass.bpf.c).
SINK_PORT = 39999


def pass_program():
    """The XDP program for the peers' ends, compiled once per tree."""
    source = os.path.join(ROOT, "tests/tools/pass.bpf.c")
    target = os.path.join(os.environ.get("HF_BUILD", os.path.join(ROOT, "build")),
                          "tools/pass.bpf.o")
    if (not os.path.exists(target) or
            os.path.getmtime(target) < os.path.getmtime(source)):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        triple = run("gcc", "-print-multiarch").strip()
        part = "%s.%d" % (target, os.getpid())
        run("clang", "-target", "bpf", "-O2", "-g",
            "-isystem", "/usr/include/" + triple, "-c", source, "-o", part)
        os.replace(part, target)
    return target


class Stage:
    """The topology above, and everything that was started on it."""

    _count = 0

    def __init__(self, name, folder):
        Stage._count += 1
        self.id = "hf%s-%d-%d" % (name, os.getpid(), Stage._count)
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self._closers = []
        self._processes = []
        self._namespaces = []
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _namespace(self, part):
        namespace = Namespace("%s-%s" % (self.id, part))
        self._namespaces.append(namespace)
        return namespace

    def _build(self):
        self.anchor = self._namespace("anchor")
        self.anchor.sysctl(ipv4__ip_forward=1)
        self.trunk = self._side("trunk", ANCHOR_TRUNK)
        self.office = self._side("office", ANCHOR_OFFICE)
        self._parties = {}

    def _side(self, name, anchor_address):
        """A switch and its line to the anchor."""
        switch = self._namespace(name)
        switch.ip("link", "add", "bridge", "type", "bridge")
        switch.ip("link", "set", "bridge", "up")
        self.line(name + "0", switch, anchor_address)
        return switch

    def line(self, device, switch, anchor_address, master=None):
        """A device of the anchor, its other end in a switch."""
        end = "eth0" if master is None else device
        run("ip", "link", "add", device, "netns", self.anchor.name,
            "type", "veth", "peer", "name", end, "netns", switch.name)
        # First: what is probed before it is there sends nothing.
        switch.ip("link", "set", "dev", end, "xdpdrv", "obj", pass_program(), "sec", "xdp")
        switch.ip("link", "set", end, "master", "bridge")
        switch.ip("link", "set", end, "up")
        if master:
            self.anchor.ip("link", "set", device, "master", master)
        else:
            self.anchor.ip("addr", "add", anchor_address + "/24", "dev", device)
            self.anchor.ip("link", "set", device, "up")

    def party(self, name, address):
        """The namespace of a party, on the side that its address belongs to."""
        if name not in self._parties:
            near = next(a for a in (ANCHOR_TRUNK, ANCHOR_OFFICE)
                        if a.rsplit(".", 1)[0] == address.rsplit(".", 1)[0])
            switch = self.trunk if near == ANCHOR_TRUNK else self.office
            party = self._namespace(name)
            run("ip", "link", "add", name, "netns", switch.name,
                "type", "veth", "peer", "name", "eth0", "netns", party.name)
            switch.ip("link", "set", name, "master", "bridge")
            switch.ip("link", "set", name, "up")
            party.ip("addr", "add", address + "/24", "dev", "eth0")
            party.ip("link", "set", "eth0", "up")
            party.ip("route", "add", "default", "via", near)
            self._parties[name] = party
        return self._parties[name]

    @property
    def caller(self):
        return self.party("caller", CALLER)

    @property
    def caller2(self):
        return self.party("caller2", CALLER2)

    @property
    def pbx(self):
        return self.party("pbx", PBX)

    @property
    def phone_a(self):
        return self.party("phonea", PHONE_A)

    @property
    def phone_b(self):
        return self.party("phoneb", PHONE_B)

    def spawn(self, namespace, name, *argv, **kwargs):
        """Start a process in a namespace; stopped with the stage."""
        log = os.path.join(self.folder, name + ".log")
        process = Process(name, namespace.argv(*argv), log, **kwargs)
        self._processes.append(process)
        return process

    def keepers(self):
        """Process ids of the media keepers beside the anchor."""
        found = []
        for pid in run("ip", "netns", "pids", self.anchor.name).split():
            try:
                with open("/proc/%s/comm" % pid) as f:
                    if f.read().strip() == "holdfast-mediad":
                        found.append(int(pid))
            except FileNotFoundError:
                pass
        return found

    def on_close(self, function):
        self._closers.append(function)

    def udp_checksum_errors(self):
        """Datagrams whose UDP checksum a receiver found wrong, by namespace."""
        return {n.name.rsplit("-", 1)[1]: n.snmp()["InCsumErrors"]
                for n in self._namespaces}

    def close(self):
        for function in reversed(self._closers):
            try:
                function()
            except Exception as error:  # go on taking down the rest
                print("# while closing: %s" % error)
        self._closers = []
        for process in reversed(self._processes):
            process.stop()
        self._processes = []
        for namespace in self._namespaces:
            # What outlived its parent (the media keeper does so by design).
            for pid in run("ip", "netns", "pids", namespace.name, check=False).split():
                if pid.isdigit() and int(pid) != os.getpid():
                    os.kill(int(pid), signal.SIGKILL)
            namespace.delete()
        self._namespaces = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
