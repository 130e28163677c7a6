#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Follows what happens to parked calls, with nothing but Python.

  sudo follow.py [COUNT]

Listens to the kernel module's group and to the controller's own (where there is
no module), and believes only the kernel and root: anybody may send to the
second. Prints one JSON object a line, {"lost": N} where it missed some. Ends
after COUNT events. The module may come and go meanwhile: the kernel tells those
who listen to the family of families ("nlctrl").
"""
import json
import os
import re
import select
import socket
import struct
import sys

GENERIC, USERSOCK = 16, 2
SOL_NETLINK, ADD_MEMBERSHIP = 270, 1
HERE = os.path.dirname(os.path.abspath(__file__))


def header(path=os.path.join(HERE, "../../include/uapi/holdfast.h")):
    """Attribute numbers, their types, and the group, out of the header itself."""
    with open(path, encoding="ascii") as f:
        text = f.read()
    names = re.findall(r"^\tHOLDFAST_A_([A-Z0-9_]+),(?: /\* (\w+))?",
                       text[text.index("enum holdfast_attr"):], re.M)
    attributes = {i: (name.lower(), kind) for i, (name, kind) in enumerate(names)}
    return attributes, int(re.search(r"USERSOCK_GROUP (\d+)", text)[1])


def attributes_of(data):
    """{type: bytes} of a run of netlink attributes."""
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x3fff] = data[at + 4:at + length]
        at += (length + 3) & ~3
    return found


def group_of(family, wanted):
    """Number of a family's multicast group, or None without the family."""
    name = family + b"\0"
    attribute = struct.pack("=HH", 4 + len(name), 2) + name + bytes(-len(name) % 4)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, GENERIC) as s:
        s.bind((0, 0))
        s.send(struct.pack("=IHHIIBBH", 20 + len(attribute), 16, 1, 1, 0, 3, 1, 0) + attribute)
        answer = s.recv(65536)
    if struct.unpack_from("=H", answer, 4)[0] == 2:    # an error: no such family
        return None
    for group in attributes_of(attributes_of(answer[20:]).get(7, b"")).values():
        parts = attributes_of(group)
        if parts.get(1) == wanted + b"\0":
            return struct.unpack("=I", parts[2])[0]
    return None


def subscribe(protocol, group):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    s.bind((0, 0))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    s.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
    return s


def read_event(s, names):
    """One event as a dict, or None for a message that is not to be believed."""
    data, extra, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(12))
    for level, kind, value in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            if struct.unpack("=III", value)[1] == 0:
                break
    else:
        return None
    event = {}
    for number, value in attributes_of(data[20:]).items():
        name, kind = names.get(number, (None, None))
        if kind == "string":
            event[name] = value.rstrip(b"\0").decode(errors="replace")
        elif kind in ("u32", "u64"):
            event[name] = int.from_bytes(value, sys.byteorder)
    return event if "number" in event else None


def follow_module(sockets):
    """Join the module's group; another one each time it is loaded."""
    if "module" in sockets:
        sockets.pop("module").close()
    group = group_of(b"holdfast", b"events")
    if group:
        sockets["module"] = subscribe(GENERIC, group)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    names, usersock_group = header()
    sockets = {"controller": subscribe(USERSOCK, usersock_group),
               "families": subscribe(GENERIC, group_of(b"nlctrl", b"notify"))}
    follow_module(sockets)
    print(json.dumps({"following": "module" if "module" in sockets else "controller"}),
          flush=True)
    last = seen = 0
    while not count or seen < count:
        ready = select.select(sockets.values(), [], [])[0]
        # Families come last: what the module had sent is read before it is left.
        for s in [s for s in ready if s is not sockets["families"]] or ready:
            try:
                if s is sockets["families"]:
                    s.recv(65536)
                    follow_module(sockets)
                    continue
                event = read_event(s, names)
            except OSError:     # ENOBUFS: the numbers tell how many
                continue
            if not event:
                continue
            if last and event["number"] > last + 1:
                print(json.dumps({"lost": event["number"] - last - 1}))
            last = event["number"]
            print(json.dumps(event), flush=True)
            seen += 1


if __name__ == "__main__":
    main()
