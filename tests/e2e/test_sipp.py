#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SIPp as a peer: another SIP implementation, over UDP and over TCP."""
import os

from lib import net
from lib.hearing import prompts
from lib.testing import check, equal, main, scenario


def sipp(s, name, *more):
    """SIPp as the PBX plays this scenario."""
    return s.stage.spawn(
        s.stage.pbx, "sipp", "sipp", "-sf", os.path.join(net.ROOT, "tests/e2e/sipp", name),
        "-i", net.PBX, "-mi", net.PBX, "-mp", "45000", "-timeout", "20s", "-timeout_error",
        "-nostdin", *more, "%s:5060" % net.ANCHOR_TRUNK, env=dict(os.environ, TERM="dumb"))


def ended_well(process):
    equal(process.wait(30), 0, "exit status of SIPp (%s)" % process.text()[-2000:])


def park_with_sipp(s, transport):
    anchor = s.anchor(lot__slots="701-740", lot__timeout_s=60)
    ended_well(sipp(s, "park.xml", "-t", transport, "-m", "40", "-r", "40"))
    totals = anchor.ctl("status")["totals"]
    equal(totals["parks"], 40, "calls parked")
    net.wait_for(lambda: anchor.calls() == [], 5, "the call list is empty")
    check(anchor.ctl("status")["legs_open"] == 0, "legs are left open")


@scenario
def over_udp(s):
    "forty calls by SIPp over UDP are parked and end cleanly"
    park_with_sipp(s, "u1")


@scenario
def over_tcp(s):
    "forty calls by SIPp over TCP are parked and end cleanly"
    park_with_sipp(s, "t1")


@scenario
def rings_reliably(s):
    "a phone by SIPp that rings, answers and offers anew before its 200 gets its PRACKs and is talked to"
    anchor = s.anchor(lot__timeout_s=1, lot__recall={"ring_s": 15, "attempts": 1},
                      sip__outbound_proxy="sip:%s:5062" % net.PBX)
    phone = sipp(s, "prack_ring.xml", "-p", "5062", "-m", "1")
    media = s.caller(pt=0)
    call = s.peer().park("4930111101", media, sdp=media.sdp(codecs=(0,)))
    net.wait_for(lambda: [c["state"] for c in anchor.calls()] == ["relay"], 10,
                 "the ring-back was answered: %s" % anchor.calls())
    remotes = [(leg["remote_address"], leg["remote_port"]) for leg in anchor.ctl("leg", "list")]
    check((net.PBX, 47010) in remotes, "media goes to %s" % remotes)
    call.bye()
    ended_well(phone)


@scenario
def hears_words_reliably(s):
    "a trunk by SIPp that requires 100rel has our offer in a 183, answers it in the PRACK and is refused"
    anchor = s.anchor(audio__codecs=["PCMA"], audio__prompts=prompts(),
                      lot__voice={"refusals": "early"})
    ended_well(sipp(s, "prack_words.xml", "-m", "1"))
    net.wait_for(lambda: anchor.ctl("status")["legs_open"] == 0, 5, "the leg is closed")


if __name__ == "__main__":
    raise SystemExit(main())
