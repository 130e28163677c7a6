#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every flow by SIPp, a second implementation that shares nothing with the
scripted phones of test_flows.py: each message is checked as it comes. Flows
follow each other at one daemon; in each, SIPp is all of the parties.
"""
from lib import net
from lib.sipp import Called, Calling, Script, sdp
from lib.testing import equal, main, scenario

CARLA, DORA = "4930111111", "4930222222"
BY_ANNA = "Referred-By: <sip:1001@pbx.example.com>"
USUAL = {"name": "main", "park": "700", "slots": "701-705", "park_prefix": "*68",
         "hold_audio": "default", "may_park": ["internal"], "may_retrieve": ["internal"]}
# Nobody waits long there: for the ring-back, for the end of the lease.
QUICK = dict(USUAL, name="quick", park="710", slots="711-715", timeout_s=1, reserve_s=1,
             recall={"ring_s": 20, "attempts": 1, "fallback": ["sip:1003@pbx.example.com"],
                     "finally": "repeat"})
QUICK.pop("park_prefix")


class Table:
    """Where the flows of one scenario are played."""

    def __init__(self, s):
        self.stage = s.stage
        self.anchor = s.anchor(lots=[USUAL, QUICK])

    def play(self, flow):
        caller, called = Script(), Script()
        flow(caller, called)
        ringing = called.begin(self.stage, flow.__name__ + "_rung", 5060) if called.steps else None
        if ringing:
            net.wait_for(lambda: ":5060" in self.stage.pbx.run("ss", "-Hlun"), 10, "SIPp listens")
        caller.play(self.stage, flow.__name__)
        if ringing:
            ringing.end()
        net.wait_for(lambda: self.anchor.calls() == [], 10, lambda: "(%s) no call is left; there "
                     "are %s" % (flow.__name__, self.anchor.calls()))
        equal([l["slot"] for l in self.anchor.slots().values() if l["state"] != "free"], [],
              "slots that are taken")
        equal(self.anchor.ctl("status")["legs_open"], 0, "legs that are open")


def parked(script, to="700"):
    """Carla, sent on by Anna."""
    return script.calls(CARLA, to, [BY_ANNA]).answered()


def taken(script, number, user="1002", who=CARLA):
    return script.calls(user, number).answered("P-Asserted-Identity:.*" + who)


# (i)

def blind(script, called):
    script.calls(CARLA, "700", [BY_ANNA]).answered("a=sendrecv", "Supported:.*replaces").hangs_up()


def blind_by_refer(script, called):
    """RFC 5359 2.9: the parker asks Holdfast itself to take its caller."""
    carla = Called(called, "INVITE sip:%s@" % CARLA, "Replaces: there;", "Referred-By:.*1001")
    carla.answers().hangs_up()
    anna = Calling(script, "1001", "700")
    anna.send("REFER", [BY_ANNA, "Refer-To: <sip:%s@carrier.example?Replaces="
                        "there%%3Bto-tag%%3Da%%3Bfrom-tag%%3Db>" % CARLA])
    anna.takes(202)
    anna.expects("NOTIFY", "Subscription-State: active", "SIP/2.0 100")
    anna.expects("NOTIFY", "Subscription-State: terminated;reason=noresource", "SIP/2.0 200")


# (ii)

def attended(script, called):
    consult = script.calls("1001", "700").answered("Contact:.*701")
    carla = script.calls(CARLA, "700", [BY_ANNA, consult.replaces()]).answered("Contact:.*701")
    consult.expects("BYE")
    carla.hangs_up()


# (iii)

def reserved(script, called):
    consult = script.calls("1001", "700").answered("Contact:.*701", "Parked at 701")
    consult.hangs_up()
    silent = script.calls("1001", "710").answered("Contact:.*711")
    script.wait(2)          # the lease; the leg is the caller then
    taken(script, "711", who="1001").hangs_up()
    silent.expects("BYE")


def swapped_unseen(script, called):
    """The PBX puts the caller there by an UPDATE, or by a re-INVITE."""
    name = "P-Asserted-Identity: <sip:%s@pbx.example.com>" % CARLA
    for method in "UPDATE", "INVITE":
        leg = script.calls("1001", "700").answered("Contact:.*701")
        if method == "UPDATE":
            leg.asks("UPDATE", 200, [name])
        else:
            leg.invite([name]).answered()
        taken(script, "701").hangs_up()
        leg.expects("BYE")


# (iv)

def picked_up(script, called):
    carla = parked(script, "*68702")
    script.calls(DORA, "702").refused(403)
    agent = taken(script, "702")
    script.calls("1003", "702").refused(404)
    agent.hangs_up()
    carla.expects("BYE")


# (v)

def safe_retrieve(script, called):
    carla = parked(script)
    script.calls(DORA, "701", [carla.replaces()]).refused(403)
    script.calls("1002", "701", [carla.replaces() + "-old"]).refused(481)
    script.calls("1002", "701", [carla.replaces().replace("to-tag", "to")]).refused(400)
    agent = script.calls("1002", "701", [carla.replaces()]).answered("P-Asserted-Identity:.*" + CARLA)
    carla.hangs_up()
    agent.expects("BYE")


# (vi)

def recalled(script, called):
    """Anna is busy, Cid the fallback."""
    rung = Called(called, "From:.*Park 711", CARLA, first="INVITE sip:1001@").rings()
    rung.either(lambda: rung.replies(486), lambda: rung.answers().hangs_up())
    carla = parked(script, "710")
    carla.expects("BYE")


def fetched_while_it_rings(script, called):
    anna = Called(called, "INVITE sip:1001@").rings()
    anna.cancelled("Reason:.*Call completed elsewhere")
    carla = parked(script, "710")
    script.wait(2)
    agent = taken(script, "711")
    carla.hangs_up()
    agent.expects("BYE")


# (vii)

def caller_hangs_up(script, called):
    anna = Called(called, "INVITE sip:1001@").rings()
    anna.cancelled()
    carla = parked(script, "710")
    script.wait(2)
    carla.hangs_up()
    script.calls("1002", "711").refused(404)


# (viii)

def parked_again(script, called):
    carla = parked(script, "*68703")
    agent = taken(script, "703")
    agent.asks("REFER", 202, ["Refer-To: <sip:700@park.example.com>", "Refer-Sub: true"])
    agent.expects("NOTIFY", "Event: refer", "SIP/2.0 100")
    agent.expects("NOTIFY", "terminated;reason=noresource", "SIP/2.0 200")
    agent.expects("BYE")
    again = taken(script, "703", "1003")
    carla.hangs_up()
    again.expects("BYE")


# (ix)

def offers_while_parked(script, called):
    carla = parked(script)
    for theirs, ours in (("sendonly", "recvonly"), ("inactive", "inactive"),
                         ("recvonly", "send"), ("sendrecv", "sendrecv")):
        carla.offers("a=" + ours, direction=theirs)
    carla.offers("m=audio [1-9]", connection="0.0.0.0")
    carla.offers("RTP/AVP 8", codec=8)
    carla.hangs_up()


# (x)

def late_offers(script, called):
    carla = script.calls(CARLA, "700", [BY_ANNA], offer=False).answered(
        "RTP/AVP.* 0.* 8", "telephone-event", answer=True)
    agent = script.calls("1002", "701", offer=False).answered(
        "m=audio", "P-Asserted-Identity:.*" + CARLA, answer=True)
    agent.invite(offer=False).answered("m=audio", answer=True)
    agent.hangs_up()
    carla.expects("BYE")


# (xi)

def early_media(script, called):
    anna = Called(called, "INVITE sip:1001@")
    anna.replies(183, body=sdp(anna.port)).answers()
    anna.hangs_up()
    # No 183 before the 200: SIPp takes none that is not written here.
    parked(script, "710").expects("BYE")


# (xii)

def reliable_and_crossing(script, called):
    anna = Called(called, "INVITE sip:1001@", "Supported:.*100rel")
    anna.rings(["Require: 100rel", "RSeq: 7"])
    anna.expects("PRACK", "RAck: 7 ")
    anna.answers().hangs_up()
    carla = script.calls(CARLA, "710", [BY_ANNA, "Require: 100rel"]).answered()
    carla.asks("UPDATE")
    # A second offer while the first waits for its ACK.
    carla.invite().answered(ack=False)
    carla.invite()
    carla.refused(491)
    carla.cseq -= 1
    carla.ack()
    carla.cseq += 1
    carla.asks("PRACK", 481, ["RAck: 1 1 INVITE"])
    carla.expects("BYE")


# (xiii)

def after_the_pick_up(script, called):
    cid = Called(called, "INVITE sip:1003@", "Referred-By:.*1002", CARLA)
    cid.rings().answers()
    cid.expects("BYE")
    carla = parked(script)
    agent = taken(script, "701")
    agent.offers("a=recvonly", direction="sendonly")
    agent.offers("a=sendrecv")
    agent.asks("UPDATE")
    agent.asks("REFER", 202, ["Refer-To: <sip:1003@pbx.example.com>"])
    agent.expects("NOTIFY", "SIP/2.0 100")
    agent.expects("NOTIFY", "terminated;reason=noresource", "SIP/2.0 200")
    agent.expects("BYE")
    carla.hangs_up()


def swapped(script, called):
    """A colleague takes the retriever's place."""
    carla = parked(script)
    agent = taken(script, "701")
    colleague = script.calls("1003", "701", [agent.replaces()]).answered()
    agent.expects("BYE")
    colleague.hangs_up()
    carla.expects("BYE")


def play(sentence, *flows):
    def scene(s):
        table = Table(s)
        for flow in flows:
            table.play(flow)
    scene.__name__ = "sipp_" + flows[0].__name__
    scene.__doc__ = "SIPp plays flows " + sentence
    scenario(scene)


play("(i), (ii), (iii), (ix) and (x): parking blind, by REFER, attended, for a slot, without an "
     "offer, and offers while parked",
     blind, blind_by_refer, attended, reserved, swapped_unseen, offers_while_parked, late_offers)
play("(iv), (v), (viii) and (xiii): picking up, by a lamp's dialog too, parking again, hold, "
     "transfer and swap afterwards",
     picked_up, safe_retrieve, parked_again, after_the_pick_up, swapped)
play("(vi), (vii), (xi) and (xii): the ring-back and its end, early media, PRACK, UPDATE and crossing offers",
     recalled, fetched_while_it_rings, caller_hangs_up, early_media, reliable_and_crossing)

if __name__ == "__main__":
    raise SystemExit(main(at_once=3))
