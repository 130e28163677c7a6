#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who gets a slot, who gets a call, and who is refused, and how."""
from lib import ua
from lib.net import Failed
from lib.testing import check, equal, main, scenario

OUTSIDE, OUTSIDE_2 = "4930111111", "4930222222"


def hears_hold(media, since=0.0):
    media.wait_packets(10, 3, since)


@scenario
def empty_slot_is_404(s):
    "an empty slot that is dialled gives 404 and parks nobody"
    anchor, peer = s.anchor(), s.peer()
    call = peer.call("702", "1002", s.phone())
    equal(call.status(), 404, "the answer")
    call = peer.call("*88702", "1002", s.phone())
    equal(call.status(), 404, "the answer to the pick-up prefix")
    equal(anchor.calls(), [], "the call list")


@scenario
def every_name_of_a_slot(s):
    "each way to name a slot parks there, call show says by which rule, and a header brings the park time"
    anchor, peer = s.anchor(lot__slots="701-720", lot__on_empty="reserve",
                            lot__recall={"ring_s": 30, "attempts": 1, "finally": "repeat"}), s.peer()
    ways = (("700", "", 701, "park-transfer"), ("702", "", 702, "slot-transfer"),
            ("*68703", "", 703, "park-only"), ("park+704", "", 704, "park-only"),
            ("callpark", ";orbit=705", 705, "park-only"), ("700", ";orbit=706", 706, "park-only"))
    for to, params, slot, rule in ways:
        peer.park(OUTSIDE, s.caller(), to=to, params=params)
        number = anchor.wait_slot(slot, "parked")["call"]
        equal(anchor.ctl("call", "show", str(number))["rule"], rule, "the rule for %s%s" % (to, params))
        check("rule " + rule in anchor.process.text(), "the log does not name " + rule)
    consult = peer.call("710", "1002", s.phone())
    equal(consult.status(), 200, "the answer to a colleague who dials an empty slot")
    number = anchor.wait_slot(710, "reserved")["call"]
    equal(anchor.ctl("call", "show", str(number))["rule"], "slot-reserve", "the rule for 710")
    peer.park(OUTSIDE_2, s.caller(), to="*68711", headers=[("X-Holdfast-Park-Time", "1")])
    peer.expect_call("1001", 10)
    states = {n: v["state"] for n, v in anchor.slots().items() if v["call"]}
    equal([n for n, state in states.items() if state == "recalling"], ["711"], "what rings back")


@scenario
def taken_slot_is_486_for_a_dialler(s):
    "a dialler who asks to park in a taken slot gets 486 and the parked call stays"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE, caller, to="*68701")
    anchor.wait_slot(701, "parked")
    call = peer.call("*68701", "1002", s.phone())
    equal(call.status(), 486, "the answer")
    equal(anchor.slot(701)["state"], "parked", "the slot")
    hears_hold(caller)


@scenario
def full_lot_is_486_for_a_dialler(s):
    "a dialler gets 486 from a full lot"
    anchor, peer = s.anchor(lot__slots="701-702"), s.peer()
    for _ in range(2):
        peer.park(OUTSIDE, s.caller())
    anchor.wait_slot(702, "parked")
    call = peer.call("700", "1002", s.phone())
    equal(call.status(), 486, "the answer")


@scenario
def transferred_into_a_full_lot(s):
    "a caller transferred into a full lot is answered, hears music, and the parker is rung at once"
    anchor, peer = s.anchor(lot__slots="701-701"), s.peer()
    peer.park(OUTSIDE, s.caller())
    anchor.wait_slot(701, "parked")
    second = s.caller()
    call = peer.park(OUTSIDE_2, second, parker="1001")
    hears_hold(second)
    recall = peer.expect_call("1001", 3, media=s.phone())
    check(not call.happened("bye"), "the caller was hung up on")
    phone = recall.media
    recall.accept()
    recall.wait("ack")
    phone.play()
    second.wait_packets(5, 3, match=ua.from_media(phone))


@scenario
def transferred_to_a_taken_slot(s):
    "a caller transferred to a taken slot gets the next free one, never the other caller"
    anchor, peer = s.anchor(), s.peer()
    first, second = s.caller(), s.caller()
    peer.park(OUTSIDE, first, to="701")
    anchor.wait_slot(701, "parked")
    first.play()
    peer.park(OUTSIDE_2, second, to="701")
    anchor.wait_slot(702, "parked")
    second.play()
    hears_hold(first)
    hears_hold(second)
    for who, other in ((first, second), (second, first)):
        check(not any(ua.from_media(other)(d) for _, d in who.received),
              "two outside callers heard each other")
    equal(anchor.slot(701)["caller_number"], OUTSIDE, "the caller in 701")


@scenario
def outsider_may_not_retrieve(s):
    "an outside caller who dials an occupied slot does not get the call"
    anchor, peer = s.anchor(), s.peer()
    parked = s.caller()
    peer.park(OUTSIDE, parked)
    anchor.wait_slot(701, "parked")
    parked.play()
    for number in "701", "*88701":
        stranger = s.caller()
        call = peer.call(number, OUTSIDE_2, stranger)
        equal(call.status(), 403, "the answer to " + number)
        check(not any(ua.from_media(parked)(d) for _, d in stranger.received),
              "two outside callers met")
    equal(anchor.slot(701)["state"], "parked", "the slot")


@scenario
def two_retrievers(s):
    "of two retrievers of one slot one wins and the other gets 486"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")
    a, b = s.phone(), s.phone()
    one = peer.call("701", "1001", a, ack=False)
    two = peer.call("701", "1002", b, ack=False)
    statuses = sorted((one.status(), two.status()))
    equal(statuses, [200, 486], "the answers")
    winner = one if one.status() == 200 else two
    winner.ack()
    winner.media.play()
    caller.wait_packets(5, 3, match=ua.from_media(winner.media))
    anchor.wait_slot(701, "free")


@scenario
def retriever_learns_the_caller(s):
    "the 200 of a pick-up says in P-Asserted-Identity who the caller is"
    anchor, peer = s.anchor(), s.peer()
    peer.park(OUTSIDE, s.caller(), display="Carla Caller")
    anchor.wait_slot(701, "parked")
    call = peer.call("701", "1002", s.phone())
    equal(call.status(), 200, "the answer")
    identity = call.answer.get("p-asserted-identity", "")
    check(OUTSIDE in identity and "Carla Caller" in identity,
          "P-Asserted-Identity is %r" % identity)


@scenario
def dialler_reserves_a_slot(s):
    "a colleague who dials the park number is told a slot and holds it"
    anchor, peer = s.anchor(), s.peer()
    call = peer.call("700", "1002", s.phone())
    equal(call.status(), 200, "the answer")
    told = "%s %s" % (call.answer.get("p-asserted-identity"), call.answer.get("contact"))
    check("701" in told, "the answer does not name the slot: " + told)
    anchor.wait_slot(701, "reserved")
    call.bye()
    anchor.wait_slot(701, "free")


@scenario
def untrusted_source_is_refused(s):
    "a peer that is not trusted is refused before anything else"
    anchor = s.anchor()
    from lib import net
    stranger = s.peer(address=net.CALLER, namespace=s.stage.caller)
    call = stranger.call("700", "1001", s.caller(), referred_by="1001")
    equal(call.status(), 403, "the answer")
    equal(anchor.calls(), [], "the call list")


@scenario
def late_offer_park(s):
    "a park without an offer gets one, and music after the answer in the ACK"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    call = peer.call("700", OUTSIDE, caller, referred_by="1001", sdp="",
                     ack_body=caller.sdp())
    equal(call.status(), 200, "the answer")
    check("m=audio" in (call.remote_sdp or ""), "the 200 carries no offer")
    anchor.wait_slot(701, "parked")
    hears_hold(caller)


@scenario
def nothing_in_common_is_488(s):
    "an offer with nothing that can be played is refused with 488"
    anchor, peer = s.anchor(), s.peer()
    call = peer.call("700", OUTSIDE, s.caller(), referred_by="1001",
                     sdp=s.caller().sdp(codecs=(18,), dtmf=None))
    equal(call.status(), 488, "the answer")
    equal(anchor.slot(701)["state"], "free", "the slot")


@scenario
def own_address_is_488(s):
    "an offer that names a media port of ours or a group is refused with 488"
    s.anchor()
    peer = s.peer()
    from lib import net
    caller = s.caller()
    # A PBX on this host may use our address, but not our ports.
    for address, port in (net.ANCHOR_TRUNK, 20050), ("224.0.0.5", 4000), \
            ("255.255.255.255", 4000):
        call = peer.call("700", OUTSIDE, caller, referred_by="1001",
                         sdp=caller.sdp(address=address, port=port))
        equal(call.status(), 488, "the answer for " + address)


@scenario
def codec_of_the_caller(s):
    "a caller that knows only A-law is parked and picked up in A-law"
    anchor, peer = s.anchor(), s.peer()
    caller, phone = s.caller(pt=8), s.phone(pt=8)
    peer.park(OUTSIDE, caller, sdp=caller.sdp(codecs=(8,)))
    anchor.wait_slot(701, "parked")
    hears_hold(caller)
    equal({d[1] & 0x7f for _, d in caller.received}, {8}, "payload types of the music")
    call = peer.call("701", "1002", phone)
    equal(call.status(), 200, "the answer")
    check("PCMA" in call.remote_sdp and " 0 " not in call.remote_sdp.split("m=audio")[1]
          .splitlines()[0] + " ", "the retriever was offered another codec: " + call.remote_sdp)
    phone.play()
    caller.wait_packets(5, 3, match=ua.from_media(phone))


@scenario
def options_are_answered(s):
    "OPTIONS is answered 200"
    s.anchor()
    equal(s.peer().options().status, 200, "the answer")


if __name__ == "__main__":
    raise SystemExit(main())
