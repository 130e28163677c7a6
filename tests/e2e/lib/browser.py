# SPDX-License-Identifier: GPL-2.0-or-later
"""A real browser in the anchor's namespace: Debian's Chromium, driven by
playwright-core through tests/board/browser.mjs."""
import json
import os
import shutil
import subprocess

from . import net

VERSION = "1.48.2"      # of playwright-core; it brings no browser along


class Missing(Exception):
    """What a browser needs is not here."""


def playwright():
    """The folder that has playwright-core, fetched once into the build folder."""
    base = os.path.join(os.environ.get("HF_BUILD", os.path.join(net.ROOT, "build")), "browser")
    if not os.path.isdir(os.path.join(base, "node_modules", "playwright-core")):
        if not shutil.which("npm"):
            raise Missing("npm is not installed")
        os.makedirs(base, exist_ok=True)
        done = subprocess.run(["npm", "install", "--no-save", "--ignore-scripts", "--no-audit",
                               "--no-fund", "--prefix", base, "playwright-core@" + VERSION],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        if done.returncode:
            raise Missing("playwright-core cannot be fetched: " + done.stdout.strip()[-200:])
    return base


class Browser:
    def __init__(self, stage):
        for program in ("chromium", "node"):
            if not shutil.which(program):
                raise Missing(program + " is not installed")
        script = os.path.join(net.ROOT, "tests", "board", "browser.mjs")
        home = os.path.join(stage.folder, "browser-home")
        os.makedirs(home, exist_ok=True)
        self.log = open(os.path.join(stage.folder, "browser.log"), "w")
        self.process = subprocess.Popen(
            stage.anchor.argv(shutil.which("node"), script, playwright(), shutil.which("chromium")),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=dict(os.environ, HOME=home))
        stage.on_close(self.close)

    def do(self, act, **how):
        self.process.stdin.write(json.dumps(dict(how, do=act)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise net.Failed("the browser ended: see browser.log")
        answer = json.loads(line)
        if "error" in answer:
            raise net.Failed("%s %s: %s" % (act, how, answer["error"]))
        return answer["value"]

    def look(self, expression):
        return self.do("look", expression=expression)

    def wait(self, expression, seconds=10):
        self.do("wait", expression=expression, ms=int(seconds * 1000))

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
