#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong with what outlives holdfastd: the disk, the journal, the pins."""
import json
import os
import re
import shutil
import sqlite3
import time

from lib import net
from lib.testing import Skip, check, equal, main, scenario

OUTSIDE, OUTSIDE_2 = "4930111111", "4930222222"


def small_disk(s, kib):
    """The state folder on a disk of its own."""
    folder = os.path.join(s.folder, "state")
    os.makedirs(folder)
    try:
        net.run("mount", "-t", "tmpfs", "-o", "size=%dk" % kib, "none", folder)
    except net.Failed as why:
        raise Skip("needs a tmpfs: %s" % why) from None
    s.stage.on_close(lambda: net.run("umount", "-l", folder))
    return folder


def again(anchor, name="holdfastd-again"):
    anchor.name = name
    anchor.start()


def says(anchor, pattern, seconds=10):
    net.wait_for(lambda: re.search(pattern, anchor.process.text()), seconds,
                 "the log says %s" % pattern)


def hang_up(peer, call):
    seen = len(peer.messages)
    call.bye()

    def answer():
        got = [m for _, d, m in peer.messages[seen:] if d == "<-" and m.status and
               m.get("cseq").endswith("BYE")]
        return got[0] if got else None
    equal(net.wait_for(answer, 5, "the answer to BYE").status, 200, "the answer to BYE")


@scenario
def full_disk(s):
    "on a full disk calls are parked and hear music, the log says so once, and what is written later is kept"
    folder = small_disk(s, 3000)
    anchor, peer = s.anchor(), s.peer()
    first, second = s.caller(), s.caller()
    peer.park(OUTSIDE, first)
    anchor.wait_slot(701, "parked")
    with open(os.path.join(folder, "fill"), "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass
    calls = []
    # The log of the database has some room of its own; not for long.
    while not re.search("journal: .* cannot be written", anchor.process.text()):
        check(len(calls) < 200, "the disk is never full")
        call = peer.park(OUTSIDE_2, second)
        anchor.wait_slot(702, "parked")
        second.wait_packets(1, since=time.time())
        hang_up(peer, call)
        calls.append(call)
    call = peer.park(OUTSIDE_2, second)
    anchor.wait_slot(702, "parked")
    second.wait_packets(10, since=time.time())
    equal(len(re.findall("journal: .* cannot be written", anchor.process.text())), 1,
          "warnings about the disk")
    os.remove(os.path.join(folder, "fill"))
    says(anchor, "journal: .* can be written again")
    anchor.kill()
    again(anchor)
    equal(anchor.slot(702)["state"], "parked", "the slot of the call on the full disk")
    hang_up(peer, call)


@scenario
def read_only_disk(s):
    "on a disk that became read-only the next start takes the calls up and keeps its journal elsewhere"
    folder = small_disk(s, 8000)
    anchor, peer = s.anchor(), s.peer()
    caller, other = s.caller(), s.caller()
    call = peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")
    anchor.kill()
    net.run("mount", "-o", "remount,ro", folder)
    again(anchor)
    says(anchor, r"journal\.db cannot be written .*: it is kept in ")
    says(anchor, r"epoch cannot be written .*: it is kept in ")
    equal(anchor.slot(701)["state"], "parked", "the slot")
    caller.wait_packets(10, since=time.time())
    peer.park(OUTSIDE_2, other)
    anchor.wait_slot(702, "parked")
    anchor.kill()
    again(anchor, "holdfastd-third")
    equal(anchor.slot(702)["state"], "parked", "the slot taken meanwhile")
    hang_up(peer, call)
    anchor.kill()
    net.run("mount", "-o", "remount,rw", folder)
    again(anchor, "holdfastd-fourth")
    says(anchor, r"journal\.db is in its place again")
    equal(anchor.slot(701)["state"], "free", "the slot of who hung up")
    equal(anchor.slot(702)["state"], "parked", "the other slot")


def parked_in(path):
    """How many parked calls that file has; 0 also while it is not there."""
    if not os.path.exists(path):
        return 0
    db = sqlite3.connect("file:%s?immutable=1" % path, uri=True)
    try:
        return db.execute("select count(*) from call where state='parked'").fetchone()[0]
    finally:
        db.close()


def scribble(path):
    with open(path, "r+b") as f:
        for at in range(0, os.path.getsize(path), 4096):
            f.seek(at)
            f.write(b"this is no page")


@scenario
def damaged_journal(s):
    "a damaged journal is kept aside and named; its copy has the calls, and what it lacks is an orphan"
    anchor, peer = s.anchor(journal={"copy_s": 1, "orphan_grace_s": 600}), s.peer()
    caller, late = s.caller(), s.caller()
    call = peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")
    journal = os.path.join(s.folder, "state", "journal.db")
    net.wait_for(lambda: parked_in(journal + ".copy"), 20, "a copy of the journal with the call")
    anchor.kill()
    # What came after the copy is nowhere: as if parked when nothing was written.
    for name in "-wal", "-shm":
        if os.path.exists(journal + name):
            os.remove(journal + name)
    scribble(journal)
    again(anchor)
    says(anchor, r"journal\.db is damaged; it is kept as \S+journal\.db\.damaged-\d+\. Its copy")
    equal(anchor.slot(701)["state"], "parked", "the slot")
    caller.wait_packets(10, since=time.time())
    late_call = peer.park(OUTSIDE_2, late)
    anchor.wait_slot(702, "parked")
    anchor.kill()
    for name in "-wal", "-shm":
        if os.path.exists(journal + name):
            os.remove(journal + name)
    if os.path.exists(journal + ".copy"):
        os.remove(journal + ".copy")
    with open(journal, "wb") as f:
        f.write(b"not a database, whatever it may have been" * 400)
    again(anchor, "holdfastd-third")
    says(anchor, "calls that only it knew are lost")
    equal(len(re.findall(r"leg \d+ .* belongs to no call", anchor.process.text())), 2,
          "orphans named")
    late.wait_packets(10, since=time.time())
    hang_up(peer, late_call)
    equal(anchor.ctl("status")["legs_open"], 1, "legs after the BYE")
    hang_up(peer, call)
    equal(anchor.ctl("status")["legs_open"], 0, "legs after both")


@scenario
def lost_pins(s):
    "when the pinned maps are gone the media cannot go on: the calls are ended with BYE and a reason"
    anchor, peer = s.anchor(), s.peer()
    call = peer.park(OUTSIDE, s.caller())
    anchor.wait_slot(701, "parked")
    anchor.kill()
    shutil.rmtree(os.path.join("/sys/fs/bpf/holdfast", anchor.instance))
    again(anchor)
    bye = call.wait("bye", 10)
    check("Lost over a restart" in (bye.get("reason") or ""), "the reason: %s" % bye.get("reason"))
    says(anchor, r"call \d+ of \S+ cannot be taken up")
    equal(anchor.slot(701)["state"], "free", "the slot")
    caller = s.caller()
    peer.park(OUTSIDE_2, caller)
    caller.wait_packets(10)


@scenario
def other_layout(s):
    "maps of another ABI version are not touched: both versions and the drain are said, callers hear music on"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    call = peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")
    anchor.kill()
    pin = os.path.join("/sys/fs/bpf/holdfast", anchor.instance, "instance")
    value = json.loads(net.run("bpftool", "-j", "map", "dump", "pinned", pin))[0]["value"]

    def write(bytes_):
        net.run("bpftool", "map", "update", "pinned", pin, "key", "0", "0", "0", "0",
                "value", *bytes_)
    major = int(value[0], 16)
    write(["0x%02x" % (major + 1)] + value[1:])
    code, said = anchor.run()
    equal(code, 1, "exit status")
    for needle in (r"ABI %d\.\d+" % (major + 1), r"speaks %d\.\d+" % major, "holdfastctl drain"):
        check(re.search(needle, said), "it does not say %s: %s" % (needle, said))
    caller.wait_packets(20, since=time.time())
    write(value)
    again(anchor)
    equal(anchor.slot(701)["state"], "parked", "the slot")
    hang_up(peer, call)


if __name__ == "__main__":
    raise SystemExit(main())
