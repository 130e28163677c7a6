#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways that SIP comes by: TLS, IPv6, several networks, and 1:1 NAT."""
import os
import queue
import shutil

from lib import net, sip, ua, ways
from lib.testing import check, equal, main, scenario

OUTER = "203.0.113.7"
ANCHOR6, PBX6, CALLER6 = "2001:db8::1", "2001:db8::20", "2001:db8::10"


def tls_folder(s, name="tls", stem=None, authority=None):
    folder = os.path.join(s.folder, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "agent.pem"), "wb") as out:
        for part in (".pem", ".key"):
            with open(stem + part, "rb") as f:
                shutil.copyfileobj(f, out)
    if authority:
        shutil.copy(authority + ".pem", os.path.join(folder, "cafile.pem"))
    return folder


def by_tls(s, verify="all", pbx_by=None, present=True, **more):
    """An anchor and a PBX that speak TLS, their certificates by one authority
    (the PBX's by another: pbx_by)."""
    root = ways.certificate(s.folder, "root", "192.0.2.254")
    anchor = ways.certificate(s.folder, "anchor", net.ANCHOR_TRUNK, root)
    pbx = ways.certificate(s.folder, "pbx", net.PBX, pbx_by or root)
    folder = tls_folder(s, stem=anchor, authority=root)
    # The SIP library loses what OpenSSL keeps of a connection.
    forgiven = os.path.join(s.folder, "lost")
    with open(forgiven, "w") as f:
        f.write("leak:libssl.so\nleak:libcrypto.so\n")
    os.environ["LSAN_OPTIONS"] = "suppressions=" + forgiven
    try:
        running = start(s, verify, folder, **more)
    finally:
        del os.environ["LSAN_OPTIONS"]
    sock = ways.Tls(s.stage.pbx, net.PBX, 5061, pbx, root, present)
    return running, s.peer(sock=sock, transport="TLS", anchor=(net.ANCHOR_TRUNK, 5061)), sock


def start(s, verify, folder, **more):
    return s.anchor(sip__listen=["tls:%s:5061" % net.ANCHOR_TRUNK,
                                 "udp:%s:5060" % net.ANCHOR_TRUNK],
                    sip__tls={"certificates": folder, "verify": verify},
                    sip__outbound_proxy="sip:%s:5061;transport=tls" % net.PBX, **more)


@scenario
def tls_both_ways(s):
    "by TLS a caller is parked, the parker is rung, and who picks up is joined"
    anchor, peer, sock = by_tls(s, lot__timeout_s=2)
    caller, phone = s.caller(), s.phone()
    call = peer.park("+4930123", caller)
    contact = sip.uri_of(call.answer.get("Contact"))
    equal(sip.host_of(contact), (net.ANCHOR_TRUNK, 5061), "where our Contact leads")
    check(";transport=tls" in contact, "Contact %s says TLS" % contact)
    check(sock.version() <= {"TLSv1.2", "TLSv1.3"}, "the version of TLS is %s" % sock.version())
    recall = peer.expect_call("1001", 10, phone)
    check("/TLS " in recall.transaction.request.get("Via"), "the recall comes by TLS")
    recall.accept()
    phone.play()
    caller.play()
    caller.wait_packets(5, 10)
    # in the dialog, by its Contact, from either side
    call.bye()
    recall.wait("bye")
    net.wait_for(lambda: anchor.calls() == [], 5, "the call list is empty")


@scenario
def tls_connection_lost(s):
    "a call outlives the TLS connection that it came by: the BYE makes a new one"
    anchor, peer, sock = by_tls(s)
    call = peer.park("+4930123", s.caller())
    anchor.wait_slot(701, "parked")
    opened = sock.opened
    sock.drop()
    anchor.ctl("call", "kick", str(anchor.calls()[0]["call"]))
    call.wait("bye", 10)
    check(sock.opened > opened, "a connection to the PBX is opened")


@scenario
def tls_sips(s):
    "a sips: request by TLS is answered with a sips: Contact, by UDP it is refused"
    anchor, peer, sock = by_tls(s)
    del sock
    answers = []
    plain = s.peer()

    def ask(who, scheme, to):
        call = []
        body = s.caller().sdp()

        def begin():
            owner = type("Owner", (), {
                "on_answered": lambda o, d, r: (d.ack(), answers.append(r)),
                "on_failed": lambda o, d, r: answers.append(r)})()
            who.endpoint.contact = who.endpoint.contact.replace("<sip:", "<%s:" % scheme)
            call.append(who.endpoint.invite(
                owner, "%s:700@%s:%d" % ((scheme,) + to), "<sip:1@pbx.example.com>",
                (("Referred-By", "<sip:1001@pbx.example.com>"),), body, dest=to))
        who.loop.call(begin)
        net.wait_for(lambda: answers, 5, "an answer")
        return answers.pop(), call[0]
    answer, dialog = ask(peer, "sips", (net.ANCHOR_TRUNK, 5061))
    equal(answer.status, 200, "by TLS")
    check(sip.uri_of(answer.get("Contact")).startswith("sips:"), answer.get("Contact"))
    anchor.wait_slot(701, "parked")
    peer.loop.call(dialog.bye)
    anchor.wait_slot(701, "free")
    equal(ask(plain, "sips", (net.ANCHOR_TRUNK, 5060))[0].status, 416, "by UDP")


@scenario
def tls_strangers(s):
    "with verify: all who has no certificate of ours gets no connection, and no call goes to one"
    other = ways.certificate(s.folder, "other", "192.0.2.253")
    anchor, peer, sock = by_tls(s, pbx_by=other, lot__timeout_s=1,
                                lot__recall={"ring_s": 2, "attempts": 1, "finally": "repeat"})
    answered = None
    try:
        answered = peer.options(2)
    except (queue.Empty, OSError):      # no answer, or the end of the connection
        pass
    equal(answered, None, "the answer to the stranger")
    plain = s.peer()
    plain.park("+4930123", s.caller())
    anchor.wait_slot(701, "parked")
    # the recall goes to a server whose certificate is another authority's
    net.wait_for(lambda: sock.refused, 10, "the connection is given up")
    anchor.wait_slot(701, "parked", 10)
    equal(peer.incoming.qsize(), 0, "calls that the stranger got")


@scenario
def tls_certificates_missing(s):
    "without certificates holdfastd says which file is missing, and without a key too"
    from lib.anchor import Anchor, config
    folder = os.path.join(s.folder, "empty")
    os.makedirs(folder)
    settings = config(sip__listen=["tls:%s:5061" % net.ANCHOR_TRUNK],
                      sip__tls={"certificates": folder})
    status, said = Anchor(s.stage, settings, start=False).run()
    equal(status, 1, "exit status")
    check("cannot read %s/agent.pem" % folder in said, said)
    one = ways.certificate(s.folder, "one", net.ANCHOR_TRUNK)
    tls_folder(s, "empty", stem=one)
    status, said = Anchor(s.stage, settings, start=False).run()
    equal(status, 1, "exit status")
    check("cannot read %s/cafile.pem" % folder in said and "verify: none" in said, said)
    tls_folder(s, "empty", stem=one, authority=one)
    shutil.copy(one + ".pem", os.path.join(folder, "agent.pem"))
    status, said = Anchor(s.stage, settings, start=False).run()
    equal(status, 1, "exit status")
    check("%s/agent.pem has no private key" % folder in said, said)


def add_ip6(s):
    s.stage.anchor.ip("-6", "addr", "add", ANCHOR6 + "/64", "dev", "trunk0", "nodad")
    s.stage.pbx.ip("-6", "addr", "add", PBX6 + "/64", "dev", "eth0", "nodad")


def peer6(s):
    return s.peer(sock=ways.Udp6(s.stage.pbx, PBX6, 5060), anchor=("[%s]" % ANCHOR6, 5060))


@scenario
def ip6(s):
    "by IPv6 a caller with media of IPv4 is parked, rung for and let go; restarts change nothing"
    add_ip6(s)
    anchor = s.anchor(sip__listen=["udp:[%s]:5060" % ANCHOR6,
                                   "udp:%s:5060" % net.ANCHOR_TRUNK],
                      sip__trusted=["2001:db8::/64"],
                      sip__outbound_proxy="sip:[%s]" % PBX6, lot__timeout_s=3)
    peer, caller, phone = peer6(s), s.caller(), s.phone()
    call = peer.park("+4930123", caller)
    equal(sip.host_of(sip.uri_of(call.answer.get("Contact"))), ("[%s]" % ANCHOR6, 5060),
          "our Contact")
    anchor.wait_slot(701, "parked")
    caller.wait_packets(5)
    anchor.kill()
    anchor.again()
    recall = peer.expect_call("1001", 15, phone)
    check("[%s]" % ANCHOR6 in recall.transaction.request.get("Via"), "Via is of IPv6")
    recall.accept()
    anchor.wait_slot(701, "free")
    recall.bye()
    call.wait("bye")


@scenario
def ip6_media(s):
    "an offer of IPv6 media is refused with 488 and a Warning that says so"
    anchor, peer = s.anchor(), s.peer()
    sdp = s.caller().sdp().replace("c=IN IP4 " + net.CALLER, "c=IN IP6 2001:db8::99")
    call = peer.call("700", "+4930123", sdp=sdp, referred_by="1001")
    equal(call.status(), 488, "the answer")
    equal(call.answer.get("Warning"),
          '399 park.example.com "IPv6 media is not supported"', "Warning")
    equal(anchor.calls(), [], "calls")


@scenario
def ip6_media_taken(s):
    "a caller of IPv6 hears music, also after a kill, and talks with a phone of IPv4 that picks up"
    add_ip6(s)
    s.stage.caller.ip("-6", "addr", "add", CALLER6 + "/64", "dev", "eth0", "nodad")
    anchor = s.anchor(
        sip__trusted=[net.PBX],
        media__addresses=[{"address": net.ANCHOR_TRUNK, "interface": "trunk0"},
                          {"address": net.ANCHOR_OFFICE, "interface": "office0"},
                          {"address": ANCHOR6, "interface": "trunk0"}])
    peer, phone = s.peer(), s.phone()
    caller = ua.Media(s.stage, s.stage.caller, CALLER6)
    call = peer.park("+4930123", caller)
    check("c=IN IP6 " + ANCHOR6 in call.answer.body, call.answer.body)
    equal(caller.dest[0], ANCHOR6, "where the caller sends to")
    caller.wait_packets(20)             # says nothing itself: paced
    anchor.kill()
    caller.wait_packets(20, since=caller.received[-1][0])
    anchor.again()
    anchor.wait_slot(701, "parked")
    caller.play()
    caller.wait_packets(20, since=caller.received[-1][0])
    picked = peer.call("701", "1002", phone)
    equal(picked.status(), 200, "the answer to the pick-up")
    phone.play()
    caller.wait_packets(30, match=ua.from_media(phone))
    phone.wait_packets(30, match=ua.from_media(caller))
    call.bye()
    picked.wait("bye")


@scenario
def ip6_nat(s):
    "of IPv6 behind 1:1 NAT the outer address is named, and media is learned in media.allow alone"
    add_ip6(s)
    outer, nowhere, stranger = "2001:db8:ff::7", "2001:db8::99", "2001:db8::66"
    s.stage.pbx.ip("-6", "addr", "add", stranger + "/64", "dev", "eth0", "nodad")
    anchor = s.anchor(
        sip__listen=["udp:[%s]:5060" % ANCHOR6], sip__trusted=["2001:db8::/64"],
        sip__outbound_proxy="sip:[%s]" % PBX6, media__nat=True, media__allow=[PBX6 + "/128"],
        media__addresses=[{"address": net.ANCHOR_TRUNK, "interface": "trunk0"},
                          {"address": ANCHOR6, "interface": "trunk0", "advertise": outer}])
    peers = peer6(s), s.peer(sock=ways.Udp6(s.stage.pbx, stranger, 5060),
                             anchor=("[%s]" % ANCHOR6, 5060))
    heard = []
    for peer, address in zip(peers, (PBX6, stranger)):
        media = ua.Media(s.stage, s.stage.pbx, address)
        call = peer.call("700", "+4930123", referred_by="1001", sdp=media.sdp(address=nowhere))
        equal(call.status(), 200, "the answer")
        check("c=IN IP6 " + outer in call.answer.body, call.answer.body)
        media.towards(call.answer.body)
        media.dest = (ANCHOR6, media.dest[1])   # as the router does
        media.play()
        heard.append(media)
    heard[0].wait_packets(20, 10)
    net.wait_for(lambda: anchor.ctl("stats")["counters"]["drop_source"] > 50, 10,
                 "the stranger's packets are refused")
    equal(heard[1].count(), 0, "packets to the stranger")


@scenario
def two_networks(s):
    "with an address in each of two networks each peer is told the one on its side"
    both = ["udp:%s:5060" % net.ANCHOR_TRUNK, "udp:%s:5060" % net.ANCHOR_OFFICE]
    anchor = s.anchor(sip__listen=both, sip__trusted=[net.PBX, net.PHONE_A],
                      sip__outbound_proxy="sip:%s" % net.PHONE_A, lot__timeout_s=1)
    trunk = s.peer()
    office = s.peer(address=net.PHONE_A, namespace=s.stage.phone_a,
                    anchor=(net.ANCHOR_OFFICE, 5060))
    caller, phone = s.caller(), s.phone()
    call = trunk.park("+4930123", caller)
    equal(sip.host_of(sip.uri_of(call.answer.get("Contact")))[0], net.ANCHOR_TRUNK,
          "Contact in the trunk")
    equal(caller.dest[0], net.ANCHOR_TRUNK, "SDP in the trunk")
    recall = office.expect_call("1001", 10, phone)
    request = recall.transaction.request
    equal(sip.host_of(sip.uri_of(request.get("Contact")))[0], net.ANCHOR_OFFICE,
          "Contact in the office")
    check(net.ANCHOR_OFFICE in request.get("Via"), request.get("Via"))
    equal(phone.dest[0], net.ANCHOR_OFFICE, "SDP in the office")
    recall.accept()
    anchor.wait_slot(701, "free")
    call.bye()
    recall.wait("bye")


@scenario
def one_to_one_nat(s):
    "behind 1:1 NAT who is outside is told the outer address, who is inside the inner, also after a restart"
    anchor = s.anchor(
        sip__nat=[{"address": net.ANCHOR_TRUNK, "advertise": OUTER, "inside": [net.PHONE_A]}],
        sip__trusted=[net.PBX, net.PHONE_A], lot__timeout_s=3,
        sip__outbound_proxy="sip:%s" % net.PHONE_A,
        media__addresses=[{"address": net.ANCHOR_TRUNK, "interface": "trunk0",
                           "advertise": OUTER, "inside": ["198.51.100.0/24"]}])
    outside = s.peer(sock=ways.Routed(s.stage.pbx, net.PBX, 5060, OUTER, net.ANCHOR_TRUNK))
    inside = s.peer(address=net.PHONE_A, namespace=s.stage.phone_a)
    call = outside.park("+4930123", s.caller())
    equal(sip.host_of(sip.uri_of(call.answer.get("Contact")))[0], OUTER, "Contact outside")
    check("c=IN IP4 " + OUTER in call.answer.body, call.answer.body)
    anchor.wait_slot(701, "parked")
    anchor.kill()
    anchor.again()
    phone = s.phone()
    recall = inside.expect_call("1001", 15, phone)
    request = recall.transaction.request
    equal(sip.host_of(sip.uri_of(request.get("Contact")))[0], net.ANCHOR_TRUNK,
          "Contact inside")
    check("c=IN IP4 " + net.ANCHOR_TRUNK in request.body, request.body)
    check(OUTER in request.get("Via"), "Via names the outer address: " + request.get("Via"))
    recall.accept()
    anchor.wait_slot(701, "free")
    again = call.reinvite(s.caller().sdp(version=2))
    equal(sip.host_of(sip.uri_of(again.get("Contact")))[0], OUTER,
          "Contact in the call that was taken up")
    recall.bye()
    call.wait("bye")


if __name__ == "__main__":
    raise SystemExit(main())
