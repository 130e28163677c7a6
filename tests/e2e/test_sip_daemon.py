#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The SIP side of the whole daemon: many calls a second, a new identity in a
dialog, and what it says to systemd and to signals."""
import os
import signal
import socket
import subprocess

from lib import net
from lib.anchor import programs
from lib.testing import check, equal, main, scenario

PARK = os.path.join(net.ROOT, "tests/e2e/sipp/park.xml")
RATE, CALLS = 200, 1000


@scenario
def many_calls_a_second(s):
    "a thousand calls at 200 a second are parked and end, and none fails"
    anchor = s.anchor(lot__slots="1001-3000", lot__labels={"1001": "Sales"},
                      media__ports="20000-24999")
    process = s.stage.spawn(
        s.stage.pbx, "sipp", "sipp", "-sf", PARK, "-i", net.PBX,
        "-mi", net.PBX, "-mp", "45000", "-m", str(CALLS), "-r", str(RATE),
        "-timeout", "60s", "-timeout_error", "-nostdin",
        "%s:5060" % net.ANCHOR_TRUNK, env=dict(os.environ, TERM="dumb"))
    equal(process.wait(90), 0, "exit status of SIPp")
    equal(anchor.ctl("status")["totals"]["parks"], CALLS, "calls parked")
    net.wait_for(lambda: anchor.calls() == [], 5, "the call list is empty")
    equal(anchor.ctl("status")["legs_open"], 0, "open legs")


@scenario
def update_without_offer(s):
    "an UPDATE without SDP that says who is there now puts the caller into the reserved slot"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    call = peer.call("700", "1002", caller)
    equal(call.status(), 200, "the answer")
    anchor.wait_slot(701, "reserved")
    answer = call.request("UPDATE", headers=[
        ("P-Asserted-Identity", '"Erika" <sip:+4930555@example.org>')])
    equal(answer.status, 200, "the answer to UPDATE")
    equal(answer.body or "", "", "the body of that answer")
    anchor.wait_slot(701, "parked")
    equal(anchor.slot(701)["caller_number"], "+4930555", "who waits")
    caller.wait_packets(10)
    call.bye()
    anchor.wait_slot(701, "free")


@scenario
def systemd_is_told(s):
    "systemd hears when SIP is answered, while the file is read anew and when the daemon stops"
    path = os.path.join(s.folder, "notify")
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(path)
    told.settimeout(10)
    os.environ["NOTIFY_SOCKET"] = path
    try:
        anchor = s.anchor()
    finally:
        del os.environ["NOTIFY_SOCKET"]
    equal(told.recv(100), b"READY=1", "the first word")
    anchor.process.popen.send_signal(signal.SIGHUP)
    net.wait_for(lambda: "is in force" in anchor.process.text(), 20, "SIGHUP is answered")
    equal(told.recv(100).split(b"\n")[0], b"RELOADING=1", "the word before")
    equal(told.recv(100), b"READY=1", "the word after")
    equal(s.peer().options().status, 200, "the answer to OPTIONS")
    anchor.process.popen.send_signal(signal.SIGTERM)
    equal(told.recv(100), b"STOPPING=1", "the last word")
    equal(anchor.process.wait(10), 0, "exit status")
    told.close()


@scenario
def usage(s):
    "a wrong command line is exit 2 and says so; --help teaches"
    program = os.path.join(programs(), "holdfastd")

    def run(*argv):
        done = subprocess.run([program, *argv], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout, done.stderr
    for argv in (["--bogus"], ["word"], ["--media", "paper"], ["--instance", "../x"],
                 ["--instance", ""], ["--config"]):
        status, out, err = run(*argv)
        equal(status, 2, "exit status of holdfastd %s" % " ".join(argv))
        check(err and not out, "the complaint about %s is not on standard error" % argv)
    status, out, _ = run("--help")
    equal(status, 0, "exit status of --help")
    check("--check-config FILE" in out and "Exit status" in out, "--help does not teach: " + out)
    status, out, _ = run("--version")
    equal((status, out.split()[0]), (0, "holdfastd"), "--version")


if __name__ == "__main__":
    raise SystemExit(main())
