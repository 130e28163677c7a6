# SPDX-License-Identifier: GPL-2.0-or-later
"""A call of the scripted PBX (pbx.py): two legs, each a SIP dialog of its own,
and what the PBX does with them: connect, hold, new offers, transfers.

A REFER is consumed here, as PBXs do. Blind: the target is called with the
transferred party's identity and the mark that the profile puts on transferred
calls; when it answers, it is connected with the transferred party and the
transferor is released. Attended (Replaces in the Refer-To names another dialog
with the PBX): the two far parties are connected.
"""
import os
import re
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from lib import sip  # noqa: E402

import media  # noqa: E402


class Leg:
    """A party of a call: its dialog, who it is, and the SDP it last sent."""

    def __init__(self, call, side, dialog, uri, display=""):
        self.call, self.side, self.dialog = call, side, dialog
        self.uri, self.display = uri, display
        self.sdp = None         # what it last sent
        self.anchor = False     # Holdfast is at its other end
        self.late = False       # our INVITE had no offer; its ACK has the answer
        self.port = None        # of ours, if media passes through us
        self.direct = False     # ... and no longer does
        if call.pbx.profile.media != "through":
            self.port = media.Port(call.pbx.loop, call.pbx.endpoint.address[0], self)
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
        if self.port and not self.direct:
            sdp = media.through(sdp, self.port.address)
        rest = re.sub(r"(?m)^o=.*$", "o=", sdp)
        if rest != self._last:
            self._last = rest
            self._version += 1
        host = self.call.pbx.endpoint.address[0]
        return re.sub(r"(?m)^o=[^\r\n]*", "o=pbx %d %d IN IP4 %s" % (
            self._session, self._version, host), sdp)

    def held(self):
        """Has it been told that the other side listens no more?"""
        return bool(re.search(r"(?m)^a=(sendonly|inactive)", self._last or ""))

    def tell(self, other):
        """Who it talks to now (RFC 5876)."""
        if self.dialog.state == "confirmed":
            self.dialog.send("UPDATE", (("P-Asserted-Identity", other.name_addr()),))

    def close(self):
        if self.port:
            self.port.close()
            self.port = None


class Call:
    """Two legs, a (who called) and b. As `owner` of both dialogs it is told
    what happens to either."""

    def __init__(self, pbx, number):
        self.pbx, self.number = pbx, number
        self.legs = {}
        self.transfer = None    # (transferor's leg, REFER, new leg)
        self.late = {}          # re-INVITE without offer: (the other leg, its CSeq)

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
        a.anchor = request.source[0] == self.pbx.anchor[0]
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
        profile = self.pbx.profile
        uri = "sip:%s@%s:%d" % ((user,) + route)
        leg = Leg(self, side, None, "sip:%s@%s" % (user, self.pbx.domain))
        leg.anchor = route == self.pbx.anchor
        leg.late = not party.sdp or (profile.late_offer and leg.anchor)
        headers = (("P-Asserted-Identity", party.name_addr()),) + tuple(extra)
        for name in ("Alert-Info", "User-to-User") if request else ():
            headers += tuple((name, v) for v in request.all(name))
        if request and request.get("privacy"):
            headers += (("Privacy", request.get("privacy")),)
        if profile.reliable and leg.anchor:
            headers += (("Require", "100rel"),)
        local = party.name_addr()
        if profile.own_from and leg.anchor:
            local = "<sip:gateway@%s>" % self.pbx.domain
        leg.dialog = self.pbx.endpoint.invite(
            self, uri, local, headers, "" if leg.late else leg.own(party.sdp), dest=route,
            remote="<sip:%s@%s>" % (user, self.pbx.domain))
        if side in "ab":
            self.legs[side] = leg
        return leg

    def on_progress(self, dialog, response):
        leg = self.leg_of(dialog)
        if not leg or leg.side != "b" or response.status == 100:
            return
        a = self.legs["a"]
        invite = a.dialog.invite
        reliable = self.pbx.profile.reliable and "100rel" in ",".join(
            invite.request.all("supported"))
        if reliable and invite.unpracked:
            return      # one at a time, and it says the same
        if reliable:
            invite.respond_reliably(response.status, response.reason)
        else:
            invite.respond(response.status, response.reason)
        self.event("ringing", user=sip.user_of(leg.uri), reliable=reliable)

    def on_prack(self, dialog, request, known):
        self.event("prack", known=known)

    def on_answered(self, dialog, response):
        if self.transfer and self.transfer[2].dialog is dialog:
            self.transfer_answered(response)
            return
        b = self.leg_of(dialog)
        a = self.legs["a"]
        b.sdp = response.body
        identity = response.get("p-asserted-identity")
        if identity:    # connected line: who has answered, not who was dialled
            b.uri = "sip:%s@%s" % (sip.user_of(sip.uri_of(identity)), self.pbx.domain)
            b.display = sip.display_of(identity)
        headers = (("P-Asserted-Identity", b.name_addr()),)
        if response.get("user-to-user"):
            headers += (("User-to-User", response.get("user-to-user")),)
        answer = b.sdp
        if b.late and a.sdp:
            dialog.ack(body=b.own(media.common(a.sdp, b.sdp)))
            answer = media.common(b.sdp, a.sdp)
        elif a.sdp:  # else the answer comes in a's ACK, and goes into b's
            dialog.ack()
        a.dialog.invite.respond(200, headers=headers, body=a.own(answer))
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
        late = self.late.pop(transaction, None)
        if late:        # the answer to an offer that its re-INVITE asked for
            other, cseq = late
            leg.sdp = ack.body
            other.dialog.ack(cseq, other.own(ack.body))
        elif leg and leg.side == "a" and transaction is dialog.invite:
            if not leg.sdp:
                leg.sdp = ack.body
                b = self.other(leg)
                if b:
                    b.dialog.ack(body=b.own(ack.body))
            self.go_direct()

    def go_direct(self):
        """Direct media: each leg hears of the other's own address."""
        a, b = self.legs.get("a"), self.legs.get("b")
        if self.pbx.profile.media != "direct" or not a or not b:
            return

        def offer(leg, other, then):
            def answered(response):
                if response is not None and response.status < 300:
                    leg.sdp = response.body
                else:       # media goes on through us
                    leg.direct = False
                then()
            if leg.dialog.state == "confirmed" and remote(other):
                leg.direct = True
                leg.dialog.reinvite(leg.own(other.sdp), answered)

        def remote(leg):
            return media.remote_of(leg.sdp)
        offer(b, a, lambda: offer(a, b, lambda: self.event("direct")))

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
        for leg in list(self.legs.values()):
            if leg:
                leg.close()
        self.event("ended")

    # In the call: new offers go across

    def on_reinvite(self, dialog, transaction):
        leg = self.leg_of(dialog)
        other = leg and self.other(leg)
        request = transaction.request
        if not other or other.dialog.state != "confirmed" or self.transfer:
            # A party in the transfer: its session goes on as it was.
            transaction.respond(491 if leg and leg.sdp and self.transfer else 481)
            return
        body = request.body
        if request.method == "UPDATE" and not body:
            transaction.respond(200)
            who = request.get("p-asserted-identity")
            if who:
                leg.uri, leg.display = sip.uri_of(who), sip.display_of(who)
                other.tell(leg)
            return
        if body:
            leg.sdp = body

        def answered(response):
            status = response.status if response else 408
            if status >= 300:
                transaction.respond(status, response.reason if response else None)
                return
            other.sdp = response.body
            if not body:
                self.late[transaction] = (other, response.cseq[0])
            transaction.respond(200, body=leg.own(response.body))
        other.dialog.reinvite(other.own(body), answered)

    # Transfers

    def on_refer(self, dialog, transaction):
        leg = self.leg_of(dialog)
        targets = transaction.request.all("refer-to")
        if not leg or len(targets) != 1:
            transaction.respond(400)
            return
        uri, _, more = sip.uri_of(targets[0]).partition("?")
        replaces = re.search(r"(?i)replaces=([^&]*)", more)
        if not replaces:
            transaction.respond(202)
            self.begin_transfer(leg, sip.user_of(uri), transaction.request)
            return
        named = urllib.parse.unquote(replaces.group(1))
        consult = self.pbx.endpoint.dialogs.get((
            named.split(";")[0].strip(), sip.parameter(named, "to-tag")))
        second = consult and getattr(consult.owner, "leg_of", lambda d: None)(consult)
        if not second or not second.call.other(second):
            transaction.respond(481)
            return
        transaction.respond(202)
        self.join(leg, second, transaction.request)

    def join(self, leg, second, refer):
        """Attended: who talks to `leg` and who talks to `second` are connected."""
        stays, far = self.other(leg), second.call.other(second)
        consult = second.call
        self.event("attended", by=leg.uri, of=stays.uri, to=far.uri)
        self.notify(leg, refer, 100, "active;expires=60")
        consult.legs = {}
        far.call, far.dialog.owner, far.side = self, self, leg.side
        second.call, second.dialog.owner, second.side = self, self, "gone"
        self.legs[leg.side] = far

        def done():
            self.notify(leg, refer, 200, "terminated;reason=noresource")
            for gone in (leg, second):
                if gone.dialog.state == "confirmed":
                    gone.dialog.bye()
                gone.close()
            self.event("joined", to=sip.user_of(far.uri))
            self.go_direct()
        leg.side = "gone"
        self.connect(stays, far, done)

    def connect(self, stays, far, done):
        """Bring two parties that have answered together, as the make does."""
        swap = self.pbx.profile.swap

        def offer_to(leg, other, then, headers=()):
            def answered(response):
                if response is None or response.status >= 300:
                    self.event("join_failed", status=response.status if response else 408)
                else:
                    leg.sdp = response.body
                then()
            leg.direct = False
            leg.dialog.reinvite(leg.own(media.unheld(other.sdp)), answered, headers)

        def asked(response):
            if response is None or response.status >= 300:
                self.event("join_failed", status=response.status if response else 408)
                done()
                return
            far.sdp = response.body
            offer_to(stays, far, lambda: told(response.cseq[0]))

        def told(cseq):
            far.dialog.ack(cseq, far.own(media.common(stays.sdp, far.sdp)))
            far.tell(stays)
            if stays.anchor:
                stays.tell(far)
            done()
        if swap == "silent":
            if stays.anchor and not stays.held():
                done()
            else:
                offer_to(stays, far, done)
        elif swap == "update":
            far.dialog.reinvite("", asked)
        else:
            offer_to(far, stays, lambda: offer_to(
                stays, far, done, (("P-Asserted-Identity", far.name_addr()),)),
                (("P-Asserted-Identity", stays.name_addr()),))

    # Blind transfer

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
        stays = self.other(transferor)
        self.event("transferred", to=sip.user_of(new.uri))
        if not new.late:
            new.dialog.ack()
        self.legs[transferor.side], new.side = new, transferor.side

        def joined(answer=None):
            failed = answer is None or answer.status >= 300
            if answer is not None and not failed:
                stays.sdp = answer.body
            if new.late:
                new.dialog.ack(body=new.own(media.common(stays.sdp, new.sdp)))
            if failed and answer is not None:
                self.event("join_failed", status=answer.status)
            if self.pbx.profile.swap == "update":
                stays.tell(new)
            self.notify_final(transferor, refer, new)
        if self.pbx.profile.swap == "silent" and stays.anchor:
            joined()
            return
        headers = ()
        if self.pbx.profile.swap == "reinvite":
            headers = (("P-Asserted-Identity", new.name_addr()),)
        stays.direct = False
        stays.dialog.reinvite(stays.own(new.sdp), joined, headers)

    def notify_final(self, transferor, refer, new):
        if refer:
            self.notify(transferor, refer, 200, "terminated;reason=noresource")
        self.transfer = None
        if transferor.dialog.state == "confirmed":
            transferor.dialog.bye()
        transferor.close()
        transferor.side = "gone"
        self.event("joined", to=sip.user_of(new.uri))
        self.go_direct()

    def transfer_failed(self, status):
        transferor, refer, _ = self.transfer
        self.transfer = None
        self.event("transfer_failed", status=status)
        if refer and transferor.dialog.state == "confirmed":
            self.notify(transferor, refer, status, "terminated;reason=noresource")
        elif not self.legs.get(transferor.side):
            self.hang_up()
