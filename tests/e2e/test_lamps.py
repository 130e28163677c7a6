#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lamps: dialog, presence, call-info and lists, and the rules of RFC 6665."""
from lib import lamp, net
from lib.lamp import NS, Lamp
from lib.testing import check, equal, main, scenario

OUTSIDE = "4930111111"


def no_errors(*lamps):
    for l in lamps:
        equal(l.errors, [], "what xmllint says of the bodies")


def dialogs(message):
    return lamp.parts_of(message)[0].root.findall("d:dialog", NS)


@scenario
def lamp_follows_a_slot(s):
    "a lamp lights when a call is parked, says who waits, and goes out at the pick-up"
    s.anchor()
    peer = s.peer()
    l = Lamp(s.stage, "701", port=5070)
    first = l.wait_count(1)
    check("active" in first.get("subscription-state"), first.get("subscription-state"))
    equal(first.get("event"), "dialog", "Event")
    equal(lamp.parts_of(first)[0].root.get("version"), "0", "the first version")
    equal(len(dialogs(first)), 0, "dialogs of a free slot")
    peer.park(OUTSIDE, s.caller(), display="Carla '<&>' Caller")
    lit = l.wait_state("confirmed")
    d = dialogs(lit)[0]
    equal(lamp.parts_of(lit)[0].root.get("state"), "full", "a slot is always sent")
    equal(d.get("direction"), "recipient", "direction")
    equal(d.get("call-id"), None, "call-id with lamp_pickup: dial")
    remote = d.find("d:remote/d:identity", NS)
    equal(remote.get("display"), "Carla '<&>' Caller", "the caller's name")
    equal(remote.text, "sip:%s@pbx.example.com" % OUTSIDE, "the caller")
    equal(d.find("d:local/d:identity", NS).get("display"), "Sales", "the label")
    equal(d.find("d:local/d:target", NS).get("uri"), "sip:701@park.example.com", "what picks up")
    call = peer.call("701", "1002", s.phone())
    equal(call.status(), 200, "the pick-up")
    out = l.wait_state("")
    equal(dialogs(out)[0].find("d:state", NS).get("event"), "replaced", "how it ended")
    versions = [int(lamp.parts_of(m)[0].root.get("version")) for m in l.notifies]
    equal(versions, list(range(len(versions))), "the versions")
    cseqs = [m.cseq[0] for m in l.notifies]
    equal(cseqs, sorted(set(cseqs)), "the CSeqs")
    no_errors(l)


@scenario
def early_and_terminated(s):
    "lamp_state: early blinks while parked, lamp_idle: terminated says so of a free slot"
    s.anchor(lot__lamp_state="early", lot__lamp_idle="terminated")
    peer = s.peer()
    l = Lamp(s.stage, "701", port=5070)
    equal(dialogs(l.wait_count(1))[0].find("d:state", NS).text, "terminated", "a free slot")
    parked = peer.park(OUTSIDE, s.caller())
    l.wait_state("early")
    parked.bye()
    gone = l.wait_state("")
    equal(dialogs(gone)[0].find("d:state", NS).get("event"), "remote-bye", "how it ended")
    no_errors(l)


@scenario
def lamp_with_replaces(s):
    "with lamp_pickup: replaces the dialog of the lamp picks the call up"
    s.anchor(lot__lamp_pickup="replaces")
    peer = s.peer()
    l = Lamp(s.stage, "701", port=5070)
    peer.park(OUTSIDE, s.caller())
    d = dialogs(l.wait_state("confirmed"))[0]
    call = peer.call("701", "1002", s.phone(), headers=(("Replaces", "%s;to-tag=%s;from-tag=%s" % (
        d.get("call-id"), d.get("local-tag"), d.get("remote-tag"))),))
    equal(call.status(), 200, "INVITE with the Replaces that the lamp said")
    l.wait_state("")
    no_errors(l)


@scenario
def ring_back_blinks(s):
    "a lamp is early while the call rings back and confirmed before"
    s.anchor(lot__timeout_s=1, lot__recall={"ring_s": 5, "attempts": 1, "finally": "repeat"})
    peer = s.peer()
    l, p = Lamp(s.stage, "701", port=5070), Lamp(s.stage, "701", "presence", port=5071)
    peer.park(OUTSIDE, s.caller(), parker="1001")
    l.wait_state("confirmed")
    peer.expect_call("1001", 5).ring()
    l.wait_state("early")
    p.wait(lambda m: "Ringing back: 701 since" in m.body)
    no_errors(l, p)


@scenario
def private_caller(s):
    "a caller who wants privacy is anonymous on every lamp"
    s.anchor(lot__lamp_pickup="dial")
    peer = s.peer()
    lamps = [Lamp(s.stage, "701", port=5070), Lamp(s.stage, "700", port=5071),
             Lamp(s.stage, "701", "call-info", port=5072)]
    peer.park(OUTSIDE, s.caller(), display="Secret Caller", headers=(("Privacy", "id"),))
    for l in lamps:
        message = l.wait(lambda m: "anonymous@anonymous.invalid" in m.body)
        check(OUTSIDE not in message.body and "Secret" not in message.body, message.body)
    no_errors(*lamps)


@scenario
def presence_and_xpidf(s):
    "presence says on the phone and since when, as PIDF or as XPIDF"
    s.anchor()
    peer = s.peer()
    pidf = Lamp(s.stage, "701", "presence", port=5070, accept="application/pidf+xml")
    xpidf = Lamp(s.stage, "701", "presence", port=5071, accept="application/xpidf+xml")
    root = lamp.parts_of(pidf.wait_count(1))[0].root
    equal(root.find("p:tuple/p:status/p:basic", NS).text, "open", "basic of a free slot")
    equal(pidf.state(), "", "a free slot")
    parked = peer.park(OUTSIDE, s.caller())
    message = pidf.wait_state("on-the-phone")
    note = lamp.parts_of(message)[0].root.find("p:note", NS).text
    check(note.startswith("Parked: 701 since ") and len(note) == len("Parked: 701 since 10:42"),
          note)
    xpidf.wait(lambda m: 'substatus="onthephone"' in m.body)
    equal(xpidf.notifies[-1].get("content-type"), "application/xpidf+xml", "Content-Type")
    parked.bye()
    pidf.wait_state("")
    no_errors(pidf, xpidf)


@scenario
def call_info(s):
    "BroadWorks-mode phones get the call-park document, empty when the slot is free"
    s.anchor()
    peer = s.peer()
    l = Lamp(s.stage, "701", "call-info", port=5070,
             accept="application/x-broadworks-callpark-info+xml")
    first = lamp.parts_of(l.wait_count(1))[0]
    equal(first.kind, "application/x-broadworks-callpark-info+xml", "Content-Type")
    equal(len(first.root.find("b:callpark", NS)), 0, "what is in an empty callpark")
    peer.park(OUTSIDE, s.caller(), display="Carla")
    message = l.wait(lambda m: "parked" in m.body.replace("callpark", ""))
    identity = lamp.parts_of(message)[0].root.find("b:callpark/b:parked/b:identity", NS)
    equal((identity.get("display"), identity.text),
          ("Carla", "sip:%s@pbx.example.com" % OUTSIDE), "the identity")
    no_errors(l)


@scenario
def whole_lot(s):
    "one lamp for a whole lot says how many wait and who the longest, by partial state"
    s.anchor()
    peer = s.peer()
    l, p = Lamp(s.stage, "700", port=5070), Lamp(s.stage, "main", "presence", port=5071)
    equal(lamp.parts_of(l.wait_count(1))[0].root.get("state"), "full", "the first state")
    first = peer.park("4930111111", s.caller())
    l.wait_state("confirmed")
    peer.park("4930222222", s.caller())
    message = l.wait(lambda m: "2 waiting, oldest 701 since" in m.body)
    root = lamp.parts_of(message)[0].root
    equal((root.get("state"), [d.get("id") for d in root.findall("d:dialog", NS)]),
          ("partial", ["702"]), "the change")
    p.wait(lambda m: "2 waiting, oldest 701 since" in m.body)
    l.subscribe()
    full = l.wait(lambda m: m.time > message.time)
    root = lamp.parts_of(full)[0].root
    equal((root.get("state"), [d.get("id") for d in root.findall("d:dialog", NS)]),
          ("full", ["701", "702"]), "after a refresh")
    first.bye()
    p.wait(lambda m: "1 waiting, oldest 702 since" in m.body)
    left = l.wait(lambda m: m.time > full.time)
    equal([(d.get("id"), d.find("d:state", NS).text) for d in dialogs(left)],
          [("701", "terminated")], "the change")
    no_errors(l, p)


LISTS = {"lists": [{"name": "team-lamps", "entries": ["701-703", "main"]}]}


@scenario
def resource_list(s):
    "a list gives full state first, then what changed, in parts that fit a packet"
    s.anchor(lamps=LISTS)
    peer = s.peer()
    l = Lamp(s.stage, "team-lamps", port=5070, subscribe=False,
             headers=(("Supported", "eventlist"),),
             accept="application/dialog-info+xml, multipart/related, application/rlmi+xml")
    answer = l.subscribe()
    equal((answer.status, answer.get("require")), (200, "eventlist"), "the answer")
    seen = {}

    def complete():
        for m in list(l.notifies):
            parts = lamp.parts_of(m)
            equal(m.get("require"), "eventlist", "Require of the NOTIFY")
            by_cid = {p.cid: p for p in parts}
            equal(lamp.quoted(m, "start").strip("<>"), parts[0].cid, "start")
            for resource in parts[0].root.findall("r:resource", NS):
                for instance in resource.findall("r:instance", NS):
                    seen[resource.get("uri")] = by_cid[instance.get("cid")]
        return len(seen) == 4
    net.wait_for(complete, 5, "the state of all four")
    roots = [lamp.parts_of(m)[0].root for m in l.notifies]
    equal([r.get("fullState") for r in roots], ["true"] + ["false"] * (len(roots) - 1), "fullState")
    equal(len(roots[0].findall("r:resource", NS)), 4, "resources named in the first part")
    check(len(roots) > 1, "all in one packet")
    check(all(len(m.bytes()) < 2400 for m in l.notifies), "a part is too long")
    equal(sorted(seen), ["sip:%s@park.example.com" % n for n in ("700", "701", "702", "703")],
          "the resources")
    before = len(l.notifies)
    peer.park(OUTSIDE, s.caller())
    message = l.wait(lambda m: "confirmed" in m.body)
    parts = lamp.parts_of(message)
    uris = {r.get("uri") for r in parts[0].root.findall("r:resource", NS)}
    check(uris <= {"sip:701@park.example.com", "sip:700@park.example.com"}, uris)
    check(len(l.notifies) > before, "no NOTIFY")
    versions = [int(lamp.parts_of(m)[0].root.get("version")) for m in l.notifies]
    equal(versions, list(range(len(versions))), "the versions")
    no_errors(l)


@scenario
def numbers_that_mean_a_slot(s):
    "701, park+701, Park+701 and the pick-up prefix name one slot; the entity stays as asked"
    s.anchor()
    peer = s.peer()
    lamps = [Lamp(s.stage, n, port=5070 + i) for i, n in enumerate(
        ("701", "park+701", "Park+701", "*88701"))]
    peer.park(OUTSIDE, s.caller())
    for l in lamps:
        root = lamp.parts_of(l.wait_state("confirmed"))[0].root
        equal(root.get("entity"), "sip:%s@park.example.com" % l.number, "entity")
    no_errors(*lamps)


@scenario
def refusals(s):
    "what cannot be served is refused: 423, 489, 404, 403, 406, 421, 481, 405"
    s.anchor(lamps=LISTS, lot__may_watch=["100?@pbx.example.com"])

    def ask(number="701", **how):
        return Lamp(s.stage, number, subscribe=False, **how)
    r = ask(expires=20).subscribe()
    equal((r.status, r.get("min-expires")), (423, "60"), "a short interval")
    r = ask(event="message-summary").subscribe()
    equal((r.status, r.get("allow-events")), (489, "dialog, presence, call-info"), "another event")
    equal(ask(event="").subscribe().status, 489, "no Event")
    equal(ask("799").subscribe().status, 404, "an unknown number")
    equal(ask(user="1111").subscribe().status, 403, "who may not watch")
    equal(ask("team-lamps", user="1111", headers=(("Supported", "eventlist"),)).subscribe().status,
          403, "who may not watch all of a list")
    equal(ask(accept="application/cpim-pidf+xml").subscribe().status, 406, "another type")
    r = ask("team-lamps").subscribe()
    equal((r.status, r.get("require")), (421, "eventlist"), "a list without eventlist")
    l = ask()
    l.remote_tag = "none"
    equal(l.subscribe().status, 481, "an unknown dialog")
    r = ask(user="1111", headers=(("P-Asserted-Identity", "<sip:1002@pbx.example.com>"),))
    equal(r.subscribe().status, 200, "an asserted identity counts before From")
    r = ask(expires=999999).subscribe()
    equal((r.status, r.get("expires")), (200, "3600"), "a long interval")


@scenario
def ends(s):
    "Expires: 0 ends a subscription or fetches once; one that is not refreshed expires"
    anchor = s.anchor(lamps={"min_expires_s": 1})
    l = Lamp(s.stage, "701", port=5070)
    l.wait_count(1)
    equal(l.subscribe(expires=0).get("expires"), "0", "Expires of the answer")
    last = l.wait_count(2)
    equal(last.get("subscription-state"), "terminated;reason=timeout", "after Expires: 0")
    fetch = Lamp(s.stage, "701", port=5071, expires=0)
    equal(fetch.wait_count(1).get("subscription-state"), "terminated;reason=timeout", "a fetch")
    short = Lamp(s.stage, "701", port=5072, expires=1)
    equal(short.wait_count(2).get("subscription-state"), "terminated;reason=timeout", "the end")
    net.wait_for(lambda: anchor.ctl("subscription", "list") == [], 5, "no subscription is left")
    equal(l.subscribe().status, 481, "a refresh afterwards")
    equal([len(x.notifies) for x in (l, fetch, short)], [2, 1, 2], "NOTIFYs")
    no_errors(l, fetch, short)


@scenario
def lost_notify(s):
    "a phone that does not answer keeps its subscription, is counted, and then told the newest"
    anchor = s.anchor()
    peer = s.peer()
    l = Lamp(s.stage, "701", port=5070)
    l.wait_count(1)
    l.answer = None
    first = peer.park("4930111111", s.caller())
    l.wait_count(2)
    first.bye()
    anchor.wait_slot(701, "free")
    peer.park("4930222222", s.caller())
    anchor.wait_slot(701, "parked")
    equal(len(l.notifies), 2, "NOTIFYs under way at once")
    l.answer = 200
    message = l.wait(lambda m: "4930222222" in m.body, 8)
    equal(lamp.state_of(message), "confirmed", "the newest state")
    check("4930111111" in l.notifies[1].body, "the one that was lost")
    equal([x["failures"] for x in anchor.ctl("subscription", "list")], [0], "failures")
    no_errors(l)


@scenario
def refused_notify(s):
    "a NOTIFY answered 500 is tried again with all of the state, one answered 481 ends it"
    anchor = s.anchor()
    l = Lamp(s.stage, "701", port=5070)
    l.wait_count(1)
    l.answer = 500
    l.subscribe()
    l.wait_count(2)
    l.answer = 200
    l.wait_count(3)
    equal(anchor.ctl("status")["lamps"]["lost"], 1, "lost NOTIFYs")
    l.answer = 481
    l.subscribe()
    l.wait_count(4)
    net.wait_for(lambda: anchor.ctl("subscription", "list") == [], 5, "no subscription is left")
    no_errors(l)


@scenario
def coalesced(s):
    "many changes in a second are one NOTIFY with the last state, the first goes at once"
    s.anchor()
    peer = s.peer()
    l = Lamp(s.stage, "701", port=5070)
    l.wait_count(1)
    for i in range(5):
        parked = peer.park("49301111%02d" % i, s.caller())
        parked.bye()
    peer.park("4930999999", s.caller())
    l.wait(lambda m: "4930999999" in m.body)
    check(len(l.notifies) <= 4, "%d NOTIFYs" % len(l.notifies))
    check(l.notifies[1].time - l.notifies[0].time < 1, "the first change waited")
    no_errors(l)


@scenario
def over_tcp(s):
    "a phone on TCP has its lamps, and a list comes in one piece"
    s.anchor(lamps={"lists": [{"name": "all", "entries": ["701-705"]}]})
    l = Lamp(s.stage, "all", transport="tcp", headers=(("Supported", "eventlist"),))
    parts = lamp.parts_of(l.wait_count(1))
    equal(len(parts), 6, "parts of the body")
    no_errors(l)


if __name__ == "__main__":
    raise SystemExit(main())
