#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lamps pushed to a PBX that keeps them itself: scripted Asterisk (REST) and
FreeSWITCH (event socket), every byte that reaches them compared."""
import base64
import queue
import re
import signal
import select
import socket
import threading

from lib import net, sip
from lib.testing import equal, main, scenario

OUTSIDE = "4930111111"


class Server:
    """Takes one connection after the other in the PBX's namespace."""

    def __init__(self, s, port):
        self.port, self.stop = port, False
        self.got = queue.Queue()
        self.connections = 0
        self.conn = None

        def listen():
            l = socket.socket()
            l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            l.bind((net.PBX, port))
            l.listen(5)
            l.settimeout(0.1)
            return l
        self.listener = s.stage.pbx.call(listen)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        s.stage.on_close(self.close)

    def close(self):
        self.stop = True
        self.thread.join(3)
        self.listener.close()

    def _run(self):
        while not self.stop:
            try:
                self.conn, _ = self.listener.accept()
            except (TimeoutError, socket.timeout):
                continue
            self.connections += 1
            self.conn.settimeout(0.1)
            try:
                self.serve(self.conn)
            except OSError:
                pass
            self.conn.close()

    def block(self, conn, end):
        """Bytes up to and with `end`; b"" when the peer or the test has gone."""
        data = b""
        while not data.endswith(end) and not self.stop:
            try:
                byte = conn.recv(1)
            except (TimeoutError, socket.timeout):
                continue
            if not byte:
                return b""
            data += byte
        return data if data.endswith(end) else b""

    def take(self, seconds=5):
        try:
            return self.got.get(timeout=seconds)
        except queue.Empty:
            raise net.Failed("nothing was pushed within %g s" % seconds) from None


class Asterisk(Server):
    status = b"204 No Content"

    def serve(self, conn):
        while True:
            request = self.block(conn, b"\r\n\r\n")
            if not request:
                return
            self.got.put(request)
            conn.sendall(b"HTTP/1.1 " + self.status + b"\r\nContent-Length: 0\r\n\r\n")


class FreeSwitch(Server):
    def serve(self, conn):
        conn.sendall(b"Content-Type: auth/request\n\n")
        while True:
            command = self.block(conn, b"\n\n")
            if not command:
                return
            self.got.put(command)
            conn.sendall(b"Content-Type: command/reply\nReply-Text: +OK\n\n")

    def hang_up(self):
        self.conn.shutdown(socket.SHUT_RDWR)


def put(state, device="Stasis%3Apark701"):
    return ("PUT /ari/deviceStates/%s?deviceState=%s HTTP/1.1\r\nHost: %s:8088\r\n"
            "Authorization: Basic %s\r\nUser-Agent: Holdfast\r\nAccept: */*\r\n"
            "Content-Length: 0\r\n\r\n" % (
                device, state, net.PBX, base64.b64encode(b"holdfast:secret").decode())).encode()


def asterisk():
    return {"pbx": "asterisk", "url": "http://%s:8088/ari" % net.PBX, "user": "holdfast",
            "password": "secret"}


@scenario
def asterisk_device_states(s):
    "Asterisk's device states follow a slot, byte for byte"
    pbx = Asterisk(s, 8088)
    s.anchor(lamps={"push": [asterisk()]}, lot__timeout_s=1,
             lot__recall={"ring_s": 5, "attempts": 1, "finally": "repeat"})
    peer = s.peer()
    parked = peer.park(OUTSIDE, s.caller(), parker="1001")
    equal(pbx.take(), put("INUSE"), "parked")
    peer.expect_call("1001", 5).ring()
    equal(pbx.take(), put("RINGING"), "ringing back")
    parked.bye()
    equal(pbx.take(), put("NOT_INUSE"), "free")
    equal(pbx.connections, 1, "connections")


@scenario
def asterisk_is_away(s):
    "an Asterisk that refuses, or is away, is told the newest state when it is back"
    anchor = s.anchor(lamps={"push": [asterisk()]})
    peer = s.peer()
    parked = peer.park(OUTSIDE, s.caller())
    pbx = Asterisk(s, 8088)
    pbx.status = b"503 Service Unavailable"
    equal(pbx.take(10), put("INUSE"), "the first attempt")
    parked.bye()
    anchor.wait_slot(701, "free")
    pbx.status = b"204 No Content"

    def newest():
        return pbx.take(10) == put("NOT_INUSE")
    net.wait_for(newest, 20, "the newest state")


class Hanging(Asterisk):
    """Takes a request and answers when it is told to."""

    def serve(self, conn):
        self.go = threading.Event()
        request = self.block(conn, b"\r\n\r\n")
        self.got.put(request)
        self.go.wait(30)
        conn.sendall(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")


@scenario
def reload_does_not_wait_for_a_pbx(s):
    "a reload does not wait for a PBX that hangs, which is then told the newest state"
    anchor = s.anchor(lamps={"push": [asterisk()]})
    pbx, peer = Hanging(s, 8088), s.peer()
    parked = peer.park(OUTSIDE, s.caller())
    equal(pbx.take(), put("INUSE"), "parked")
    first = pbx.conn
    with open(anchor.config_path, "a") as f:
        f.write("# again\n")
    anchor.ctl("reload")
    equal(select.select([first], [], [], 0)[0], [], "the request is still waited for")
    parked.bye()
    anchor.wait_slot(701, "free")
    pbx.go.set()
    net.wait_for(lambda: pbx.connections == 2, 10, "the PBX is told anew")
    equal(pbx.take(10), put("NOT_INUSE"), "the newest state")
    pbx.go.set()


def presence_in(slot, status, rpid, channel, answer):
    return ("sendevent PRESENCE_IN\nproto: park\nlogin: park+%(slot)s@pbx.example.com\n"
            "from: park+%(slot)s@pbx.example.com\nrpid: %(rpid)s\nstatus: %(status)s\n"
            "event_type: presence\nalt_event_type: dialog\nevent_count: 1\n"
            "unique-id: park-%(slot)s\nchannel-state: %(channel)s\nanswer-state: %(answer)s\n"
            "presence-call-direction: inbound\n\n" % {
                "slot": slot, "status": status, "rpid": rpid, "channel": channel,
                "answer": answer}).encode()


@scenario
def freeswitch_presence(s):
    "FreeSWITCH gets a presence event for each change, and all of them after a restart"
    pbx = FreeSwitch(s, 8021)
    s.anchor(lamps={"push": [{"pbx": "freeswitch", "url": "tcp://%s:8021" % net.PBX,
                              "password": "ClueCon", "device": "park+%s@pbx.example.com"}]})
    peer = s.peer()
    parked = peer.park(OUTSIDE, s.caller(), display="Carla Caller")
    lit = presence_in("701", "Active Carla Caller", "on-the-phone", "CS_EXECUTE", "confirmed")
    equal(pbx.take(), b"auth ClueCon\n\n", "the password")
    equal(pbx.take(), lit, "parked")
    pbx.hang_up()
    equal(pbx.take(15), b"auth ClueCon\n\n", "the password again")
    equal(pbx.take(), lit, "told anew")
    parked.bye()
    equal(pbx.take(), presence_in("701", "Empty", "unknown", "CS_HANGUP", "terminated"), "free")


class PublishServer:
    """FreeSWITCH as it takes PUBLISH: each request whole, and the answer."""

    def __init__(self, s, port=5080):
        self.sock = s.stage.pbx.udp(net.PBX, port)
        s.stage.on_close(self.sock.close)
        self.source = None

    def take(self, seconds=10):
        self.sock.settimeout(seconds)
        try:
            data, self.source = self.sock.recvfrom(65536)
        except (TimeoutError, socket.timeout):
            raise net.Failed("nothing was published within %g s" % seconds) from None
        self.request = sip.Message.parse(data)
        return data.decode()

    def answer(self, status, *headers):
        reply = sip.Message(status=status, reason="Whatever")
        for name in ("via", "from", "to", "call-id", "cseq"):
            reply.add(*[(name, v) for v in self.request.all(name)])
        reply.add(*headers, ("Content-Length", "0"))
        self.sock.sendto(reply.bytes(), self.source)


def plain(text):
    """Without what is made by chance, and the time of day."""
    for what, by in ((r"branch=[^;\r]+", "branch=B"), (r"tag=[^;\r]+", "tag=T"),
                     (r"(?m)^Call-ID: \S+", "Call-ID: C"), (r"CSeq: \d+", "CSeq: N"),
                     (r"since \d\d:\d\d", "since HH:MM"), (r"Holdfast/\S+", "Holdfast/V")):
        text = re.sub(what, by, text)
    return text


def published(more, body="", expires=10):
    return ("PUBLISH sip:701@%(pbx)s SIP/2.0\r\n"
            "Via: SIP/2.0/UDP %(us)s;branch=B\r\n"
            "Max-Forwards: 70\r\n"
            "From: <sip:701@%(pbx)s>;tag=T\r\n"
            "To: <sip:701@%(pbx)s>\r\n"
            "Call-ID: C\r\nCSeq: N PUBLISH\r\n"
            "Expires: %(expires)d\r\nUser-Agent: Holdfast/V\r\nEvent: presence\r\n"
            "%(more)s%(type)sContent-Length: %(length)d\r\n\r\n%(body)s" % {
                "pbx": net.PBX, "us": net.ANCHOR_TRUNK, "expires": expires, "more": more,
                "type": "Content-Type: application/pidf+xml\r\n" if body else "",
                "length": len(body), "body": body})


def pidf(note, person):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            '<presence xmlns="urn:ietf:params:xml:ns:pidf" '
            'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" '
            'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:701@%(pbx)s">'
            '<tuple id="t0"><status><basic>open</basic></status>'
            '<contact>sip:701@%(pbx)s</contact><note>%(note)s</note></tuple>'
            '<note>%(note)s</note>%(person)s</presence>\n' % {
                "pbx": net.PBX, "note": note, "person": person})


PARKED = pidf("Parked: 701 since HH:MM", '<dm:person id="p1"><rpid:activities>'
              '<rpid:on-the-phone/></rpid:activities></dm:person>')
FREE = pidf("Free", '<dm:person id="p1"/>')


@scenario
def freeswitch_publish(s):
    "FreeSWITCH that takes PUBLISH gets each state, its refresh, a new one after 412, and the end"
    pbx = PublishServer(s)
    anchor = s.anchor(lamps={"publish": {"to": "sip:%s:5080" % net.PBX, "event": "presence",
                                         "expires_s": 10}})
    peer = s.peer()
    parked = peer.park(OUTSIDE, s.caller())
    equal(plain(pbx.take()), published("", PARKED), "parked")
    pbx.answer(200, ("SIP-ETag", "tag-1"), ("Expires", "10"))
    equal(plain(pbx.take(15)), published("SIP-If-Match: tag-1\r\n"), "the refresh")
    pbx.answer(412)
    equal(plain(pbx.take()), published("", PARKED), "all of it after 412")
    pbx.answer(200, ("SIP-ETag", "tag-2"), ("Expires", "10"))
    parked.bye()
    equal(plain(pbx.take()), published("SIP-If-Match: tag-2\r\n", FREE), "free")
    pbx.answer(200, ("SIP-ETag", "tag-3"), ("Expires", "10"))
    anchor.process.kill(signal.SIGTERM)
    equal(plain(pbx.take()), published("SIP-If-Match: tag-3\r\n", expires=0), "the end")
    pbx.answer(200)
    equal(anchor.process.wait(10), 0, "exit status")


if __name__ == "__main__":
    raise SystemExit(main())
