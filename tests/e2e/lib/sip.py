# SPDX-License-Identifier: GPL-2.0-or-later
"""A small SIP endpoint for tests: transactions and dialogs over UDP; messages are
message.py's, what it runs on is loop.py.

It is used by the scripted PBX (tests/b2bua/pbx.py) and the scripted phones
(ua.py). It is strict where a peer of ours would notice and leaves everything
else to its user, so that a scenario can misbehave on purpose. Sections named
are those of RFC 3261.
"""
import random
import time

from .loop import Loop  # noqa: F401: its users say sip.Loop
from .message import (  # noqa: F401: and sip.user_of
    PHRASES, Message, display_of, host_of, parameter, token, uri_of, user_of, without_tag)

T1 = 0.5
T2 = 4.0


class ServerTransaction:
    """A request that somebody waits for an answer to (17.2)."""

    def __init__(self, endpoint, request):
        self.endpoint, self.request = endpoint, request
        self.dialog = None
        self.response = None
        self.acked = False
        self._timer = None
        self.rseq = random.randrange(1, 100000)     # of the latest reliable answer
        self.unpracked = None   # that answer, until its PRACK
        self._after_prack = None

    @property
    def finished(self):
        return self.response is not None and self.response.status >= 200

    def respond_reliably(self, status, reason=None, headers=(), body=""):
        """A provisional answer until its PRACK; a 2xx waits for that (RFC 3262 3)."""
        self.rseq += 1
        self.respond(status, reason, (("Require", "100rel"), ("RSeq", str(self.rseq))) +
                     tuple(headers), body)
        answer = self.unpracked = self.response

        def again(interval):
            if self.unpracked is answer and not self.finished:
                self.endpoint.send(answer, self.request.source)
                self.endpoint.loop.later(2 * interval, again, 2 * interval)
        self.endpoint.loop.later(T1, again, T1)

    def pracked(self, rack):
        """Is this RAck that of the answer that waits for it?"""
        cseq, method = self.request.cseq
        if not self.unpracked or (rack or "").split() != [str(self.rseq), str(cseq), method]:
            return False
        self.unpracked = None
        if self._after_prack:
            self.respond(*self._after_prack)
        return True

    def respond(self, status, reason=None, headers=(), body="", tag=None):
        if self.unpracked and 200 <= status < 300:
            self._after_prack = status, reason, headers, body, tag
            return
        request = self.request
        response = Message(status=status, reason=reason or PHRASES.get(status, "Status"))
        for via in request.all("via"):
            response.add(("Via", via))
        for name in ("From", "To", "Call-ID", "CSeq"):
            value = request.get(name)
            if name == "To" and status > 100 and not parameter(value, "tag"):
                value += ";tag=" + (tag or (self.dialog.local_tag if self.dialog else token()))
            response.add((name, value))
        for route in request.all("record-route"):
            response.add(("Record-Route", route))
        response.add(*headers)
        if body:
            response.body = body
            response.set("Content-Type", response.get("content-type") or "application/sdp")
        if (200 <= status < 300 or 101 <= status < 200) and request.method == "INVITE":
            if not response.get("contact"):
                response.add(("Contact", self.endpoint.contact))
        self.response = response
        self.endpoint.send(response, request.source)
        if request.method == "INVITE" and status >= 200:
            self._repeat(T1, time.monotonic() + 64 * T1)
        elif status >= 200:
            self.endpoint.loop.later(64 * T1, self.endpoint.forget, self)

    def _repeat(self, interval, end):
        """17.2.1 and 13.3.1.4: the final answer again until its ACK."""
        def again():
            if self.acked:
                return
            if time.monotonic() >= end:
                if self.response.status < 300 and self.dialog:
                    self.dialog.no_ack()
                return
            self.endpoint.send(self.response, self.request.source)
            self._repeat(min(2 * interval, T2), end)
        self._timer = self.endpoint.loop.later(interval, again)


class ClientTransaction:
    """A request of ours; on_response(message) for every answer, None for no
    answer at all (17.1)."""

    def __init__(self, endpoint, request, dest, on_response):
        self.endpoint, self.request, self.dest = endpoint, request, dest
        self.on_response = on_response
        self.provisional = False
        self.final = None
        endpoint.clients[(request.branch, request.method)] = self
        endpoint.send(request, dest)
        self._end = time.monotonic() + 64 * T1
        self._timer = endpoint.loop.later(T1, self._again, T1)

    def _again(self, interval):
        if self.final:
            return
        if self.request.method == "INVITE" and self.provisional:
            return
        if time.monotonic() >= self._end:
            self.final = Message(status=408, reason="no answer")
            self.on_response(None)
            return
        self.endpoint.send(self.request, self.dest)
        interval = 2 * interval if self.request.method == "INVITE" else min(2 * interval, T2)
        self._timer = self.endpoint.loop.later(interval, self._again, interval)

    def received(self, response):
        if response.status < 200:
            self.provisional = True
            self.on_response(response)
            return
        if self.request.method == "INVITE" and response.status >= 300:
            self._ack(response)
        first = self.final is None
        self.final = response
        # A 2xx to an INVITE is passed on again: its ACK was lost.
        if first or (self.request.method == "INVITE" and response.status < 300):
            self.on_response(response)

    def _ack(self, response):
        ack = Message(method="ACK", uri=self.request.uri)
        ack.add(("Via", self.request.get("via")), ("Max-Forwards", "70"))
        for route in self.request.all("route"):
            ack.add(("Route", route))
        ack.add(("From", self.request.get("from")), ("To", response.get("to")),
                ("Call-ID", self.request.call_id),
                ("CSeq", "%d ACK" % self.request.cseq[0]))
        self.endpoint.send(ack, self.dest)


class Dialog:
    """One side of a SIP dialog (12). `owner` gets the calls named on_*."""

    def __init__(self, endpoint, owner):
        self.endpoint, self.owner = endpoint, owner
        self.local_tag = token()
        self.remote_tag = None
        self.local_seq = random.randrange(1, 1000)
        self.remote_seq = None
        self.routes = []
        self.state = "early"    # early, confirmed, ended
        self.invite = None      # transaction of the first INVITE
        self.target = self.local = self.remote = self.call_id = None
        self.dest = None
        self._ack = {}          # CSeq -> ACK sent, for repeated answers
        self._first = ((), "")  # headers and body of the first INVITE
        self.pracks = []        # [RSeq, status of the answer to its PRACK]
        self.prack_body = None  # provisional answer -> SDP for its PRACK
        self._proved = False

    # Building requests

    def request(self, method, headers=(), body="", cseq=None):
        message = Message(method=method, uri=self.target)
        if cseq is None:
            self.local_seq += 1
            cseq = self.local_seq
        message.add(("Via", self.endpoint.via()), ("Max-Forwards", "70"))
        for route in self.routes:
            message.add(("Route", route))
        to = self.remote + (";tag=" + self.remote_tag if self.remote_tag else "")
        message.add(("From", "%s;tag=%s" % (self.local, self.local_tag)), ("To", to),
                    ("Call-ID", self.call_id), ("CSeq", "%d %s" % (cseq, method)))
        if method in ("INVITE", "UPDATE", "SUBSCRIBE", "REFER", "NOTIFY"):
            message.add(("Contact", self.endpoint.contact))
        message.add(*headers)
        message.body = body
        if body and not message.get("content-type"):
            message.add(("Content-Type", "application/sdp"))
        return message

    def next_hop(self):
        if self.routes:
            return host_of(uri_of(self.routes[0]))
        return self.dest or host_of(self.target)

    def send(self, method, headers=(), body="", on_response=None):
        return ClientTransaction(self.endpoint, self.request(method, headers, body),
                                 self.next_hop(), on_response or (lambda r: None))

    def reinvite(self, body, on_response, headers=()):
        """on_response(final answer or None); a 2xx is acknowledged here unless
        the offer is late (body ""): then use ack()."""
        def answered(response):
            if response is not None and response.status < 200:
                return
            if response is not None and response.status < 300:
                seq = response.cseq[0]
                if seq in self._ack:
                    self.endpoint.send(self._ack[seq], self.next_hop())
                    return
                if response.get("contact"):
                    self.target = uri_of(response.get("contact"))
                if body:
                    self.ack(seq)
            on_response(response)
        return self.send("INVITE", headers, body, answered)

    def ack(self, cseq=None, body=""):
        cseq = cseq or self.invite.request.cseq[0]
        message = self.request("ACK", (), body, cseq)
        self._ack[cseq] = message
        self.endpoint.send(message, self.next_hop())

    def bye(self, headers=(), on_response=None):
        if self.state == "ended":
            return
        self.state = "ended"
        self.send("BYE", headers, "", on_response)

    def cancel(self, headers=()):
        """Give up an INVITE of ours (9.1)."""
        invite = self.invite.request
        message = Message(method="CANCEL", uri=invite.uri)
        message.add(("Via", invite.get("via")), ("Max-Forwards", "70"))
        for route in invite.all("route"):
            message.add(("Route", route))
        message.add(("From", invite.get("from")), ("To", invite.get("to")),
                    ("Call-ID", invite.call_id), ("CSeq", "%d CANCEL" % invite.cseq[0]))
        message.add(*headers)
        ClientTransaction(self.endpoint, message, self.invite.dest, lambda r: None)

    def end(self):
        """Forget the dialog; nothing is sent."""
        self.state = "ended"
        self.endpoint.dialogs.pop((self.call_id, self.local_tag), None)

    # What happens to it

    def no_ack(self):
        self.bye()
        self._tell("on_no_ack")

    def _tell(self, name, *args):
        function = getattr(self.owner, name, None)
        if function:
            function(self, *args)
        return function is not None

    def _authorized(self, response):
        """The INVITE again, with what a challenge asks for (22.2). False: we
        have nothing (more) to show."""
        prove = self.endpoint.prove
        if not prove or self._proved:
            return False
        self._proved = True
        headers, body = self._first
        shown = prove(response, "INVITE", self.target)
        message = self.request("INVITE", tuple(headers) + (shown,), body)
        self.invite = ClientTransaction(self.endpoint, message, self.invite.dest,
                                        self.invite_response)
        return True

    def invite_response(self, response):
        if response is not None and response.status in (401, 407) and \
                self._authorized(response):
            return
        if response is None or response.status >= 300:
            self.end()
            self._tell("on_failed", response)
            return
        tag = parameter(response.get("to"), "tag")
        if response.status < 200:
            if "100rel" in ",".join(response.all("require")) and not self._prack(response):
                return
            self._tell("on_progress", response)
            return
        if self.state == "confirmed":
            repeat = self._ack.get(response.cseq[0])
            if repeat:
                self.endpoint.send(repeat, self.next_hop())
            return
        if self.state == "ended":
            return
        self.remote_tag = tag
        self.target = uri_of(response.get("contact", "<%s>" % self.target))
        self.routes = list(reversed(response.all("record-route")))
        self.dest = None if self.routes else host_of(self.target)
        self.state = "confirmed"
        self._tell("on_answered", response)

    def _prack(self, response):
        """Acknowledge a provisional answer (RFC 3262 4). False: it came before."""
        rseq = int(response.get("rseq"))
        if self.pracks and rseq != self.pracks[-1][0] + 1:
            return False
        self.remote_tag = parameter(response.get("to"), "tag")
        self.target = uri_of(response.get("contact", "<%s>" % self.target))
        self.routes = list(reversed(response.all("record-route")))
        self.dest = None if self.routes else host_of(self.target)
        record = [rseq, None]
        self.pracks.append(record)

        def answered(answer):
            record[1] = answer.status if answer is not None else 408
        self.send("PRACK", (("RAck", "%d %s" % (rseq, response.get("cseq"))),),
                  self.prack_body(response) if self.prack_body else "", answered)
        return True

    def received(self, transaction):
        request = transaction.request
        seq, method = request.cseq
        if method == "PRACK" and isinstance(self.invite, ServerTransaction):
            known = self.invite.pracked(request.get("rack"))
            transaction.respond(200 if known else 481)
            self._tell("on_prack", request, known)
            return
        if method not in ("ACK", "CANCEL"):
            if self.remote_seq is not None and seq < self.remote_seq:
                transaction.respond(500, "CSeq out of order")
                return
            self.remote_seq = seq
        if method == "BYE":
            transaction.respond(200)
            if self.state != "ended":
                self.state = "ended"
                self._tell("on_bye", request)
            return
        if method in ("INVITE", "UPDATE"):
            if request.get("contact"):
                self.target = uri_of(request.get("contact"))
                if not self.routes:
                    self.dest = host_of(self.target)
            if self._tell("on_reinvite", transaction):
                return
            transaction.respond(488)
            return
        if not self._tell("on_" + method.lower(), transaction):
            transaction.respond(405 if method not in ("NOTIFY", "OPTIONS", "INFO") else 200)


class Endpoint:
    """A UDP socket with transactions and dialogs. `user` gets
    on_invite(dialog, transaction) and on_request(transaction)."""

    def __init__(self, loop, sock, user, contact_user="test", log=None, transport="UDP"):
        self.loop, self.sock, self.user = loop, sock, user
        self.address = sock.getsockname()
        # UDP unless the socket is one of ways.py and of something else
        self.transport = transport
        self.contact = "<sip:%s@%s:%d%s>" % (
            (contact_user,) + self.address +
            ("" if transport == "UDP" else ";transport=" + transport.lower(),))
        self.log = log
        self.clients = {}
        self.servers = {}
        self.dialogs = {}
        self.messages = []      # MESSAGE requests, answered 200
        self.ask_messages = ()  # headers of a 401 to one without credentials
        self.deaf = False       # drop whatever comes in
        self.supported = "replaces"
        self.allow = "INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY, UPDATE, PRACK"
        # (challenge, method, uri) -> header with credentials, of who has some
        self.prove = None
        self.loop.call(self.loop.watch, sock, self._readable)

    def via(self):
        return "SIP/2.0/%s %s:%d;branch=z9hG4bK%s;rport" % (
            (self.transport,) + self.address + (token(16),))

    def send(self, message, dest):
        if self.log:
            self.log("->", dest, message)
        self.sock.sendto(message.bytes(), dest)

    def forget(self, transaction):
        request = transaction.request
        self.servers.pop((request.branch, request.method, request.source), None)

    def close(self):
        self.loop.call(self.loop.unwatch, self.sock)
        self.sock.close()

    def invite(self, owner, uri, local, headers=(), body="", dest=None, remote=None,
               call_id=None):
        """Start a call; local/remote are name-addr without tag."""
        dialog = Dialog(self, owner)
        dialog.call_id = call_id or "%s@%s" % (token(20), self.address[0])
        dialog.local, dialog.remote, dialog.target = local, remote or "<%s>" % uri, uri
        dialog.dest = dest or host_of(uri)
        self.dialogs[(dialog.call_id, dialog.local_tag)] = dialog
        headers = (("Allow", self.allow),
                   ("Supported", self.supported)) + tuple(headers)
        dialog._first = (headers, body)
        message = dialog.request("INVITE", headers, body)
        dialog.invite = ClientTransaction(self, message, dialog.dest, dialog.invite_response)
        return dialog

    def out_of_dialog(self, method, uri, local, headers=(), body="", dest=None,
                      on_response=None, remote=None):
        dialog = Dialog(self, None)
        dialog.call_id = "%s@%s" % (token(20), self.address[0])
        dialog.local, dialog.remote, dialog.target = local, remote or "<%s>" % uri, uri
        return ClientTransaction(self, dialog.request(method, headers, body),
                                 dest or host_of(uri), on_response or (lambda r: None))

    def _readable(self):
        while True:
            try:
                data, source = self.sock.recvfrom(65536)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if self.deaf or not data.strip():
                continue
            try:
                message = Message.parse(data)
            except ValueError:
                continue
            message.source, message.time = source, time.monotonic()
            if self.log:
                self.log("<-", source, message)
            if message.method:
                self._request(message)
            else:
                client = self.clients.get((message.branch, message.cseq[1]))
                if client:
                    client.received(message)

    def _request(self, request):
        if request.method == "ACK":
            self._acknowledged(request)
            return
        if request.method == "CANCEL":
            self._cancelled(request)
            return
        key = (request.branch, request.method, request.source)
        known = self.servers.get(key)
        if known:
            if known.response:
                self.send(known.response, request.source)
            return
        transaction = ServerTransaction(self, request)
        self.servers[key] = transaction
        tag = parameter(request.get("to"), "tag")
        if tag:
            dialog = self.dialogs.get((request.call_id, tag))
            if not dialog:
                transaction.respond(481)
                return
            transaction.dialog = dialog
            dialog.received(transaction)
        elif request.method == "INVITE":
            dialog = self._answering(transaction)
            self.user.on_invite(dialog, transaction)
        elif request.method == "MESSAGE":
            self.messages.append(request)
            if self.ask_messages and not request.get("authorization"):
                transaction.respond(401, None, self.ask_messages)
            else:
                transaction.respond(200)
        elif request.method == "OPTIONS":
            transaction.respond(200)
        elif hasattr(self.user, "on_request"):
            self.user.on_request(transaction)
        else:
            transaction.respond(481 if request.method == "NOTIFY" else 405)

    def _answering(self, transaction):
        """The dialog that an INVITE begins on our side (12.1.1)."""
        request = transaction.request
        dialog = Dialog(self, self.user)
        dialog.call_id = request.call_id
        dialog.local = request.get("to")
        dialog.remote = without_tag(request.get("from"))
        dialog.remote_tag = parameter(request.get("from"), "tag")
        dialog.remote_seq = request.cseq[0]
        dialog.target = uri_of(request.get("contact"))
        dialog.routes = request.all("record-route")
        dialog.dest = None if dialog.routes else host_of(dialog.target)
        dialog.invite = transaction
        transaction.dialog = dialog
        self.dialogs[(dialog.call_id, dialog.local_tag)] = dialog
        return dialog

    def _acknowledged(self, ack):
        tag = parameter(ack.get("to"), "tag")
        dialog = self.dialogs.get((ack.call_id, tag))
        for transaction in self.servers.values():
            request = transaction.request
            if (request.method != "INVITE" or request.call_id != ack.call_id or
                    request.cseq[0] != ack.cseq[0] or not transaction.finished or
                    transaction.acked or
                    parameter(transaction.response.get("to"), "tag") != tag):
                continue
            transaction.acked = True
            self.loop.later(64 * T1, self.forget, transaction)
            if transaction.response.status < 300 and dialog:
                if dialog.state == "early":
                    dialog.state = "confirmed"
                dialog._tell("on_ack", ack, transaction)
            return

    def _cancelled(self, request):
        invite = next((t for t in self.servers.values()
                       if t.request.method == "INVITE" and t.request.branch == request.branch
                       and t.request.call_id == request.call_id), None)
        transaction = ServerTransaction(self, request)
        if not invite:
            transaction.respond(481)
            return
        transaction.respond(200)
        if not invite.finished:
            invite.respond(487)
            if invite.dialog:
                if invite.dialog.invite is invite:
                    invite.dialog.end()
                invite.dialog._tell("on_cancel", request)
