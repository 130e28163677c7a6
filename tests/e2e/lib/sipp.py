# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios for SIPp: written step by step, with as many dialogs as the parties
of a flow have, into the XML that SIPp plays (a Call-ID "a///ID" is the call's
ID to SIPp, whatever stands before the slashes).

    script = Script()
    carla = script.calls("4930111111", "700", ["Referred-By: <sip:1001@...>"])
    carla.answered("a=sendrecv")
    carla.hangs_up()
    script.play(stage, "name")

A Called is who is rung; it plays in a SIPp of its own.
"""
import os
import xml.sax.saxutils

from . import net

DOMAIN = "pbx.example.com"
PATIENCE_MS = 20000
_REPLY = "[last_Via:]\n[last_From:]\n[last_To:]%s\n[last_Call-ID:]\n[last_CSeq:]\n"


def sdp(port, direction="sendrecv", codec=0, version=1, connection="[local_ip]"):
    name = {0: "PCMU", 8: "PCMA"}[codec]
    return ("v=0\no=- %d %d IN IP4 [local_ip]\ns=-\nc=IN IP4 %s\nt=0 0\n"
            "m=audio %d RTP/AVP %d\na=rtpmap:%d %s/8000\na=%s\n" % (
                port, version, connection, port, codec, codec, name, direction))


def _attribute(text):
    # "/>" ends a tag for SIPp, also within quotes.
    return xml.sax.saxutils.quoteattr(text.replace("/>", "/."))


class Script:
    """One file for SIPp."""

    def __init__(self):
        self.steps, self.names, self.dialogs = [], [], 0
        self.rings = 1          # calls to one who is called

    def variable(self, hint="v"):
        self.names.append("%s%d" % (hint, len(self.names)))
        return self.names[-1]

    def send(self, text, body="", retransmit=True):
        if body:
            text += "Content-Type: application/sdp\n"
        text += "Content-Length: %s\n\n%s" % ("[len]" if body else "0", body)
        self.steps.append("<send%s><![CDATA[\n%s\n]]></send>" % (
            ' retrans="500"' if retransmit else "", text))

    def receive(self, what, checks=(), takes=(), optional=False):
        """what: response="200" or request="BYE". takes: (variable, header, pattern)."""
        actions = ['<ereg regexp=%s search_in="msg" check_it="true" assign_to="%s"/>' % (
            _attribute(c), self.variable()) for c in checks if not c.startswith("!")]
        actions += ['<ereg regexp=%s search_in="msg" check_it_inverse="true" assign_to="%s"/>' % (
            _attribute(c[1:]), self.variable()) for c in checks if c.startswith("!")]
        actions += ['<ereg regexp=%s search_in="hdr" header="%s:" check_it="true" assign_to="%s"/>'
                    % (_attribute(p), header, name) for name, header, p in takes]
        self.steps.append('<recv %s%s>%s</recv>' % (
            what, ' optional="true"' if optional else ' timeout="%d"' % PATIENCE_MS,
            "<action>%s</action>" % "".join(actions) if actions else ""))

    def wait(self, seconds):
        """For what the caller would wait for too: a park time, a lease."""
        self.steps.append('<pause milliseconds="%d"/>' % (seconds * 1000))

    def calls(self, user, to, headers=(), offer=True, **how):
        return Calling(self, user, to).invite(headers, offer, **how)

    def begin(self, stage, name, port=5090):
        """SIPp with what has been written; end() waits for it."""
        path = os.path.join(stage.folder, name + ".xml")
        with open(path, "w", encoding="utf-8") as f:
            f.write('<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="%s">\n%s\n' % (
                name, "\n".join(self.steps)))
            if self.names:
                f.write('<Reference variables="%s"/>\n' % ",".join(self.names))
            f.write("</scenario>\n")
        self.errors = os.path.join(stage.folder, name + "-errors.log")
        self.process = stage.spawn(
            stage.pbx, name, "sipp", "-sf", path, "-i", net.PBX, "-p", str(port),
            "-m", str(self.rings), "-l", "1", "-timeout", "60s", "-timeout_error", "-nostdin",
            "-trace_err", "-error_file", self.errors, "%s:5060" % net.ANCHOR_TRUNK,
            env=dict(os.environ, TERM="dumb"))
        return self

    def end(self):
        status = self.process.wait(90)
        if status:
            said = self.process.text()[-500:]
            if os.path.exists(self.errors):
                with open(self.errors, encoding="utf-8", errors="replace") as f:
                    said = f.read()[:3000]
            raise net.Failed("SIPp ended with %s in %s:\n%s" % (status, self.process.name, said))

    def play(self, stage, name):
        self.begin(stage, name).end()


class Dialog:
    """What callers and called have in common."""

    def __init__(self, script):
        script.dialogs += 1
        self.script, self.number, self.cseq = script, script.dialogs, 0
        self.port = 46000 + 2 * self.number
        self.version = 1

    def expects(self, method, *checks, reply=200):
        """They send this, and it is answered."""
        self.script.receive('request="%s"' % method, checks)
        self.script.send("SIP/2.0 %d Whatever\n" % reply + _REPLY % "", retransmit=False)


class Calling(Dialog):
    """One who calls Holdfast."""

    def __init__(self, script, user, to):
        super().__init__(script)
        self.user, self.to = user, to
        self.known = False      # have they answered?

    def _takes(self):
        """What of their answer is needed from then on."""
        if self.known:
            return []
        self.known = True
        self.tag, self.url = self.script.variable("tag"), self.script.variable("url")
        return [("%s,%s" % (self.script.variable(), self.tag), "To", ";tag=([^ ;]*)"),
                (self.url, "Contact", "sip:[^>;]*")]

    def _head(self, method, cseq=None):
        target = "[$%s]" % self.url if self.known else "sip:%s@[remote_ip]:[remote_port]" % self.to
        return ("%s %s SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
                "From: <sip:%s@%s>;tag=d%d-[call_number]\nTo: <sip:%s@park.example.com>%s\n"
                "Call-ID: d%d///[call_id]\nCSeq: %d %s\nMax-Forwards: 70\n"
                "Contact: <sip:%s@[local_ip]:[local_port]>\n" % (
                    method, target, self.user, DOMAIN, self.number, self.to,
                    ";tag=[$%s]" % self.tag if self.known else "", self.number,
                    cseq or self.cseq, method, self.user))

    def replaces(self):
        """The header by which another call takes this one's place."""
        return "Replaces: d%d///[call_id];to-tag=[$%s];from-tag=d%d-[call_number]" % (
            self.number, self.tag, self.number)

    def send(self, method, headers=(), body=""):
        self.cseq += 1
        self.script.send(self._head(method) + "".join(h + "\n" for h in headers), body)
        return self

    def invite(self, headers=(), offer=True, **how):
        self.version += 1
        return self.send("INVITE", headers,
                         sdp(self.port, version=self.version, **how) if offer else "")

    def answered(self, *checks, ack=True, answer=False):
        """200 to an INVITE; the ACK, with an answer if theirs was the offer."""
        self.script.receive('response="100"', optional=True)
        self.script.receive('response="200"', checks, self._takes())
        if ack:
            self.ack(answer)
        return self

    def ack(self, answer=False):
        self.script.send(self._head("ACK"), sdp(self.port) if answer else "", retransmit=False)

    def refused(self, status, *checks):
        """A final answer to an INVITE that is not 200."""
        self.script.receive('response="100"', optional=True)
        self.script.receive('response="%d"' % status, checks)
        head = self._head("ACK").split("\n")
        via = next(i for i, line in enumerate(head) if line.startswith("Via:"))
        to = next(i for i, line in enumerate(head) if line.startswith("To:"))
        head[via], head[to] = "[last_Via:]", "[last_To:]"
        self.script.send("\n".join(head), retransmit=False)

    def takes(self, status):
        """An answer that begins a dialog, to something else than INVITE."""
        self.script.receive('response="%d"' % status, (), self._takes())

    def asks(self, method, status=200, headers=(), checks=()):
        """A request other than INVITE, and what is to come back."""
        self.send(method, headers)
        self.script.receive('response="%d"' % status, checks)

    def offers(self, *checks, **how):
        """A re-INVITE that is accepted."""
        self.invite(**how).answered(*checks)

    def hangs_up(self):
        self.asks("BYE")


class Called(Dialog):
    """One whom Holdfast calls, in a script of its own. first: a pattern of the
    first of two calls, which take their ways by either()."""

    def __init__(self, script, *checks, first=None):
        super().__init__(script)
        self.peer, self.url = script.variable("peer"), script.variable("url")
        script.receive('request="INVITE"', checks, [
            (self.peer, "From", ".*"), (self.url, "Contact", "sip:[^>;]*")])
        self.kept = {name: script.variable("kept") for name in ("Via", "From", "To", "CSeq")}
        action = "".join('<ereg regexp=".*" search_in="hdr" header="%s:" assign_to="%s"/>' % (
            name, variable) for name, variable in self.kept.items())
        if first:
            self.is_first = script.variable("first")
            script.rings = 2
            action += '<ereg regexp=%s search_in="msg" assign_to="%s"/>' % (
                _attribute(first), self.is_first)
        script.steps[-1] = script.steps[-1].replace("</action>", action + "</action>")

    def either(self, first, second):
        """Functions that write what happens to either call."""
        steps = self.script.steps
        steps.append('<nop next="first" test="%s"/>' % self.is_first)
        second()
        steps += ['<nop next="end"/>', '<label id="first"/>']
        first()
        steps += ['<label id="end"/>', '<pause milliseconds="1"/>']

    def replies(self, status, headers=(), body=""):
        """To the INVITE."""
        lines = "".join("%s:[$%s]%s\n" % (
            name, variable, ";tag=u%d-[call_number]" % self.number if name == "To" else "")
            for name, variable in self.kept.items())
        self.script.send("SIP/2.0 %d Whatever\n%sCall-ID: [call_id]\n"
                         "Contact: <sip:[local_ip]:[local_port]>\n%s" % (
                             status, lines, "".join(h + "\n" for h in headers)),
                         body, retransmit=status >= 200)
        if status >= 200:
            self.script.receive('request="ACK"')
        return self

    def rings(self, headers=()):
        return self.replies(180, headers)

    def answers(self):
        return self.replies(200, body=sdp(self.port))

    def cancelled(self, *checks):
        """It rings no more."""
        self.expects("CANCEL", *checks)
        self.replies(487)

    def hangs_up(self):
        self.script.send(
            "BYE [$%s] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
            "From:[$%s];tag=u%d-[call_number]\nTo:[$%s]\nCall-ID: [call_id]\nCSeq: 1 BYE\n"
            "Max-Forwards: 70\n" % (self.url, self.kept["To"], self.number, self.peer))
        self.script.receive('response="200"')
