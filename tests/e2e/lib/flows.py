# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways in which calls are parked, picked up, recalled, transferred and
parked again, each played once behind every exchange (exchange.py).

A flow is a function with a sentence; `o` is the office.
"""
from . import net, ua
from .exchange import CARLA, DORA
from .testing import check, equal

RECALL = {"ring_s": 8, "attempts": 1, "fallback": ["sip:1003@pbx.example.com"],
          "finally": "repeat"}
FLOWS = []


def flow(number, **settings):
    """Settings are those of the anchor, as in anchor.config()."""
    def add(function):
        function.number, function.settings = number, settings
        FLOWS.append(function)
        return function
    return add


def told_slot(line, slot):
    """What the phone can show: Contact and identity of the answer."""
    text = " ".join([line.answer.get("contact", "")] + line.identities)
    check(slot in text, "the answer does not name slot %s: %s" % (slot, text))


@flow("i")
def blind_transfer(o):
    "a caller transferred blind to the park number waits with music, and the transferor is released"
    line, agent = o.connected()
    agent.transfer("700")
    agent.released()
    slot = o.anchor.wait_slot(701, "parked", 8)
    equal(slot["caller_number"], CARLA, "the caller in 701")
    if o.exchange.marks:
        check("1001" in slot["parker"], "the parker is %r" % slot["parker"])
    o.hears_music(line)
    check((line.sent_on or line).dialog.state == "confirmed", "the caller was let go")


@flow("ii", lot__reserve_s=2)
def attended_transfer(o):
    "an agent who dials the park number is told the slot and completes the transfer into it"
    line, agent = o.connected()
    agent.hold()
    consult = o.anna.call("700").talk()
    told_slot(consult, "701")
    o.anchor.wait_slot(701, "reserved")
    number = o.anchor.slot(701)["call"]
    agent.transfer_to(consult)
    agent.released()
    consult.released()
    slot = o.anchor.wait_slot(701, "parked", 8)
    equal(slot["call"], number, "the call in 701")
    check("1001" in slot["parker"], "the parker is %r" % slot["parker"])
    if o.exchange.identifies:
        equal(slot["caller_number"], CARLA, "the caller in 701")
    o.hears_music(line)
    talk = o.picked_up(o.bob)
    talk.hears(line)
    line.hears(talk)


@flow("iii", lot__reserve_s=2)
def reserved(o):
    "a slot dialled for is freed by hanging up, and kept with its leg when the lease ends"
    consult = o.anna.call("700").talk()
    told_slot(consult, "701")
    o.anchor.wait_slot(701, "reserved")
    consult.hang_up()
    o.anchor.wait_slot(701, "free")
    consult = o.anna.call("700").talk()
    slot = o.anchor.wait_slot(701, "parked", 8)
    check("1001" in slot["parker"], "the parker is %r" % slot["parker"])
    check(not consult.happened("bye"), "the lease has hung up")
    o.hears_music(consult)


@flow("iv")
def pick_up(o):
    "who dials the slot talks to the caller and sees who it is; an outsider and an empty slot get nothing"
    line = o.parked()
    stranger = o.dora.call("701")
    check(stranger.status(8) in (403, 480), "an outsider was answered %s" % stranger.status())
    agent = o.picked_up(o.bob)
    agent.hears(line)
    line.hears(agent)
    check(any(CARLA in who and "Carla" in who for who in agent.identities),
          "the retriever was told %s" % agent.identities)
    o.anchor.wait_slot(701, "free")
    late = o.cid.call("701")
    equal(late.status(8), 404, "the answer to who dials the empty slot")
    equal([c["state"] for c in o.anchor.calls()], ["relay"], "the calls")


@flow("v", lot__lamp_pickup="replaces")
def safe_retrieve(o):
    "the call seen on a lamp is picked up, and no other: not one that has gone or is not known"
    line = o.parked()
    seen = o.lamp(o.bob, "701")
    if o.exchange.consumes:
        # The phone's Replaces ends at the PBX: it has no such dialog.
        wrong = o.bob.call("701", [("Replaces", seen)])
        check(wrong.status(8) in (481, 200), "Replaces was answered %s" % wrong.status())
        if wrong.status() == 200:
            wrong.talk()
            wrong.hears(line)
            return
        equal(o.anchor.slot(701)["state"], "parked", "the slot")
        agent = o.picked_up(o.bob)
    else:
        stale = o.cid.call("701", [("Replaces", seen.replace("to-tag=", "to-tag=not"))])
        equal(stale.status(8), 481, "the answer to a dialog that has gone")
        stranger = o.dora.call("701", [("Replaces", seen)])
        equal(stranger.status(8), 403, "the answer to an outsider")
        agent = o.picked_up(o.bob, headers=[("Replaces", seen)])
    agent.hears(line)
    line.hears(agent)
    o.anchor.wait_slot(701, "free")


@flow("vi", lot__timeout_s=1, lot__recall=RECALL)
def recall(o):
    "nobody comes: the parker is rung, then the fallback, which answers; the caller has music until then"
    line = o.parked()
    if o.exchange.marks:
        ringing = o.anna.rings()
        request = ringing.transaction.request
        text = "%s %s" % (request.get("from"), request.get("p-asserted-identity"))
        check(CARLA in text and "701" in text, "the ring-back says " + text)
        ringing.ring()
        o.hears_music(line)
        ringing.reject(486)
    ringing = o.cid.rings()
    ringing.ring()
    number = o.anchor.wait_slot(701, "recalling")["call"]
    if not o.exchange.marks:    # then nobody can know whom to ring, and that is said
        net.wait_for(lambda: "no usable parker" in
                     str(o.anchor.ctl("history", "show", str(number))), 5,
                     lambda: "the record says why the parker was not rung: %s" %
                     o.anchor.ctl("history", "show", str(number)))
    ringing.accept()
    ringing.hears(line)
    line.hears(ringing)
    o.anchor.wait_slot(701, "free")


@flow("vi", lot__timeout_s=1, lot__recall=RECALL)
def fetched_while_it_rings(o):
    "a call that rings back can still be picked up, and the ringing ends"
    line = o.parked()
    ringing = (o.anna if o.exchange.marks else o.cid).rings()
    ringing.ring()
    o.anchor.wait_slot(701, "recalling")
    agent = o.picked_up(o.bob)
    ringing.wait("cancel")
    agent.hears(line)
    line.hears(agent)


@flow("vii", lot__timeout_s=1, lot__recall=RECALL)
def caller_hangs_up(o):
    "a caller who hangs up while waiting frees the slot and stops the ringing"
    line = o.parked()
    ringing = (o.anna if o.exchange.marks else o.cid).rings()
    ringing.ring()
    o.anchor.wait_slot(701, "recalling")
    line.hang_up()
    ringing.wait("cancel")
    o.nothing_left()
    o.hears_no_more(line)


@flow("viii")
def park_again(o):
    "a picked-up call that is transferred to the park number again waits in its old slot under its old number"
    line = o.parked("*68703", 703)
    number = o.anchor.slot(703)["call"]
    agent = o.picked_up(o.bob, "703")
    agent.hears(line)
    agent.transfer("700")
    agent.released()
    if o.exchange.hides_loops:
        number = None
    slot = net.wait_for(lambda: next((l for l in o.anchor.slots().values() if
                                      l["state"] == "parked" and
                                      number in (None, l["call"])), None), 8,
                        "the call waits again; there are %s" % o.anchor.calls())
    if number:
        equal(slot["slot"], "703", "the slot")
        equal([c["call"] for c in o.anchor.calls()], [number], "the calls")
    equal(slot["caller_number"], CARLA, "the caller")
    check("1002" in (slot["parker"] or "") or not o.exchange.marks,
          "the parker is %r" % slot["parker"])
    o.hears_music(line)
    again = o.picked_up(o.cid, slot["slot"])
    again.hears(line)
    line.hears(again)


@flow("ix")
def offers_while_parked(o):
    "a parked caller may hold, resume and change the codec: music stops, comes back, follows"
    line = o.parked()
    o.hears_music(line)
    for direction in "sendonly", "inactive":
        line.hold(direction)
        o.hears_no_more(line)
        line.resume()
        o.hears_music(line)
    answer = line.reinvite(line.media.sdp(codecs=(8,), version=50))
    equal(answer.status, 200, "the answer to another codec")
    o.hears_music(line)
    equal(line.media.received[-1][1][1] & 0x7f, 8, "the payload type of the music")
    equal(o.anchor.slot(701)["state"], "parked", "the slot")


@flow("x")
def late_offers(o):
    "calls without an offer are parked and picked up; the answers come in the ACKs"
    line = o.carla.call("700", sdp="")
    line.talk()
    o.anchor.wait_slot(701, "parked", 8)
    o.hears_music(line)
    agent = o.picked_up(o.bob, sdp="")
    agent.hears(line)
    line.hears(agent)


@flow("xi", lot__timeout_s=1, lot__recall=RECALL)
def early_media(o):
    "a call that nobody has answered is answered when it is parked, and no early media of a ring-back is heard"
    line = o.carla.call("700")
    line.talk()
    check(not any(m.status == 183 for _, k, m in line.history if k == "progress"),
          "a 183 came before the answer")
    ringing = o.cid.rings()
    ringing.loop_call(ringing.transaction.respond, 183, None, (), ringing.media.sdp())
    ringing.media.towards(ringing.transaction.request.body or line.media.sdp())
    ringing.media.play()
    o.hears_music(line)
    match = ua.from_media(ringing.media)
    check(not any(match(d) for _, d in line.media.received), "early media was heard")
    ringing.accept()
    line.hears(ringing)


@flow("xii")
def glare(o):
    "offers from both sides at once, UPDATE and a reliable provisional leave the call as it was"
    line = o.parked()
    agent = o.picked_up(o.bob)
    agent.hears(line)
    answers = [line.begin_reinvite(), agent.begin_reinvite()]
    for answer in answers:
        status = answer()
        check(status in (200, 491, 500), "a crossing re-INVITE was answered %s" % status)
    # 491 as long as an offer of the crossing waits for its end.
    net.wait_for(lambda: agent.request("UPDATE").status == 200, 5,
                 "an UPDATE without an offer is answered 200")
    agent.hold()
    o.hears_music(line)
    agent.resume()
    agent.hears(line)
    line.hears(agent)


@flow("xii", lot__timeout_s=1, lot__recall=RECALL)
def reliable_ringing(o):
    "a ring-back whose ringing is told reliably is acknowledged by PRACK and answered"
    line = o.parked()
    ringing = (o.anna if o.exchange.marks else o.cid).rings()
    o.ring_reliably(ringing)
    ringing.accept()
    ringing.hears(line)
    line.hears(ringing)


@flow("xiii")
def after_the_pick_up(o):
    "a picked-up call is held, resumed, transferred and hung up like any other"
    line = o.parked()
    agent = o.picked_up(o.bob)
    agent.hears(line)
    agent.hold()
    o.hears_music(line)
    agent.resume()
    line.hears(agent)
    agent.transfer("1003")
    target = o.cid.rings().accept()
    agent.released()
    target.hears(line)
    line.hears(target)
    line.hold()
    line.resume()
    target.hears(line)
    target.hang_up()
    line.released()


@flow("xiii")
def swapped(o):
    "a picked-up call is transferred attended, and the colleague talks to the caller"
    line = o.parked()
    agent = o.picked_up(o.bob)
    agent.hears(line)
    agent.hold()
    consult = o.bob.call("1003")
    target = o.cid.rings().accept()
    consult.talk()
    agent.transfer_to(consult)
    agent.released()
    consult.released()
    target.hears(line)
    line.hears(target)


@flow("guard")
def two_outsiders(o):
    "a second caller transferred to a taken slot gets the next one; the two never meet"
    # Unmarked, a transfer to a bare slot cannot be told from an outsider's call
    # and is refused; the park prefix says what is meant.
    to = "701" if o.exchange.marks else "*68701"
    first = o.parked(to, 701)
    line = o.dora.call("1001")
    agent = o.anna.rings().accept()
    line.talk()
    agent.transfer(to)
    agent.released()
    slot = o.anchor.wait_slot(702, "parked", 8)
    equal(slot["caller_number"], DORA, "the caller in 702")
    o.hears_music(first)
    o.hears_music(line)
