#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""holdfastctl slot list --watch in a terminal (a pseudo terminal of its own)."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from lib import anchor as anchors
from lib.net import wait_for
from lib.testing import check, equal, main, scenario

OUTSIDE = "49301110%02d"
CTL = os.path.join(anchors.programs(), "holdfastctl")
ON, OFF = b"\x1b[?1049h", b"\x1b[?1049l"
SHOW = b"\x1b[?25h"


class Terminal:
    """A program in a terminal of so many lines and columns."""

    def __init__(self, scene, *argv, lines=30, columns=90):
        self.written, self.status = b"", None
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ["TERM"] = "xterm"
            os.execv(argv[0], argv)
        scene.stage.on_close(self.close)
        self.before = termios.tcgetattr(self.fd)
        self.resize(lines, columns)

    def resize(self, lines, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:     # the other end is closed
                return
            if not data:
                return
            self.written += data

    def screen(self):
        """The lines of the newest drawing that is whole."""
        self.read()
        drawn = re.findall(rb"\x1b\[H((?:(?!\x1b\[H).)*?)\x1b\[J([^\x1b]*)", self.written, re.S)
        text = b"".join(drawn[-1]) if drawn else b""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text.decode()).split("\n")

    def shows(self, *words, seconds=20):
        wait_for(lambda: all(any(w in line for line in self.screen()) for w in words), seconds,
                 "the screen shows %s" % (words,))

    def types(self, text):
        os.write(self.fd, text)

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status is not None

    def wait(self):
        """Its exit status, when it has ended by itself."""
        wait_for(self.ended, 20, "it ends")
        self.read()
        return os.waitstatus_to_exitcode(self.status)

    def close(self):
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def is_as_before(self):
        equal(termios.tcgetattr(self.fd)[:4], self.before[:4], "the terminal's settings")
        check(self.written.rstrip().endswith(SHOW + OFF), "the screen is not given back: %r" % self.written[-80:])


def watch(scene, anchor, **size):
    return Terminal(scene, CTL, "--socket", anchor.socket, "slot", "list", "--watch", **size)


@scenario
def board(s):
    "the slot board is drawn anew when a call is parked, fits every size of the terminal, and q gives that back"
    anchor, peer = s.anchor(), s.peer()
    terminal = watch(s, anchor)
    terminal.shows("0 of 5 slots taken", "701 Sales")
    peer.park(OUTSIDE % 1, s.caller(), parker="1001")
    terminal.shows("1 of 5 slots taken", "parked")
    for lines, columns in ((10, 32), (3, 12), (50, 200)):
        terminal.resize(lines, columns)

        def fits(lines=lines, columns=columns):
            drawn = terminal.screen()
            return len(drawn[0]) == columns and len(drawn) <= lines and \
                all(len(line.rstrip()) <= columns for line in drawn)
        wait_for(fits, 20, "the board fits %d lines of %d" % (lines, columns))
    terminal.shows("701 Sales", "705")
    equal(termios.tcgetattr(terminal.fd)[3] & (termios.ECHO | termios.ICANON), 0, "keys wait for a line, or are shown")
    terminal.types(b"xq")
    equal(terminal.wait(), 0, "exit status")
    terminal.is_as_before()


@scenario
def interrupted(s):
    "Ctrl-Z lends the terminal to the shell and fg takes it again; Ctrl-C and SIGTERM give it back"
    anchor = s.anchor()
    terminal = watch(s, anchor)
    terminal.shows("0 of 5 slots taken")
    terminal.types(b"\x1a")
    equal(os.WIFSTOPPED(os.waitpid(terminal.pid, os.WUNTRACED)[1]), True, "stopped")
    terminal.read()
    terminal.is_as_before()
    terminal.written = b""
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.shows("0 of 5 slots taken")
    check(ON in terminal.written, "the screen is not taken again")
    terminal.types(b"\x03")
    equal(terminal.wait(), 0, "exit status")
    terminal.is_as_before()
    terminal = watch(s, anchor)
    terminal.shows("0 of 5 slots taken")
    os.kill(terminal.pid, signal.SIGTERM)
    equal(terminal.wait(), 0, "exit status")
    terminal.is_as_before()


@scenario
def restarted(s):
    "the board says that holdfastd is gone, and goes on with the next one, where the call still waits"
    anchor, peer = s.anchor(), s.peer()
    terminal = watch(s, anchor)
    peer.park(OUTSIDE % 1, s.caller(), parker="1001")
    terminal.shows("1 of 5 slots taken")
    anchor.kill()
    terminal.shows("is not running; waiting for it")
    anchor.again()
    terminal.shows("1 of 5 slots taken", "parked")
    terminal.types(b"q")
    equal(terminal.wait(), 0, "exit status")
    terminal.is_as_before()


@scenario
def what_cannot_be(s):
    "without a terminal, a daemon or that lot --watch says so and leaves the screen alone; with -j changes are lines"
    anchor, peer = s.anchor(), s.peer()
    argv = [CTL, "--socket", anchor.socket, "slot", "list"]
    done = subprocess.run([*argv, "--watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    equal((done.returncode, done.stdout), (2, ""), "without a terminal")
    check("draws on a terminal" in done.stderr and "--json" in done.stderr, "it says " + done.stderr)
    for wrong, status, said in (([*argv, "lobby", "--watch"], 1, "lobby"),
                                ([CTL, "--socket", anchor.socket + "x", "slot", "list", "--watch"], 3, "not running")):
        terminal = Terminal(s, *wrong)
        equal(terminal.wait(), status, "exit status of " + " ".join(wrong[3:]))
        check(said in terminal.written.decode(), "it says %r" % terminal.written)
        check(ON not in terminal.written, "the screen was taken")
    with subprocess.Popen([*argv, "-j", "--watch"], stdout=subprocess.PIPE, text=True) as lines:
        try:
            check('"free"' in lines.stdout.readline(), "no slot is free")
            peer.park(OUTSIDE % 1, s.caller(), parker="1001")
            deadline = time.time() + 20
            while '"parked"' not in lines.stdout.readline():
                check(time.time() < deadline, "the parked call is no line")
        finally:
            lines.terminate()


if __name__ == "__main__":
    main()
