#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an older holdfastd, or another boot, left behind: maps of the layout
before ours, a journal of the schema before ours, maps and calls of a boot that is
over."""
import ctypes
import json
import os
import re
import shutil
import socket
import sqlite3
import struct
import time

from lib import anchor as anchors
from lib import net
from lib.testing import check, equal, main, scenario

OUTSIDE, OUTSIDE_2 = "4930111111", "4930222222"
DATA = os.path.join(net.ROOT, "tests/data")
BPF_XDP = 37


def boot_id():
    with open("/proc/sys/kernel/random/boot_id") as f:
        return f.read().strip()


def pins(instance):
    return os.path.join("/sys/fs/bpf/holdfast", instance)


def ids(folder):
    """{pin: id of the map, program or link}"""
    found = {}
    for name in sorted(os.listdir(folder)):
        kind = name.split("_")[0] if name.split("_")[0] in ("prog", "link") else "map"
        found[name] = json.loads(net.run("bpftool", "-j", kind, "show", "pinned",
                                         os.path.join(folder, name)))["id"]
    return found


def old_journal(folder):
    """journal.db as schema 2 wrote it, in this boot."""
    path = os.path.join(folder, "journal.db")
    with open(os.path.join(DATA, "journal-2.sql")) as f:
        text = f.read().replace("'BOOT'", "'%s'" % boot_id())
    os.makedirs(folder, exist_ok=True)
    db = sqlite3.connect(path)
    db.executescript(text)
    db.close()
    return path


def old_layout(s, anchor):
    """ABI 1 pinned, its program on trunk0 by a pinned link."""
    folder = pins(anchor.instance)
    target = os.path.join(s.folder, "abi1.o")
    triple = net.run("gcc", "-print-multiarch").strip()
    net.run("clang", "-target", "bpf", "-O2", "-g", "-isystem", "/usr/include/" + triple,
            "-c", os.path.join(DATA, "abi1.bpf.c"), "-o", target)
    os.makedirs(folder)
    program = os.path.join(folder, "prog_receive")
    net.run("bpftool", "prog", "load", target, program, "type", "xdp", "pinmaps", folder)
    boot = bytes.fromhex(boot_id().replace("-", ""))
    value = struct.pack("=HHIII16sII", 1, 0, 2, 200, 1024, boot, 16, 1).ljust(808, b"\0")
    net.run("bpftool", "map", "update", "pinned", os.path.join(folder, "instance"),
            "key", "0", "0", "0", "0", "value", *("0x%02x" % b for b in value))
    bpf = ctypes.CDLL("libbpf.so.1", use_errno=True)

    def link():
        fd = bpf.bpf_link_create(bpf.bpf_obj_get(program.encode()),
                                 socket.if_nametoindex("trunk0"), BPF_XDP, None)
        if fd < 0 or bpf.bpf_obj_pin(fd, os.path.join(folder, "link_trunk0").encode()):
            raise net.Failed("no XDP link: errno %d" % ctypes.get_errno())
        os.close(fd)
    s.stage.anchor.call(link)
    return folder


@scenario
def layout_before_ours(s):
    "maps of the layout before ours are said with both versions and the drain, and nothing of them is touched"
    anchor = anchors.Anchor(s.stage, anchors.config(), start=False)
    folder = old_layout(s, anchor)
    journal = old_journal(os.path.join(s.folder, "state"))
    with open(journal, "rb") as f:
        written = f.read()
    before = ids(folder)
    caller = s.stage.caller.udp(net.CALLER, 0)
    caller.settimeout(5)

    def heard():
        caller.sendto(b"anybody there?", (net.ANCHOR_TRUNK, 20002))
        return caller.recv(100)
    equal(heard(), b"anybody there?", "what the program of before answers")
    code, said = anchor.run(30)
    equal(code, 1, "exit status (it said: %s)" % said)
    for needle in (r"ABI 1\.0", r"speaks [2-9]\.\d+", "holdfastctl drain",
                   re.escape(folder)):
        check(re.search(needle, said), "it does not say %s: %s" % (needle, said))
    equal(ids(folder), before, "what is pinned")
    equal(heard(), b"anybody there?", "what the program of before answers")
    caller.close()
    with open(journal, "rb") as f:
        check(f.read() == written, "the journal of before is no longer what it was")
    # "to lose them remove": then it starts.
    shutil.rmtree(folder)
    anchor.name = "holdfastd-again"
    anchor.start()
    peer, media = s.peer(), s.caller()
    peer.park(OUTSIDE, media)
    media.wait_packets(10)


def columns(db, table):
    return [row[1] for row in db.execute("PRAGMA table_info(%s)" % table)]


def back_to_schema_2(path):
    """The calls of a journal of ours, in the tables of before."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    new = path + ".ours"
    for end in ("-wal", "-shm"):
        if os.path.exists(path + end):
            os.remove(path + end)
    os.rename(path, new)
    old_journal(os.path.dirname(path))
    db = sqlite3.connect(path)
    db.execute("ATTACH ? AS ours", (new,))
    for table in ("call", "party", "meta"):
        names = ",".join(columns(db, table))
        db.execute("DELETE FROM %s" % table)
        db.execute("INSERT INTO main.%s(%s) SELECT %s FROM ours.%s" % (table, names, names, table))
    db.commit()
    db.close()


@scenario
def schema_before_ours(s):
    "calls and settings in a journal of the schema before ours are taken up, and it is ours from then on"
    anchor, peer = s.anchor(), s.peer()
    first, second, phone = s.caller(), s.caller(), s.phone()
    peer.park(OUTSIDE, first)
    anchor.wait_slot(701, "parked")
    call = peer.park(OUTSIDE_2, second)
    anchor.wait_slot(702, "parked")
    anchor.kill()
    path = os.path.join(s.folder, "state", "journal.db")
    back_to_schema_2(path)
    anchor.again()
    slots = anchor.slots()
    equal([slots[n]["state"] for n in ("701", "702")], ["parked"] * 2, "the slots")
    check(not re.search("belongs to no call", anchor.process.text()), "a leg was left over")
    first.wait_packets(10, since=time.time())
    picked = peer.call("701", "1002", phone)
    equal(picked.status(), 200, "the answer to the pick-up")
    call.bye()
    anchor.wait_slot(702, "free")
    # Once more, by what it has written since.
    anchor.kill()
    anchor.again()
    equal(len(anchor.calls()), 1, "calls after another kill")
    picked.bye()
    net.wait_for(lambda: not anchor.calls(), 5, "the end of the call")


def pinned_value(path):
    return json.loads(net.run("bpftool", "-j", "map", "dump", "pinned", path))[0]["value"]


@scenario
def another_boot(s):
    "maps and calls of another boot are not taken over: the calls get BYE, the log says why, new ones come"
    anchor, peer = s.anchor(), s.peer()
    media = s.caller()
    call = peer.park(OUTSIDE, media)
    anchor.wait_slot(701, "parked")
    anchor.kill()
    pin = os.path.join(pins(anchor.instance), "instance")
    value = pinned_value(pin)
    value[16:32] = ["0x%02x" % (int(b, 16) ^ 0xff) for b in value[16:32]]
    net.run("bpftool", "map", "update", "pinned", pin, "key", "0", "0", "0", "0",
            "value", *value)
    db = sqlite3.connect(os.path.join(s.folder, "state", "journal.db"))
    db.execute("UPDATE meta SET value='11111111-2222-3333-4444-555555555555' WHERE key='boot'")
    db.commit()
    db.close()
    before = ids(pins(anchor.instance))
    anchor.again()
    said = anchor.process.text()
    check(re.search("not taken over: they are of another boot", said), "it said: " + said)
    check("this machine was started anew" in said, "it said: " + said)
    bye = call.wait("bye", 10)
    check("Lost over a restart" in (bye.get("reason") or ""), "the reason: %s" % bye.get("reason"))
    equal(anchor.slot(701)["state"], "free", "the slot")
    after = ids(pins(anchor.instance))
    check(after["legs"] != before["legs"], "the map of legs is the one of the other boot")
    equal(anchor.ctl("status")["legs_open"], 0, "legs")
    other = s.caller()
    peer.park(OUTSIDE_2, other)
    other.wait_packets(10)
    anchor.kill()
    anchor.again()
    equal(anchor.slot(701)["state"], "parked", "the slot of a call of this boot")


if __name__ == "__main__":
    raise SystemExit(main())
