#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted PBX: a back-to-back user agent that signals and lets media pass.

It stands where the customer's PBX stands: the caller's trunk, the office's
phones and the anchor all speak to it and never to each other. call.py is what
happens to a call, profiles.py how makes of PBX differ, media.py what it does to
SDP and RTP.

Commands come on standard input and events go to standard output, one JSON
object a line; every message goes to the log.

  commands  {"do":"transfer","call":N,"leg":"a|b","to":"700"}
            {"do":"hang_up","call":N}   {"do":"quit"}
"""
import argparse
import json
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from lib import sip  # noqa: E402

from call import Call  # noqa: E402
from profiles import PROFILES  # noqa: E402


class Pbx:
    def __init__(self, loop, sock, routes, anchor, anchor_users, domain, profile,
                 events, log):
        self.loop, self.routes, self.anchor = loop, routes, anchor
        self.anchor_users, self.domain = re.compile(anchor_users), domain
        self.profile, self.events, self.log_file = profile, events, log
        self.calls = {}
        self.endpoint = sip.Endpoint(loop, sock, self, "pbx", self.log)
        if profile.reliable:
            self.endpoint.supported += ", 100rel"

    def log(self, direction, peer, message):
        self.log_file.write("%.6f %s %s:%d\n%s\n\n" % (
            time.time(), direction, peer[0], peer[1],
            message.bytes().decode().replace("\r\n", "\n").rstrip()))
        self.log_file.flush()

    def event(self, what, **more):
        try:
            self.events.write(json.dumps({"event": what, "time": time.time(), **more}) + "\n")
            self.events.flush()
        except BrokenPipeError:     # nobody listens any more (scripts/demo --keep)
            self.events = open(os.devnull, "w")

    def route(self, user):
        """Where calls to this user go, or None."""
        if user in self.routes:
            return self.routes[user]
        return self.anchor if self.anchor_users.fullmatch(user) else None

    def on_invite(self, dialog, transaction):
        call = Call(self, len(self.calls) + 1)
        self.calls[call.number] = call
        call.start(dialog, transaction)

    def command(self, line):
        order = json.loads(line)
        call = self.calls.get(order.get("call"))
        if order["do"] == "quit":
            self.loop.stop()
        elif order["do"] == "transfer":
            call.begin_transfer(call.legs[order["leg"]], order["to"])
        elif order["do"] == "hang_up":
            call.hang_up()


def read_commands(pbx):
    """Standard input closed means: go on without commands."""
    for line in sys.stdin:
        if line.strip():
            pbx.loop.call(pbx.command, line)


def address(text):
    host, _, port = text.partition(":")
    return host, int(port or 5060)


def main():
    parser = argparse.ArgumentParser(description="a scripted PBX for tests")
    parser.add_argument("--listen", type=address, required=True)
    parser.add_argument("--anchor", type=address, required=True)
    parser.add_argument("--anchor-users", default=r"7\d\d|\*\d+",
                        help="which dialled numbers go to the anchor (regular expression)")
    parser.add_argument("--route", action="append", default=[], help="USER=HOST:PORT")
    parser.add_argument("--domain", default="pbx.example.com")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="plain")
    parser.add_argument("--log", default=os.devnull)
    options = parser.parse_args()
    import socket
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(options.listen)
    loop = sip.Loop()
    routes = {}
    for route in options.route:
        user, _, where = route.partition("=")
        routes[user] = address(where)
    with open(options.log, "w") as log:
        pbx = Pbx(loop, sock, routes, options.anchor, options.anchor_users, options.domain,
                  PROFILES[options.profile], sys.stdout, log)
        loop._thread = threading.current_thread()
        threading.Thread(target=read_commands, args=(pbx,), daemon=True).start()
        pbx.event("ready")
        loop.run()


if __name__ == "__main__":
    main()
