# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripted SIP peers with raw RTP, inside the test process.

Peer is the PBX as Holdfast sees it: it places calls with any headers, in any
order, and takes recalls. Media is one RTP endpoint in any namespace; what it
sends is exactly what the scenario scripts, packet by packet.
"""
import queue
import struct
import threading
import time

from . import net, sip

DOMAIN = "pbx.example.com"


def family(address):
    return "IP6" if ":" in address else "IP4"


class Media:
    """An RTP endpoint: a socket, a sender and a receiver."""

    _next_port = 40000

    def __init__(self, stage, namespace, address, ssrc=None, seq=1000, ts=50000, pt=0):
        Media._next_port += 2
        self.address, self.port = address, Media._next_port
        self.sock = namespace.udp(address, self.port)
        self.sock.settimeout(0.2)
        self.ssrc = ssrc if ssrc is not None else (0x10000000 + self.port)
        self.seq0, self.ts0, self.pt = seq, ts, pt
        self.dest = None
        self.received = []      # (time.time(), bytes)
        self.sent = []          # (time.time(), index)
        self.late_ms = 0.0      # the most that play() was behind its schedule
        self._stop = threading.Event()
        self._sender = None
        self._receiver = threading.Thread(target=self._receive, daemon=True)
        self._receiver.start()
        stage.on_close(self.close)

    def sdp(self, codecs=(0, 8), direction="sendrecv", dtmf=101, version=1, address=None,
            port=None, ptime=20):
        names = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000", 18: "G729/8000",
                 111: "opus/48000/2"}
        formats = list(codecs) + ([dtmf] if dtmf else [])
        address = address or self.address
        lines = ["v=0", "o=- %d %d IN %s %s" % (self.port, version, family(self.address),
                                               self.address), "s=-",
                 "c=IN %s %s" % (family(address), address), "t=0 0",
                 "m=audio %d RTP/AVP %s" % (self.port if port is None else port,
                                            " ".join(map(str, formats)))]
        lines += ["a=rtpmap:%d %s" % (c, names[c]) for c in codecs]
        if dtmf:
            lines += ["a=rtpmap:%d telephone-event/8000" % dtmf, "a=fmtp:%d 0-16" % dtmf]
        lines += ["a=ptime:%d" % ptime, "a=" + direction]
        return "\r\n".join(lines) + "\r\n"

    def towards(self, sdp):
        """Send to where this SDP says."""
        address = port = None
        for line in sdp.splitlines():
            if line.startswith("c=IN IP"):
                address = line.split()[2].strip()
            if line.startswith("m=audio "):
                port = int(line.split()[1])
        self.dest = (address, port)
        return self.dest

    def packet(self, index, marker=0, pt=None):
        """Packet number `index` of our stream; its payload tells the number."""
        head = struct.pack("!BBHII", 0x80, marker << 7 | (self.pt if pt is None else pt),
                           self.seq0 + index & 0xffff, self.ts0 + 160 * index & 0xffffffff,
                           self.ssrc)
        return head + struct.pack("!II", index, self.ssrc) + bytes(
            (index * 7 + i) & 0xff for i in range(152))

    def send(self, index, **how):
        self.sent.append((time.time(), index))
        try:
            self.sock.sendto(self.packet(index, **how), self.dest)
        except TimeoutError:
            pass    # lost: with nobody at the other end, the queue towards it is full

    def press(self, digit, index, ms=100, pt=101, ends=3, period=0.02):
        """A key (RFC 4733) from packet `index` on; the next index."""
        event = "0123456789*#ABCD!".index(digit)
        ts = self.ts0 + 160 * index & 0xffffffff
        steps = max(1, ms // 20)
        for i in range(steps + ends):
            end = i >= steps
            head = struct.pack("!BBHII", 0x80, (i == 0) << 7 | pt, self.seq0 + index + i & 0xffff,
                               ts, self.ssrc)
            self.sock.sendto(head + struct.pack("!BBH", event, end << 7 | 10,
                                                160 * min(i + 1, steps)), self.dest)
            if not end:
                threading.Event().wait(period)
        return index + steps + ends

    def play(self, order=None, period=0.02):
        """Send in the background, one entry of `order` per period (default: 0,
        1, 2 and so on for ever). An entry is an index, a list of indices, or
        None for a period in which nothing is sent."""
        self._stop.clear()
        entries = iter(order) if order is not None else iter(range(1 << 30))

        def work():
            due = time.monotonic()
            for entry in entries:
                if self._stop.wait(max(0, due - time.monotonic())):
                    return
                self.late_ms = max(self.late_ms, (time.monotonic() - due) * 1000)
                for index in entry if isinstance(entry, (list, tuple)) else [entry]:
                    if index is not None:
                        self.send(index)
                due += period
        self._sender = threading.Thread(target=work, daemon=True)
        self._sender.start()
        return self

    def stop(self):
        """Stop sending."""
        self._stop.set()
        if self._sender:
            self._sender.join()

    def finish(self, seconds=30):
        """Wait until the script has been sent."""
        self._sender.join(seconds)

    def _receive(self):
        while True:
            try:
                data = self.sock.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            self.received.append((time.time(), data))

    def count(self, since=0.0):
        return sum(1 for at, _ in self.received if at >= since)

    def wait_packets(self, number=1, seconds=5, since=0.0, match=None):
        """Until so many packets have come since then."""
        def enough():
            return sum(1 for at, d in list(self.received)
                       if at >= since and (not match or match(d))) >= number
        net.wait_for(enough, seconds, "%d packets at %s:%d (there came %d)" % (
            number, self.address, self.port, self.count(since)))

    def close(self):
        self.stop()
        self.sock.close()


def from_media(media):
    """A test for wait_packets: a packet that this Media wrote."""
    def match(data):
        return len(data) == 172 and struct.unpack_from("!I", data, 16)[0] == media.ssrc
    return match


class Call:
    """One dialog of a Peer, with a queue of what happens to it."""

    def __init__(self, peer, media=None):
        self.peer, self.media = peer, media
        self.dialog = None
        self.transaction = None     # of the INVITE that came in
        self.events = queue.Queue()
        self.history = []
        self.answer = None          # final answer to our INVITE
        self.remote_sdp = None

    def _put(self, kind, message=None):
        self.history.append((time.time(), kind, message))
        self.events.put((kind, message))

    # The endpoint tells us
    def on_progress(self, dialog, response):
        self._put("progress", response)

    def on_answered(self, dialog, response):
        self.answer = response
        self._sdp(response.body)
        if self._ack_at_once:
            dialog.ack(body=self._ack_body)
            self._put("acked")
        self._put("answered", response)

    def on_failed(self, dialog, response):
        self.answer = response
        self._put("failed", response)

    def on_ack(self, dialog, ack, transaction):
        if ack.body:
            self._sdp(ack.body)
        self._put("ack", ack)

    def on_bye(self, dialog, request):
        self._put("bye", request)

    def on_cancel(self, dialog, request):
        self._put("cancel", request)

    def on_no_ack(self, dialog):
        self._put("no_ack")

    def on_reinvite(self, dialog, transaction):
        if self.media and transaction.request.body:
            self._sdp(transaction.request.body)
            transaction.respond(200, body=self.media.sdp(version=2))
        elif transaction.request.method == "UPDATE":
            transaction.respond(200)    # no offer: a name, or a refresh
        else:
            transaction.respond(488)
        self._put("reinvite", transaction.request)

    _ack_at_once = True
    _ack_body = ""

    def _sdp(self, body):
        if body:
            self.remote_sdp = body
            if self.media:
                self.media.towards(body)

    # The scenario asks
    def wait(self, kind, seconds=5):
        """The next event of this kind (others are passed over)."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                got, message = self.events.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise net.Failed("no %s within %g s; there was %s" % (
                    kind, seconds, [(k, m.first_line() if m else "")
                                    for _, k, m in self.history])) from None
            if got == kind:
                return message

    def wait_final(self, seconds=5):
        """The final answer to our INVITE."""
        net.wait_for(lambda: self.answer is not None, seconds, "a final answer to the INVITE")
        return self.answer

    def status(self, seconds=5):
        return self.wait_final(seconds).status

    def happened(self, kind):
        return any(k == kind for _, k, _ in self.history)

    def ack(self, body=""):
        self.peer.loop.call(self.dialog.ack, None, body)

    def bye(self):
        self.peer.loop.call(self.dialog.bye)

    def cancel(self):
        self.peer.loop.call(self.dialog.cancel)

    def ring(self):
        self.peer.loop.call(self.transaction.respond, 180)

    def accept(self, sdp=None, headers=()):
        self.peer.loop.call(self.transaction.respond, 200, None, headers,
                            sdp or self.media.sdp())

    def reject(self, status):
        self.peer.loop.call(self.transaction.respond, status)

    def reinvite(self, sdp, seconds=5):
        """The final answer to a re-INVITE with this offer ("" = late offer,
        then ack() with an answer is up to you)."""
        answers = queue.Queue()
        self.peer.loop.call(self.dialog.reinvite, sdp, answers.put)
        try:
            response = answers.get(timeout=seconds)
        except queue.Empty:
            raise net.Failed("no answer to the re-INVITE") from None
        if response is not None and response.status < 300:
            self._sdp(response.body)
        return response

    def request(self, method, headers=(), body="", seconds=5):
        answers = queue.Queue()
        self.peer.loop.call(self.dialog.send, method, headers, body, answers.put)
        return answers.get(timeout=seconds)


class Peer:
    """A SIP peer of Holdfast at the PBX's address (the trusted one)."""

    def __init__(self, stage, address=net.PBX, port=5060, namespace=None,
                 anchor=(net.ANCHOR_TRUNK, 5060), sock=None, transport="UDP"):
        self.anchor = anchor
        self.incoming = queue.Queue()
        self.loop = sip.Loop().start()
        self.messages = []
        sock = sock or (namespace or stage.pbx).udp(address, port)
        self.endpoint = sip.Endpoint(self.loop, sock, self, "pbx", self._log, transport)
        stage.on_close(self.close)

    def _log(self, direction, peer, message):
        self.messages.append((time.time(), direction, message))

    def close(self):
        self.loop.stop()
        self.endpoint.sock.close()

    def on_invite(self, dialog, transaction):
        call = Call(self)
        call.dialog, call.transaction = dialog, transaction
        call.remote_sdp = transaction.request.body
        dialog.owner = call
        self.incoming.put(call)

    def expect_call(self, user=None, seconds=5, media=None):
        """The next call that Holdfast places."""
        try:
            call = self.incoming.get(timeout=seconds)
        except queue.Empty:
            raise net.Failed("no call from Holdfast within %g s" % seconds) from None
        called = sip.user_of(call.transaction.request.uri)
        if user and called != user:
            raise net.Failed("Holdfast called %s, not %s" % (called, user))
        call.media = media
        if media and call.remote_sdp:
            media.towards(call.remote_sdp)
        return call

    def call(self, to, user, media=None, display="", referred_by=None, headers=(), sdp=None,
             ack=True, ack_body="", domain="park.example.com", params="", asserted=True,
             host=None, home=DOMAIN):
        """Call `to` at Holdfast as `user`. sdp: default the media's, "" = late
        offer. ack=False: the scenario acknowledges. host: of the Request-URI, else
        the anchor's address; home: the domain of who calls."""
        call = Call(self, media)
        call._ack_at_once, call._ack_body = ack, ack_body
        name = "<sip:%s@%s>" % (user, home)
        if display:
            name = '"%s" %s' % (display, name)
        if asserted:
            headers = (("P-Asserted-Identity", name),) + tuple(headers)
        if referred_by:
            headers += (("Referred-By", "<sip:%s@%s>" % (referred_by, home)),)
        if sdp is None:
            sdp = media.sdp() if media else ""

        def begin():
            call.dialog = self.endpoint.invite(
                call, "sip:%s@%s%s" % (to, host or "%s:%d" % self.anchor, params), name, headers, sdp,
                dest=self.anchor, remote="<sip:%s@%s>" % (to, domain))
        self.loop.call(begin)
        return call

    def park(self, caller, media, parker="1001", to="700", **more):
        """A caller that arrives by blind transfer; the answered call."""
        call = self.call(to, caller, media, referred_by=parker, **more)
        if call.status() != 200:
            raise net.Failed("the transfer to %s was answered %s" % (
                to, call.answer.first_line()))
        return call

    def options(self, seconds=5):
        answers = queue.Queue()
        self.loop.call(lambda: self.endpoint.out_of_dialog(
            "OPTIONS", "sip:%s:%d" % self.anchor, "<sip:ping@%s>" % DOMAIN,
            dest=self.anchor, on_response=answers.put))
        return answers.get(timeout=seconds)

    def sent_and_received(self, method=None, call_id=None):
        """Messages of the log: [(time, "->" or "<-", message)]."""
        return [m for m in self.messages
                if (not method or m[2].method == method) and
                (not call_id or m[2].call_id == call_id)]
