# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripted phones as people use them: they call each other, hold, transfer and
hang up by RFC 3261, 3515 and 3891, and talk. What stands between them and
Holdfast (nothing, a proxy, a PBX) is not their business: see exchange.py.
"""
import queue

from . import digest, net, sip, ua


class Line(ua.Call):
    """One call of a phone."""

    def __init__(self, phone, media=None):
        super().__init__(phone, media)
        self.version = 1
        self.identities = []    # who the other one is, as we are told
        self.fragments = []     # how a REFER of ours goes (sipfrag)
        self.sent_on = None     # the call that a REFER to us led to

    # What the other side does

    def _told(self, message):
        who = message.get("p-asserted-identity") if message else None
        if who:
            self.identities.append(who)

    def on_answered(self, dialog, response):
        self._told(response)
        super().on_answered(dialog, response)

    def on_progress(self, dialog, response):
        self._told(response)
        super().on_progress(dialog, response)

    def on_bye(self, dialog, request):
        super().on_bye(dialog, request)
        if not self.sent_on:    # else its media is in use there
            self.media.stop()

    def _session(self, offer=None):
        """Our SDP; in answer to an offer with the direction that fits."""
        self.version += 1
        heard = {"sendonly": "recvonly", "inactive": "inactive", "recvonly": "sendonly"}
        direction = next((a for o, a in heard.items() if "a=" + o in (offer or "")), "sendrecv")
        return self.media.sdp(direction=direction, version=self.version)

    def on_reinvite(self, dialog, transaction):
        request = transaction.request
        self._told(request)
        body = request.body
        if body:
            self._sdp(body)
        answer = "" if request.method == "UPDATE" and not body else self._session(body)
        transaction.respond(200, body=answer)
        self._put("reinvite", request)

    def on_notify(self, dialog, transaction):
        request = transaction.request
        transaction.respond(200)
        self.fragments.append(request.body.strip())
        self._put("notify", request)
        # The one sent on has arrived: the transferor leaves (RFC 5589 6.1).
        if " 200 " in request.body and dialog.state == "confirmed":
            dialog.bye()
            self.media.stop()

    def on_refer(self, dialog, transaction):
        """We are sent on: by a proxy's transfers. RFC 3515, RFC 3892."""
        refer = transaction.request
        transaction.respond(202)
        self._notify(refer, "SIP/2.0 100 Trying", "active;expires=60")
        uri, _, more = sip.uri_of(refer.get("refer-to")).partition("?")
        headers = [("Referred-By", v) for v in refer.all("referred-by")]
        for pair in more.split("&"):
            name, _, value = pair.partition("=")
            if name.lower() == "replaces":
                headers.append(("Replaces", unescape(value)))
        self.sent_on = self.peer.call_uri(uri, self.media, headers)
        self.sent_on.told = lambda status: self._notify(
            refer, "SIP/2.0 %d %s" % (status, sip.PHRASES.get(status, "Status")),
            "terminated;reason=noresource")
        self._put("refer", refer)

    told = None

    def _put(self, kind, message=None):
        super()._put(kind, message)
        if self.told and kind in ("answered", "failed"):
            self.told(message.status if message else 408)

    def _notify(self, refer, fragment, state):
        if self.dialog.state != "ended":
            self.dialog.send("NOTIFY", (
                ("Event", "refer"), ("Subscription-State", state),
                ("Content-Type", "message/sipfrag;version=2.0")), fragment + "\r\n")

    # What we do

    def accept(self, sdp=None, headers=()):
        offer = self.transaction.request.body
        self.media = self.media or self.peer.media()
        if offer:
            self._sdp(offer)
        super().accept(sdp or self._session(offer), headers)
        self.wait("ack")
        if self.media.dest:
            self.media.play()
        return self

    def talk(self, seconds=8):
        """Wait for the answer, then talk."""
        status = self.status(seconds)
        if status != 200:
            raise net.Failed("the call to %s was answered %s" % (
                self.dialog.remote, self.answer.first_line() if self.answer else "not at all"))
        self.wait("acked")
        self.media.play()
        return self

    def hold(self, direction="sendonly"):
        self.version += 1
        answer = self.reinvite(self.media.sdp(direction=direction, version=self.version))
        if answer is None or answer.status != 200:
            raise net.Failed("hold was answered %s" % (answer and answer.first_line()))

    def begin_reinvite(self):
        """Offer the same again; call what this returns for the answer's status."""
        answers = queue.Queue()
        self.version += 1
        self.loop_call(self.dialog.reinvite, self.media.sdp(version=self.version), answers.put)

        def status():
            answer = answers.get(timeout=10)
            return answer.status if answer is not None else 408
        return status

    def loop_call(self, function, *args):
        return self.peer.loop.call(function, *args)

    def ring_reliably(self, seconds=5):
        """180 that is to be acknowledged (RFC 3262). False: the other side
        cannot do that, and it was an ordinary one."""
        request = self.transaction.request
        if "100rel" not in ",".join(request.all("supported") + request.all("require")):
            self.ring()
            return False
        self.loop_call(self.transaction.respond_reliably, 180)
        self.wait("prack", seconds)
        return True

    def on_prack(self, dialog, request, known):
        if not known:
            raise net.Failed("PRACK is for %s" % request.get("rack"))
        self._put("prack", request)

    def resume(self):
        self.hold("sendrecv")

    def refer(self, uri, replacing=None):
        """REFER; the answer to it."""
        if replacing:
            d = replacing.dialog
            uri += "?Replaces=" + escape("%s;to-tag=%s;from-tag=%s" % (
                d.call_id, d.remote_tag, d.local_tag))
        return self.request("REFER", [("Refer-To", "<%s>" % uri),
                                      ("Referred-By", self.peer.name_addr)])

    def transfer(self, user):
        """Blind."""
        answer = self.refer(self.peer.uri(user))
        if answer is None or answer.status not in (200, 202):
            raise net.Failed("REFER was answered %s" % (answer and answer.first_line()))

    def transfer_to(self, other):
        """Attended: the one of this call is to talk to the one of the other."""
        answer = self.refer(other.dialog.target, other)
        if answer is None or answer.status not in (200, 202):
            raise net.Failed("REFER was answered %s" % (answer and answer.first_line()))

    def hang_up(self):
        self.bye()
        self.media.stop()

    def released(self, seconds=8):
        """Our side of the call has ended, whoever ended it."""
        net.wait_for(lambda: self.dialog.state == "ended", seconds,
                     "%s is released; there was %s" % (
                         self.peer.user, [k for _, k, _ in self.history]))

    def hears(self, other, packets=5, seconds=8):
        """New packets of another phone arrive here."""
        match = ua.from_media(other.media)
        since = len(self.media.received)
        net.wait_for(lambda: sum(1 for _, d in self.media.received[since:] if match(d)) >= packets,
                     seconds, "%s hears %s" % (self.peer.user, other.peer.user))


def escape(text):
    return "".join(c if c.isalnum() or c in "-_." else "%%%02X" % ord(c) for c in text)


def unescape(text):
    import urllib.parse
    return urllib.parse.unquote(text)


class Phone:
    """Somebody with a telephone. `exchange` says how one is reached."""

    def __init__(self, stage, exchange, namespace, address, user, display, endpoint=None,
                 port=5060):
        self.stage, self.exchange, self.namespace = stage, exchange, namespace
        self.address, self.user, self.display = address, user, display
        self.loop = exchange.loop
        self.incoming = queue.Queue()
        self.lines = []
        self.name_addr = '"%s" <%s>' % (display, exchange.identity(user))
        self.endpoint = endpoint or sip.Endpoint(
            self.loop, namespace.udp(address, port), self, user)
        self.all_media = []
        if not endpoint:
            stage.on_close(self.endpoint.sock.close)

    def uri(self, user):
        return self.exchange.uri(user)

    def media(self):
        media = ua.Media(self.stage, self.namespace, self.address)
        self.all_media.append(media)
        return media

    # The endpoint tells us
    def on_invite(self, dialog, transaction):
        line = Line(self)
        line.dialog, line.transaction = dialog, transaction
        line.remote_sdp = transaction.request.body
        line._told(transaction.request)
        dialog.owner = line
        self.lines.append(line)
        if transaction.request.get("replaces"):
            self._replace(line)
            return
        self.incoming.put(line)

    def replaced(self, request):
        """The line that its Replaces names, or None."""
        value = request.get("replaces")
        return next((l for l in self.lines if l.dialog.call_id == value.split(";")[0].strip() and
                     l.dialog.local_tag == sip.parameter(value, "to-tag")), None)

    def _replace(self, line):
        """RFC 3891 3: whoever is named makes room, without a hand."""
        old = self.replaced(line.transaction.request)
        if not old or old.dialog.state != "confirmed":
            line.transaction.respond(481)
            return
        line.media = old.media
        line._sdp(line.transaction.request.body)
        line.transaction.respond(200, body=line._session(line.transaction.request.body))
        old.dialog.bye()

    # Doing
    def call_uri(self, uri, media, headers=(), sdp=None):
        """sdp "": no offer; the answer goes into the ACK."""
        line = Line(self, media)
        line._ack_body = media.sdp() if sdp == "" else ""
        self.lines.append(line)

        def begin():
            line.dialog = self.endpoint.invite(
                line, uri, self.name_addr, self.exchange.own_headers(self, headers),
                media.sdp() if sdp is None else sdp, dest=self.exchange.next_hop(uri))
        self.loop.call(begin)
        return line

    def call(self, user, headers=(), media=None, **how):
        return self.call_uri(self.uri(user), media or self.media(), headers, **how)

    def rings(self, seconds=8):
        """The next call that comes in."""
        try:
            line = self.incoming.get(timeout=seconds)
        except queue.Empty:
            raise net.Failed("no call for %s within %g s" % (self.user, seconds)) from None
        line.media = line.media or self.media()
        return line

    def ask(self, method, uri, headers=(), body="", seconds=5):
        """A request outside any dialog, with credentials if it is challenged."""
        answers = queue.Queue()

        def send(extra=()):
            self.endpoint.out_of_dialog(
                method, uri, self.name_addr,
                (("Contact", self.endpoint.contact),) + tuple(headers) + extra, body,
                dest=self.exchange.next_hop(uri), on_response=answers.put,
                remote=self.name_addr if method == "REGISTER" else None)
        self.loop.call(send)
        answer = answers.get(timeout=seconds)
        if answer is not None and answer.status in (401, 407) and self.endpoint.prove:
            self.loop.call(send, (self.endpoint.prove(answer, method, uri),))
            answer = answers.get(timeout=seconds)
        return answer

    def knows(self, password):
        """It has credentials."""
        def prove(answer, method, uri):
            name, shown = ("www-authenticate", "Authorization") if answer.status == 401 else \
                ("proxy-authenticate", "Proxy-Authorization")
            return shown, digest.credentials(answer.get(name), method, uri, self.user, password)
        self.endpoint.prove = prove
