# SPDX-License-Identifier: GPL-2.0-or-later
"""The thing under test: one instance of holdfastd in the anchor namespace."""
import copy
import json
import os
import shutil
import signal
import socket
import subprocess

from . import net

SIP_PORT = 5060

# The configuration every scenario starts from (design: one lot, one PBX).
CONFIG = {
    "sip": {
        "listen": ["udp:%s:%d" % (net.ANCHOR_TRUNK, SIP_PORT),
                   "tcp:%s:%d" % (net.ANCHOR_TRUNK, SIP_PORT)],
        "domain": "park.example.com",
        "outbound_proxy": "sip:%s" % net.PBX,
        "trusted": [net.PBX + "/32"],
        "internal": ["1???@pbx.example.com"],
    },
    "media": {
        "addresses": [{"address": net.ANCHOR_TRUNK, "interface": "trunk0"},
                      {"address": net.ANCHOR_OFFICE, "interface": "office0"}],
        "ports": "20000-20199",
    },
    "audio": {
        "memory_mib": 16,
        "clips": [{"name": "default", "file": "hold.wav"}],
    },
    "lots": [{
        "name": "main",
        "park": "700",
        "slots": "701-705",
        "park_prefix": "*68",
        "pickup_prefix": "*88",
        "labels": {"701": "Sales"},
        "timeout_s": 90,
        "max_wait_s": 3600,
        "hold_audio": "default",
        "on_busy": "next_free",
        "on_full": "ring_parker",
        "may_park": ["internal"],
        "may_retrieve": ["internal"],
        "recall": {"ring_s": 30, "attempts": 2, "finally": "repeat"},
    }],
}


def config(**changes):
    """A copy of CONFIG; lot_X=... changes the lot's key X, others by path with
    "__" between the keys: sip__trusted=[...]."""
    result = copy.deepcopy(CONFIG)
    for key, value in changes.items():
        at = result
        path = key.split("__")
        if path[0] == "lot":
            at, path = result["lots"][0], path[1:]
        for part in path[:-1]:
            at = at.setdefault(part, {})
        at[path[-1]] = value
    return result


def yaml(value, indent=0):
    """As much YAML as a configuration needs."""
    def scalar(v):
        if isinstance(v, (bool, int)):
            return json.dumps(v)
        return json.dumps(v)    # a JSON string is a YAML string
    pad = "  " * indent
    if isinstance(value, dict):
        out = ""
        for key, v in value.items():
            key = json.dumps(key) if not key.replace("_", "").isalpha() else key
            if v == {}:
                out += "%s%s: {}\n" % (pad, key)
            elif isinstance(v, dict) or (isinstance(v, list) and v and isinstance(v[0], dict)):
                out += "%s%s:\n%s" % (pad, key, yaml(v, indent + 1))
            elif isinstance(v, list):
                out += "%s%s: [%s]\n" % (pad, key, ", ".join(map(scalar, v)))
            else:
                out += "%s%s: %s\n" % (pad, key, scalar(v))
        return out
    out = ""
    for item in value:
        lines = yaml(item, indent + 1)
        out += pad + "- " + lines[len(pad) + 2:]
    return out


def hold_audio(path):
    net.run("/usr/bin/python3", os.path.join(net.ROOT, "scripts/make-hold-audio"), "--short", path)
    return path


def programs():
    """The folder with the built programs (HF_BIN, default build/)."""
    return os.environ.get("HF_BIN") or os.path.join(net.ROOT, "build")


class Anchor:
    """holdfastd with its configuration; started unless start=False."""

    def __init__(self, stage, settings=None, start=True, text=None, name="holdfastd",
                 env=None):
        self.stage, self.name = stage, name
        self.instance = stage.id
        self.env = env or {}     # of holdfastd, beyond ours
        self.folder = stage.folder
        self.config_path = os.path.join(self.folder, "holdfast.yaml")
        self.socket = os.path.join(self.folder, "control.sock")
        self.audio_path = os.path.join(self.folder, "hold.wav")
        if not os.path.exists(self.audio_path):
            hold_audio(self.audio_path)
        if text is None:
            self.rewrite(settings or CONFIG)
        else:
            with open(self.config_path, "w") as f:
                f.write(text)
        self.process = None
        self.before = []
        stage.on_close(self.tear_down)
        if start:
            self.start()

    def rewrite(self, settings):
        """The file anew, in one step, with what this holdfastd has of its own."""
        settings = copy.deepcopy(settings)
        settings["control"] = {"socket": self.socket,
                               "state_dir": os.path.join(self.folder, "state")}
        for lot in settings["lots"]:
            if not lot.get("labels"):
                lot.pop("labels", None)
        with open(self.config_path + ".new", "w") as f:
            f.write(yaml(settings))
        os.rename(self.config_path + ".new", self.config_path)

    def use_dns(self, server):
        """An /etc/resolv.conf of its own; from the next start on."""
        conf = os.path.join(self.folder, "resolv.conf")
        with open(conf, "w") as f:
            f.write("nameserver %s\n" % server)
        self.before = ["unshare", "--mount", "sh", "-c",
                       'mount --bind %s /etc/resolv.conf && exec "$@"' % conf, "-"]

    def argv(self):
        return self.before + [os.path.join(programs(), "holdfastd"), "--config", self.config_path,
                "--instance", self.instance]

    def launch(self):
        """Start holdfastd and do not wait."""
        env = dict(os.environ)
        # A leak report at exit is an error of ours; keep going to the exit code.
        env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        env.update(self.env)
        self.process = self.stage.spawn(self.stage.anchor, self.name, *self.argv(), env=env)
        return self.process

    def start(self, seconds=20):
        self.launch()
        seconds = float(os.environ.get("HF_START_S", seconds))  # a slow machine

        def ready():
            if not self.process.alive():
                raise net.Failed("holdfastd ended with %s:\n%s" % (
                    self.process.popen.returncode, self.process.text()))
            return any(l.split()[-1:] == ["ready"] for l in self.process.text().splitlines())
        net.wait_for(ready, seconds, "holdfastd says ready")

    def again(self):
        """The next holdfastd of the instance; the one before is dead."""
        self.starts = getattr(self, "starts", 1) + 1
        self.name = "holdfastd-%d" % self.starts    # a log of its own
        self.start()

    def run(self, seconds=10):
        """Start it and expect it to end by itself: (exit status, what it said)."""
        self.launch()
        status = self.process.wait(seconds)
        return status, self.process.text()

    def ctl(self, *argv, json_=True, check=True):
        """holdfastctl; its JSON, or its text."""
        command = [os.path.join(programs(), "holdfastctl"), "--socket", self.socket]
        if json_:
            command.append("-j")
        done = subprocess.run(self.stage.anchor.argv(*command, *argv), text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if check and done.returncode:
            raise net.Failed("holdfastctl %s: exit %d: %s%s" % (
                " ".join(argv), done.returncode, done.stdout, done.stderr))
        return json.loads(done.stdout) if json_ else done.stdout

    def ask(self, *requests):
        """Requests of the control socket on one connection, their answers."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(self.socket)
            with s.makefile("rw") as lines:
                answers = []
                for request in requests:
                    lines.write(json.dumps(request) + "\n")
                    lines.flush()
                    answers.append(json.loads(lines.readline()))
        return answers

    def slots(self):
        """{slot: its line of the slot table}"""
        return {s["slot"]: s for s in self.ctl("slot", "list")}

    def slot(self, number):
        return self.slots()[str(number)]

    def wait_slot(self, number, state, seconds=5):
        def there():
            line = self.slot(number)
            return line if line["state"] == state else None
        return net.wait_for(there, seconds, "slot %s is %s (it is %s)" % (
            number, state, self.slot(number)["state"]))

    def calls(self):
        return self.ctl("call", "list")

    def kill(self):
        """As if by the out-of-memory killer."""
        self.process.kill(signal.SIGKILL)
        # It may be in the middle of a write to a slow disk.
        if self.process.wait(60) is None:
            raise net.Failed("holdfastd does not die")

    def sanitizer_report(self):
        text = self.process.text() if self.process else ""
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:"):
            if mark in text:
                return text[text.index(mark) - 200 if text.index(mark) > 200 else 0:]
        return None

    def tear_down(self):
        if self.process and self.process.alive():
            self.process.kill(signal.SIGTERM)
            self.process.wait(8)
        # A killed controller leaves its pins, by design.
        shutil.rmtree(os.path.join("/sys/fs/bpf/holdfast", self.instance), ignore_errors=True)
