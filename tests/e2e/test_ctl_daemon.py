#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""holdfastctl and the control socket against the running controller."""
import json
import os
import subprocess

from lib import anchor as anchors
from lib.net import Process, wait_for
from lib.testing import Skip, check, equal, main, scenario

OUTSIDE = "4930111111"
NOBODY = 65534


def ctl(anchor, *argv, user=None):
    """(exit status, standard output, standard error)"""
    command = [os.path.join(anchors.programs(), "holdfastctl"), "-s", anchor.socket, *argv]
    if user is not None:
        command = ["setpriv", "--reuid=%d" % user, "--regid=%d" % user, "--clear-groups"] + command
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout, done.stderr


def monitor(s, anchor, *argv):
    """A monitor that is listening already."""
    name = "-".join(("monitor",) + argv)
    process = s.stage.spawn(s.stage.anchor, name, os.path.join(anchors.programs(), "holdfastctl"),
                            "-s", anchor.socket, "-j", "monitor", *argv)
    wait_for(lambda: '"hello"' in process.text(), 5, "the monitor says hello")
    return process


def events(process):
    return [json.loads(line) for line in process.text().splitlines()][1:]


@scenario
def a_parked_call_in_every_answer(s):
    "a parked call is seen alike in status, slot list, call list, call show and leg show"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE, caller)
    slot = anchor.wait_slot(701, "parked")
    caller.wait_packets(10, 3)
    equal(slot["caller_number"], OUTSIDE, "the caller")
    equal(slot["label"], "Sales", "the label")
    check(0 < slot["seconds_to_recall"] <= 90, "rings back in %r s" % slot["seconds_to_recall"])
    status = anchor.ctl("status")
    equal(status["instance"], anchor.instance, "the instance")
    equal(status["pid"], anchor.process.popen.pid, "the pid")
    equal(status["calls"]["parked"], 1, "parked calls")
    equal([(l["lot"], l["slots"], l["slots_free"]) for l in status["lots"]], [("main", 5, 4)], "lots")
    check(status["legs_open"] == 1 and status["legs"] > 1, "legs in %r" % status)
    call = anchor.ctl("call", "show", str(slot["call"]))
    equal([c["call"] for c in anchor.calls()], [slot["call"]], "the call list")
    party = call["parties"][0]
    equal((party["role"], party["media"]["mode"]), ("parkee", "hold"), "the party")
    equal(party["media"]["remote_port"], caller.port, "where the hold audio goes")
    leg = anchor.ctl("leg", "show", str(party["leg"]))
    check(leg["hold_sent"] >= 10, "hold frames in %r" % leg)
    equal(leg["call"], slot["call"], "the leg's call")
    equal([l["leg"] for l in anchor.ctl("leg", "list")], [party["leg"]], "the leg list")
    equal(anchor.ctl("stats")["totals"]["parks"], 1, "parks")
    for words in (["status"], ["slot", "list"], ["call", "show", str(slot["call"])], ["leg", "list"]):
        code, text, _ = ctl(anchor, *words)
        check(code == 0 and "\x1b" not in text, "%s: %d %s" % (words, code, text))
    check(OUTSIDE in ctl(anchor, "slot", "list")[1], "the caller is not in the slot table")


@scenario
def monitor_tells_a_call(s):
    "monitor tells a call from park to hang-up, numbered without a hole, and --until ends it"
    anchor, peer = s.anchor(), s.peer()
    everything = monitor(s, anchor)
    until = monitor(s, anchor, "--until", "abandoned")
    call = peer.park(OUTSIDE, s.caller())
    anchor.wait_slot(701, "parked")
    call.bye()
    equal(until.wait(5), 0, "the monitor's exit status")
    told = events(until)
    equal([e["event"] for e in told], ["parked", "abandoned"], "the events")
    equal([e["number"] for e in told], [1, 2], "their numbers")
    equal({e["slot"] for e in told}, {"701"}, "the slot")
    equal(told[0]["caller_number"], OUTSIDE, "the caller")
    check(everything.alive(), "a monitor without a limit has ended")
    wait_for(lambda: len(events(everything)) >= 2, 5, "the other monitor hears both events")
    anchor.tear_down()
    equal(everything.wait(5), 3, "the exit status of a monitor whose daemon has ended")


@scenario
def strangers_are_refused(s):
    "a user who is neither root nor in the group is refused with a sentence, by file mode and by the daemon"
    anchor = s.anchor()
    for folder in (s.folder, os.path.dirname(s.folder), os.path.dirname(os.path.dirname(s.folder))):
        os.chmod(folder, os.stat(folder).st_mode | 0o055)
    if ctl(anchor, "help", user=NOBODY)[0] != 0:
        raise Skip("nobody cannot run the programs in this folder")
    code, _, text = ctl(anchor, user=NOBODY)
    equal(code, 1, "the exit status")
    check("may not be opened by you" in text, text)
    os.chmod(anchor.socket, 0o666)
    code, _, text = ctl(anchor, user=NOBODY)
    equal(code, 1, "the exit status")
    check("is for root, the user that runs holdfastd" in text or
          "is for root and the user that runs holdfastd" in text, text)
    code, text, _ = ctl(anchor, "-j", "monitor", user=NOBODY)
    equal((code, json.loads(text)["error"]["code"]), (1, "forbidden"), "monitor")


@scenario
def a_second_daemon_is_refused(s):
    "a second controller with the same instance is refused by name and pid and disturbs nothing"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")
    second = Process("second", s.stage.anchor.argv(*anchor.argv()), os.path.join(s.folder, "second.log"))
    equal(second.wait(10), 1, "the exit status")
    check("another holdfastd with instance %s is running, pid %d" % (
        anchor.instance, anchor.process.popen.pid) in second.text(), second.text())
    equal(anchor.slot(701)["state"], "parked", "the slot")
    caller.wait_packets(10, 3, since=0.0)


@scenario
def absent_daemon(s):
    "holdfastctl ends with 3 and a sentence after the controller was killed, and a new one takes the socket"
    anchor = s.anchor()
    anchor.kill()
    check(os.path.exists(anchor.socket), "a killed controller leaves its socket")
    code, _, text = ctl(anchor)
    equal(code, 3, "the exit status")
    check("holdfastd is not running" in text and "start it with" in text, text)
    anchor.launch()
    wait_for(lambda: ctl(anchor)[0] == 0, 20, "the new controller answers")


if __name__ == "__main__":
    raise SystemExit(main())
