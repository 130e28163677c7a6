# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts the scripted PBX (tests/b2bua/pbx.py) and talks to it."""
import json
import os
import subprocess
import threading
import time

from . import net

DOMAIN = "pbx.example.com"


class Pbx:
    def __init__(self, stage, routes, anchor=(net.ANCHOR_TRUNK, 5060), profile="plain",
                 anchor_users=None):
        self.stage = stage
        self.log = os.path.join(stage.folder, "pbx-messages.log")
        self._events = []
        self._changed = threading.Condition()
        argv = ["/usr/bin/python3", os.path.join(net.ROOT, "tests/b2bua/pbx.py"),
                "--listen", net.PBX + ":5060", "--anchor", "%s:%d" % anchor,
                "--domain", DOMAIN, "--profile", profile, "--log", self.log]
        if anchor_users:
            argv += ["--anchor-users", anchor_users]
        for user, where in routes.items():
            argv += ["--route", "%s=%s" % (user, where)]
        self.process = stage.spawn(stage.pbx, "pbx", *argv, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()
        self.wait("ready")

    def _read(self):
        for line in self.process.popen.stdout:
            event = json.loads(line)
            with self._changed:
                self._events.append(event)
                self._changed.notify_all()

    def mark(self):
        with self._changed:
            return len(self._events)

    def wait(self, kind, seconds=5, since=0, **match):
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for event in self._events[since:]:
                    if event["event"] == kind and all(
                            event.get(k) == v for k, v in match.items()):
                        return event
                left = deadline - time.monotonic()
                if left <= 0:
                    raise net.Failed("pbx: no %s %s within %g s; it saw %s" % (
                        kind, match or "", seconds, self._events[since:]))
                self._changed.wait(left)

    def events(self, since=0):
        with self._changed:
            return list(self._events[since:])

    def command(self, **order):
        self.process.popen.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.popen.stdin.flush()
