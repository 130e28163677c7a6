# SPDX-License-Identifier: GPL-2.0-or-later
"""A phone with lamps: it subscribes, answers NOTIFYs and remembers them. Every
body is checked against the schemas of tests/data/xsd with xmllint."""
import os
import queue
import re
import socket
import subprocess
import threading
import time
import xml.etree.ElementTree as ET

from . import net, sip

XSD = os.path.join(net.ROOT, "tests/data/xsd")
SCHEMA = {"application/dialog-info+xml": "dialog-info.xsd",
          "application/pidf+xml": "pidf.xsd", "application/rlmi+xml": "rlmi.xsd"}
NS = {"d": "urn:ietf:params:xml:ns:dialog-info", "p": "urn:ietf:params:xml:ns:pidf",
      "r": "urn:ietf:params:xml:ns:rlmi", "rpid": "urn:ietf:params:xml:ns:pidf:rpid",
      "dm": "urn:ietf:params:xml:ns:pidf:data-model",
      "b": "http://schema.broadsoft.com/callpark"}


def validate(kind, body):
    """What xmllint says against it, None if nothing."""
    argv = ["xmllint", "--noout", "--nonet", "-"]
    if kind in SCHEMA:
        argv[2:2] = ["--schema", os.path.join(XSD, SCHEMA[kind])]
    done = subprocess.run(argv, input=body, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.stdout if done.returncode else None


class Part:
    """A document, or one part of a list."""

    def __init__(self, kind, body, cid=None):
        self.kind, self.body, self.cid = kind, body, cid
        self.root = ET.fromstring(body)


def quoted(message, name):
    """A quoted parameter of Content-Type."""
    return re.search(name + '="([^"]*)"', message.get("content-type")).group(1)


def parts_of(message):
    kind = message.get("content-type", "").split(";")[0]
    if not message.body:
        return []
    if kind != "multipart/related":
        return [Part(kind, message.body)]
    boundary = quoted(message, "boundary")
    parts = []
    for text in message.body.split("--" + boundary)[1:-1]:
        head, _, body = text.lstrip("\r\n").partition("\r\n\r\n")
        headers = {n.strip().lower(): v.strip() for n, _, v in
                   (l.partition(":") for l in head.split("\r\n"))}
        parts.append(Part(headers["content-type"].split(";")[0], body.rstrip("\r\n"),
                          headers["content-id"].strip("<>")))
    return parts


class Lamp:
    """One subscription of one phone.

    accept, headers: as the phone writes them. answer: what NOTIFYs get, None =
    nothing; a function gets the message."""

    def __init__(self, stage, number="701", event="dialog", user="1005", port=0, expires=600,
                 accept=None, headers=(), domain="park.example.com", address=net.PBX,
                 namespace=None, subscribe=True, anchor=net.ANCHOR_TRUNK, transport="udp",
                 contact=None, home="pbx.example.com", host=None):
        self.stage, self.user, self.event, self.expires = stage, user, event, expires
        self.number, self.domain, self.headers, self.accept = number, domain, headers, accept
        self.anchor, self.transport, self.home = anchor, transport, home
        self.host = host or anchor + ":5060"     # of the Request-URI
        space = namespace or stage.pbx
        if transport == "udp":
            self.sock = space.udp(address, port)
        else:
            self.sock = space.tcp(anchor, 5060)
        self.address = self.sock.getsockname()
        self.contact = contact or "%s:%d" % self.address
        self.call_id, self.tag = sip.token() + "@phone", sip.token()
        self.remote_tag, self.cseq = None, 0
        self.answer = 200
        self.notifies, self.seen = [], set()
        self.responses = queue.Queue()
        self.errors = []
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        stage.on_close(self.close)
        if subscribe:
            self.subscribe()

    def close(self):
        self._stop = True
        self._thread.join(2)
        self.sock.close()

    def _send(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        if self.transport == "udp":
            self.sock.sendto(data, (self.anchor, 5060))
        else:
            self.sock.sendall(data)

    def _messages(self):
        buffer = b""
        self.sock.settimeout(0.1)
        while not self._stop:
            try:
                data = self.sock.recv(65536)
            except (TimeoutError, socket.timeout):
                continue
            except OSError:
                return
            if self.transport == "udp":
                yield data
                continue
            buffer += data
            while b"\r\n\r\n" in buffer:
                head, _, rest = buffer.partition(b"\r\n\r\n")
                length = int(re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head).group(1))
                if len(rest) < length:
                    break
                yield head + b"\r\n\r\n" + rest[:length]
                buffer = rest[length:]

    def _run(self):
        for data in self._messages():
            if not data.strip():
                continue
            message = sip.Message.parse(data)
            message.time = time.monotonic()
            if message.status:
                self.responses.put(message)
            elif message.method == "NOTIFY":
                self._notify(message)

    def _notify(self, message):
        answer = self.answer(message) if callable(self.answer) else self.answer
        message.answered = answer
        again = message.branch in self.seen
        self.seen.add(message.branch)
        if not again:
            for part in parts_of(message):
                wrong = validate(part.kind, part.body)
                if wrong:
                    self.errors.append(wrong + part.body)
            self.notifies.append(message)
        if answer is None:
            return
        reply = sip.Message(status=answer, reason="Whatever")
        for name in ("via", "from", "to", "call-id", "cseq"):
            reply.add(*[(name, v) for v in message.all(name)])
        reply.add(("Content-Length", "0"))
        self._send(reply.bytes())

    def subscribe(self, expires=None, wait=True, extra=()):
        """The final answer to a SUBSCRIBE, in the dialog if there is one."""
        self.cseq += 1
        if expires is None:
            expires = self.expires
        to = "<sip:%s@%s>" % (self.number, self.domain)
        if self.remote_tag:
            to += ";tag=" + self.remote_tag
        me = "<sip:%s@%s>" % (self.user, self.home)
        text = ("SUBSCRIBE sip:%s@%s SIP/2.0\r\n" % (self.number, self.host) +
                "Via: SIP/2.0/%s %s;branch=z9hG4bK%s;rport\r\n" % (
                    self.transport.upper(), self.contact, sip.token()) +
                "From: %s;tag=%s\r\nTo: %s\r\n" % (me, self.tag, to) +
                "Call-ID: %s\r\nCSeq: %d SUBSCRIBE\r\n" % (self.call_id, self.cseq) +
                "Contact: <sip:%s@%s;transport=%s>\r\nMax-Forwards: 70\r\n" % (
                    self.user, self.contact, self.transport) +
                ("Event: %s\r\n" % self.event if self.event else "") +
                ("Accept: %s\r\n" % self.accept if self.accept else "") +
                ("Expires: %d\r\n" % expires if expires >= 0 else "") +
                "".join("%s: %s\r\n" % h for h in tuple(self.headers) + tuple(extra)) +
                "Content-Length: 0\r\n\r\n")
        self._send(text)
        if not wait:
            return None
        try:
            response = self.responses.get(timeout=5)
        except queue.Empty:
            raise net.Failed("no answer to the SUBSCRIBE") from None
        if response.status == 200:
            self.remote_tag = sip.parameter(response.get("to"), "tag")
        return response

    def wait(self, condition, seconds=5, what="a NOTIFY"):
        """The first NOTIFY for which condition(message) holds."""
        return net.wait_for(lambda: next((m for m in list(self.notifies) if condition(m)), None),
                            seconds, "%s for %s; there were %s" % (
                                what, self.number, [m.body[-300:] for m in self.notifies[-2:]]))

    def wait_count(self, count, seconds=5):
        net.wait_for(lambda: len(self.notifies) >= count, seconds,
                     "NOTIFY %d of %s (there were %d)" % (count, self.number, len(self.notifies)))
        return self.notifies[count - 1]

    def last(self):
        return parts_of(self.notifies[-1])[0]

    def state(self):
        """What the lamp shows: "", or the state of the first live dialog."""
        if not self.notifies:
            return None
        return state_of(self.notifies[-1])

    def wait_state(self, state, seconds=5):
        net.wait_for(lambda: self.state() == state, seconds, "the lamp of %s shows %r (it is %r)" % (
            self.number, state, self.state()))
        return self.notifies[-1]


def state_of(message):
    if not message.body:
        return ""
    root = parts_of(message)[0].root
    for dialog in root.findall("d:dialog", NS):
        state = dialog.find("d:state", NS).text
        if state != "terminated":
            return state
    if root.find(".//rpid:on-the-phone", NS) is not None:
        return "on-the-phone"
    return ""
