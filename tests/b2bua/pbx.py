#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted PBX: a back-to-back user agent that signals and lets media pass.

It stands where the customer's PBX stands: the caller's trunk, the office's
phones and the anchor all speak to it and never to each other. SDP goes through
from end to end (only the o= line is its own, as RFC 3264 section 8 asks of
whoever changes a session), so media flows directly between the parties.

A blind transfer (REFER) is consumed here, as PBXs do: the target is called with
the transferred party's identity and SDP and the mark that the profile puts on
transferred calls; when it answers, the transferred party is re-INVITEd to it
and the transferor is released. Holdfast sees a new INVITE, never the REFER.

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


class Profile:
    """What differs between makes of PBX. This one is plain RFC 3892."""
    name = "plain"

    @staticmethod
    def transfer_headers(transferor, target):
        return (("Referred-By", "<%s>" % transferor),)


class Diverting(Profile):
    """Marks a transferred call as diverted by the transferor (RFC 5806)."""
    name = "diversion"

    @staticmethod
    def transfer_headers(transferor, target):
        return (("Diversion", "<%s>;reason=unconditional" % transferor),)


class Historic(Profile):
    """Marks a transferred call by its history (RFC 7044)."""
    name = "history"

    @staticmethod
    def transfer_headers(transferor, target):
        return (("History-Info", "<%s>;index=1, <%s>;index=1.1;rc=1" % (transferor, target)),)


PROFILES = {p.name: p for p in (Profile, Diverting, Historic)}


class Leg:
    """A party of a call: its dialog, who it is, and the SDP it last sent."""

    def __init__(self, call, side, dialog, uri, display=""):
        self.call, self.side, self.dialog = call, side, dialog
        self.uri, self.display = uri, display
        self.sdp = None
        self._session = int(time.time())
        self._version = 0
        self._last = None

    def name_addr(self):
        return '"%s" <%s>' % (self.display, self.uri) if self.display else "<%s>" % self.uri

    def own(self, sdp):
        """The other party's SDP as this dialog's session: our o= line, whose
        version rises when anything else has changed."""
        if not sdp:
            return ""
        rest = re.sub(r"(?m)^o=.*$", "o=", sdp)
        if rest != self._last:
            self._last = rest
            self._version += 1
        host = self.dialog.endpoint.address[0]
        return re.sub(r"(?m)^o=[^\r\n]*", "o=pbx %d %d IN IP4 %s" % (
            self._session, self._version, host), sdp)


class Call:
    """Two legs, a (who called) and b. As `owner` of both dialogs it is told
    what happens to either."""

    def __init__(self, pbx, number):
        self.pbx, self.number = pbx, number
        self.legs = {}
        self.transfer = None    # (transferor's leg, REFER, new leg)

    def leg_of(self, dialog):
        return next((l for l in self.legs.values() if l and l.dialog is dialog), None)

    def other(self, leg):
        return self.legs.get("b" if leg.side == "a" else "a")

    def event(self, what, **more):
        self.pbx.event(what, call=self.number, **more)

    # Setting up: leg a has called, leg b is being called

    def start(self, dialog, transaction):
        request = transaction.request
        asserted = request.get("p-asserted-identity") or request.get("from")
        a = Leg(self, "a", dialog, sip.uri_of(asserted), sip.display_of(asserted))
        a.uri = "sip:%s@%s" % (sip.user_of(a.uri), self.pbx.domain)
        dialog.owner = self
        a.sdp = request.body or None
        self.legs["a"] = a
        user = sip.user_of(request.uri)
        route = self.pbx.route(user)
        if not route:
            self.event("no_route", user=user)
            transaction.respond(404)
            dialog.end()
            return
        transaction.respond(100)
        self.call_leg("b", user, route, a, request)
        self.event("calling", user=user, by=a.uri)

    def call_leg(self, side, user, route, party, request=None, extra=()):
        """Call `user` on behalf of `party`."""
        uri = "sip:%s@%s:%d" % ((user,) + route)
        leg = Leg(self, side, None, "sip:%s@%s" % (user, self.pbx.domain))
        headers = (("P-Asserted-Identity", party.name_addr()),) + tuple(extra)
        for name in ("Alert-Info", "User-to-User") if request else ():
            headers += tuple((name, v) for v in request.all(name))
        if request and request.get("privacy"):
            headers += (("Privacy", request.get("privacy")),)
        # own() writes the o= line; it needs an endpoint before the dialog is.
        leg.dialog = sip.Dialog(self.pbx.endpoint, self)
        body = leg.own(party.sdp)
        leg.dialog = self.pbx.endpoint.invite(
            self, uri, party.name_addr(), headers, body, dest=route,
            remote="<sip:%s@%s>" % (user, self.pbx.domain))
        if side in "ab":
            self.legs[side] = leg
        return leg

    def on_progress(self, dialog, response):
        leg = self.leg_of(dialog)
        if leg and leg.side == "b" and response.status > 100:
            self.legs["a"].dialog.invite.respond(response.status, response.reason)
            self.event("ringing", user=sip.user_of(leg.uri))

    def on_answered(self, dialog, response):
        if self.transfer and self.transfer[2].dialog is dialog:
            self.transfer_answered(response)
            return
        b = self.leg_of(dialog)
        a = self.legs["a"]
        b.sdp = response.body
        identity = response.get("p-asserted-identity")
        headers = (("P-Asserted-Identity", identity or b.name_addr()),)
        if response.get("user-to-user"):
            headers += (("User-to-User", response.get("user-to-user")),)
        a.dialog.invite.respond(200, headers=headers, body=a.own(b.sdp))
        if a.sdp:  # else the answer comes in a's ACK, and goes into b's
            dialog.ack()
        self.event("answered", user=sip.user_of(b.uri), identity=identity)

    def on_failed(self, dialog, response):
        status = response.status if response else 408
        if self.transfer and self.transfer[2].dialog is dialog:
            self.transfer_failed(status)
            return
        leg = self.leg_of(dialog)
        if leg:
            invite = self.legs["a"].dialog.invite
            if not invite.finished:
                invite.respond(status if status != 487 else 480,
                               response.reason if response else None)
            self.event("failed", user=sip.user_of(leg.uri), status=status)

    def on_ack(self, dialog, ack, transaction):
        leg = self.leg_of(dialog)
        if leg and leg.side == "a" and transaction is dialog.invite and not leg.sdp:
            leg.sdp = ack.body
            b = self.other(leg)
            if b:
                b.dialog.ack(body=b.own(ack.body))

    def on_cancel(self, dialog, request):
        b = self.legs.get("b")
        self.event("cancelled")
        if b and b.dialog.state == "early":
            b.dialog.cancel(tuple(("Reason", r) for r in request.all("reason")))

    def on_no_ack(self, dialog):
        self.on_bye(dialog, None)

    def on_bye(self, dialog, request):
        leg = self.leg_of(dialog)
        if not leg:
            return
        self.event("bye", user=sip.user_of(leg.uri))
        if self.transfer and self.transfer[0] is leg:
            self.legs[leg.side] = None
            return      # the transferor may leave before the target answers
        self.hang_up(leg)

    def hang_up(self, leaving=None):
        if self.transfer:
            new = self.transfer[2]
            if new.dialog.state == "confirmed":
                new.dialog.bye()
            elif new.dialog.state == "early":
                new.dialog.cancel()
            self.transfer = None
        for leg in list(self.legs.values()):
            if not leg or leg is leaving:
                continue
            if leg.dialog.state == "confirmed":
                leg.dialog.bye()
            elif leg.side == "b" and leg.dialog.state == "early":
                leg.dialog.cancel()
            elif leg.side == "a" and not leg.dialog.invite.finished:
                leg.dialog.invite.respond(480)
        self.event("ended")

    # In the call: new offers go across

    def on_reinvite(self, dialog, transaction):
        leg = self.leg_of(dialog)
        other = leg and self.other(leg)
        if not other or other.dialog.state != "confirmed" or self.transfer:
            if leg and leg.sdp and self.transfer:
                # The party in the transfer: its session goes on as it was.
                transaction.respond(491)
                return
            transaction.respond(481)
            return
        body = transaction.request.body
        if transaction.request.method == "UPDATE" and not body:
            transaction.respond(200)
            return
        if body:
            leg.sdp = body

        def answered(response):
            status = response.status if response else 408
            if status >= 300:
                transaction.respond(status, response.reason if response else None)
                return
            other.sdp = response.body
            transaction.respond(200, body=leg.own(response.body))
        other.dialog.reinvite(other.own(body), answered)

    # Blind transfer

    def on_refer(self, dialog, transaction):
        leg = self.leg_of(dialog)
        targets = transaction.request.all("refer-to")
        if not leg or len(targets) != 1:
            transaction.respond(400)
            return
        transaction.respond(202)
        self.begin_transfer(leg, sip.user_of(sip.uri_of(targets[0])), transaction.request)

    def begin_transfer(self, leg, user, refer=None):
        transferred = self.other(leg)
        route = self.pbx.route(user)
        self.event("transfer", by=leg.uri, to=user, of=transferred.uri)
        if refer:
            self.notify(leg, refer, 100, "active;expires=60")
        if not route:
            if refer:
                self.notify(leg, refer, 404, "terminated;reason=noresource")
            return
        target = "sip:%s@%s" % (user, self.pbx.domain)
        extra = self.pbx.profile.transfer_headers(leg.uri, target)
        new = self.call_leg("new", user, route, transferred, extra=extra)
        self.transfer = (leg, refer, new)

    def notify(self, leg, refer, status, state):
        """RFC 3515 section 2.4.5; two REFERs in a dialog differ by id."""
        if leg.dialog.state != "confirmed":
            return
        leg.dialog.send("NOTIFY", (
            ("Event", "refer;id=%d" % refer.cseq[0]), ("Subscription-State", state),
            ("Content-Type", "message/sipfrag;version=2.0")),
            "SIP/2.0 %d %s\r\n" % (status, sip.PHRASES.get(status, "Status")))

    def transfer_answered(self, response):
        transferor, refer, new = self.transfer
        new.sdp = response.body
        new.dialog.ack()
        self.event("transferred", to=sip.user_of(new.uri))
        stays = self.other(transferor)

        def joined(answer):
            if answer is None or answer.status >= 300:
                self.event("join_failed", status=answer.status if answer else 408)
            else:
                stays.sdp = answer.body
            if refer:
                self.notify(transferor, refer, 200, "terminated;reason=noresource")
            self.legs[transferor.side] = new
            new.side = transferor.side
            self.transfer = None
            if transferor.dialog.state == "confirmed":
                transferor.dialog.bye()
            self.event("joined", to=sip.user_of(new.uri))
        stays.dialog.reinvite(stays.own(new.sdp), joined)

    def transfer_failed(self, status):
        transferor, refer, _ = self.transfer
        self.transfer = None
        self.event("transfer_failed", status=status)
        if refer and transferor.dialog.state == "confirmed":
            self.notify(transferor, refer, status, "terminated;reason=noresource")
        elif not self.legs.get(transferor.side):
            self.hang_up()


class Pbx:
    def __init__(self, loop, sock, routes, anchor, anchor_users, domain, profile,
                 events, log):
        self.loop, self.routes, self.anchor = loop, routes, anchor
        self.anchor_users, self.domain = re.compile(anchor_users), domain
        self.profile, self.events, self.log_file = profile, events, log
        self.calls = {}
        self.endpoint = sip.Endpoint(loop, sock, self, "pbx", self.log)

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
