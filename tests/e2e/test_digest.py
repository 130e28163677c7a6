#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Digest, both ways: who is not trusted proves who it is, and Holdfast does
where it is asked."""
import re

from lib import digest, net
from lib.digest import params, response
from lib.testing import check, equal, main, scenario

REALM = "park.example.com"
USERS = {"users": [{"name": "desk", "password": "wide open",
                    "identity": "sip:1005@pbx.example.com"},
                   {"name": "stranger", "password": "x"}]}


def credentials(challenge, method, uri, user="desk", password="wide open", **how):
    return digest.credentials(challenge, method, uri, user, password, **how)


def stranger(s):
    """A peer that is not in sip.trusted."""
    return s.peer(address=net.CALLER2, namespace=s.stage.party("caller2", net.CALLER2))


URI = "sip:%s@" + "%s:5060" % net.ANCHOR_TRUNK


def ask(peer, to, media, algorithm="MD5", **how):
    """Call without and then with credentials: (the challenges, the call)."""
    first = peer.call(to, "1234", media, asserted=False)
    equal(first.status(), 401, "the answer without credentials")
    challenges = {params(c)["algorithm"]: c for c in first.answer.all("www-authenticate")}
    equal(list(challenges), ["SHA-256", "MD5"], "the hashes offered, the better one first")
    value = credentials(challenges[algorithm], "INVITE", URI % to, algorithm=algorithm, **how)
    return challenges, peer.call(to, "1234", media, asserted=False,
                                 headers=[("Authorization", value)]), value


@scenario
def digest_in(s):
    "who is not trusted is asked, and with the password is whom the configuration says, by either hash"
    anchor = s.anchor(sip__digest=USERS)
    pbx, peer = s.peer(), stranger(s)
    for algorithm in ("MD5", "SHA-256"):
        parked = pbx.park("+4930123", s.caller())
        anchor.wait_slot(701, "parked")
        phone = s.phone()
        _, call, _ = ask(peer, "701", phone, algorithm)
        equal(call.status(), 200, "the answer with credentials by " + algorithm)
        anchor.wait_slot(701, "free")
        # 1005 picked it up, although From said 1234
        check("1005" in str(anchor.calls()), anchor.calls())
        check("+4930123" in (call.answer.get("P-Asserted-Identity") or ""),
              "who waited is told to the user")
        call.bye()
        parked.wait("bye")


@scenario
def digest_rights(s):
    "a user whose identity may not retrieve gets 403, and transfer marks of users are not believed"
    anchor = s.anchor(sip__digest=USERS)
    pbx, peer = s.peer(), stranger(s)
    pbx.park("+4930123", s.caller())
    anchor.wait_slot(701, "parked")
    _, call, _ = ask(peer, "701", s.phone(), user="stranger", password="x")
    equal(call.status(), 403, "the answer")
    anchor.wait_slot(701, "parked")


@scenario
def digest_refused(s):
    "a wrong password, a nonce of others and a request heard once are refused, a high count is not"
    anchor = s.anchor(sip__digest=USERS)
    peer, media = stranger(s), s.phone()
    challenges, call, value = ask(peer, "700", media, password="wide shut")
    equal(call.status(), 401, "a wrong password")
    check("stale" not in call.answer.get("www-authenticate"), "it is not called stale")
    _, call, value = ask(peer, "700", media)
    equal(call.status(), 200, "the right one")
    call.bye()

    def again(value):
        call = peer.call("700", "1234", media, asserted=False,
                         headers=[("Authorization", value)])
        return call
    call = again(value)
    equal(call.status(), 401, "the same once more")
    check("stale=true" in call.answer.get("www-authenticate"), "it may try anew")
    for nc, want in ((7, 200), (3, 200), (3, 401), (7, 401), (8, 200), (1000, 200), (9, 401)):
        # one nonce, its counts in an order of the network's
        call = again(credentials(value.replace("algorithm=MD5", ""), "INVITE", URI % "700", nc=nc))
        equal(call.status(), want, "count %d" % nc)
        if want == 200:
            call.bye()
    made_up = re.sub('nonce="[^"]*"', 'nonce="%s"' % ("0" * 64), challenges["MD5"])
    call = again(credentials(made_up, "INVITE", URI % "700"))
    equal(call.status(), 401, "a nonce that we did not make")
    # for one number is not for another
    fresh, _, _ = ask(peer, "700", media, password="no")
    call = again(credentials(fresh["MD5"], "INVITE", URI % "701"))
    equal(call.status(), 401, "credentials for another number")
    net.wait_for(lambda: anchor.calls() == [], 5, "the call list is empty")


@scenario
def digest_restart(s):
    "a nonce from before a restart is stale, not wrong"
    anchor = s.anchor(sip__digest=USERS)
    peer, media = stranger(s), s.phone()
    challenges, call, _ = ask(peer, "700", media, password="no")
    anchor.kill()
    anchor.again()
    value = credentials(challenges["MD5"], "INVITE", URI % "700")
    call = peer.call("700", "1234", media, asserted=False, headers=[("Authorization", value)])
    equal(call.status(), 401, "the answer")
    check("stale=true" in call.answer.get("www-authenticate"), "it may try anew")


ACCOUNTS = {"accounts": [{"realm": "elsewhere", "name": "no", "password": "no"},
                         {"name": "holdfast", "password": "of course"}]}
CHALLENGE = 'Digest realm="pbx", nonce="n%d", qop="auth,auth-int", algorithm=%s, opaque="o"'


def refuse(call, status=407, number=1, algorithms=("MD5",), extra=""):
    name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
    headers = [(name, CHALLENGE % (number, a) + extra) for a in algorithms]
    call.peer.loop.call(call.transaction.respond, status, None, headers)


def proves(request, header, algorithm, nonce):
    value = request.get(header)
    check(value, "the request has %s" % header)
    p = params(value)
    equal((p["username"], p["realm"], p["nonce"], p["opaque"], p["algorithm"]),
          ("holdfast", "pbx", nonce, "o", algorithm), "what it says")
    equal(p["response"], response(algorithm, "holdfast", "of course", request.method,
                                  request.uri, p), "the response")
    equal(p["uri"], request.uri, "the URI it is for")


@scenario
def digest_out(s):
    "a recall that is asked who calls answers by the best hash, also when its nonce has grown old"
    anchor = s.anchor(sip__digest=ACCOUNTS, lot__timeout_s=1)
    peer, phone = s.peer(), s.phone()
    parked = peer.park("+4930123", s.caller())
    first = peer.expect_call("1001", 10)
    equal(first.transaction.request.get("Proxy-Authorization"), None, "before it is asked")
    refuse(first, algorithms=("MD5", "SHA-256"))
    second = peer.expect_call("1001", 10)
    request = second.transaction.request
    proves(request, "Proxy-Authorization", "SHA-256", "n1")
    equal(request.call_id, first.transaction.request.call_id, "the Call-ID")
    equal(request.cseq[0], first.transaction.request.cseq[0] + 1, "the CSeq")
    equal(request.body, first.transaction.request.body, "the offer")
    refuse(second, number=2, extra=", stale=true")
    third = peer.expect_call("1001", 10, phone)
    proves(third.transaction.request, "Proxy-Authorization", "MD5", "n2")
    third.accept()
    anchor.wait_slot(701, "free")
    third.bye()
    parked.wait("bye")


@scenario
def digest_out_refused(s):
    "a password that is refused is not sent again: the recall has failed and the caller waits on"
    anchor = s.anchor(sip__digest=ACCOUNTS, lot__timeout_s=1,
                      lot__recall={"ring_s": 5, "attempts": 1, "finally": "hang_up"})
    peer = s.peer()
    parked = peer.park("+4930123", s.caller())
    refuse(peer.expect_call("1001", 10), 401)
    refuse(peer.expect_call("1001", 10), 401, number=2)
    parked.wait("bye", 10)
    equal(peer.incoming.qsize(), 0, "calls besides")
    equal(anchor.calls(), [], "calls")


@scenario
def digest_out_message(s):
    "a MESSAGE to a parker that is asked who sends it answers too"
    s.anchor(sip__digest=ACCOUNTS, lot__message_parker=True)
    peer = s.peer()
    peer.endpoint.ask_messages = [("WWW-Authenticate", CHALLENGE % (1, "MD5"))]
    peer.park("+4930123", s.caller(), display="Alice")
    net.wait_for(lambda: len(peer.endpoint.messages) == 2, 10, "the MESSAGE and the one that proves it")
    first, second = peer.endpoint.messages
    equal(first.get("Authorization"), None, "before it is asked")
    proves(second, "Authorization", "MD5", "n1")
    equal(second.call_id, first.call_id, "the Call-ID")
    equal(second.body, first.body, "the text")
    check("Parked at 701: Alice" in second.body, second.body)


@scenario
def digest_out_restored(s):
    "in a call that was taken up after a restart a request that is asked who sends it answers too"
    anchor = s.anchor(sip__digest=ACCOUNTS)
    peer = s.peer()
    parked = peer.park("+4930123", s.caller())
    anchor.wait_slot(701, "parked")
    anchor.kill()
    anchor.again()
    updates = []

    def update(dialog, transaction):
        del dialog
        updates.append(transaction.request)
        if len(updates) == 1:
            transaction.respond(401, None, [("WWW-Authenticate", CHALLENGE % (1, "MD5"))])
        else:
            transaction.respond(200)
        return True
    parked.on_reinvite = update
    retriever = peer.call("701", "1002", s.phone())
    equal(retriever.status(), 200, "the answer to who picks up")
    net.wait_for(lambda: len(updates) == 2, 10, "a second UPDATE")
    equal(updates[1].method, "UPDATE", "what it is")
    proves(updates[1], "Authorization", "MD5", "n1")
    equal(updates[1].cseq[0], updates[0].cseq[0] + 1, "its CSeq")
    retriever.bye()
    parked.wait("bye")
    equal(anchor.calls(), [], "calls")


if __name__ == "__main__":
    raise SystemExit(main())
