#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SIPp as a peer: another SIP implementation, over UDP and over TCP."""
import os

from lib import net
from lib.testing import check, equal, main, scenario

SCENARIO = os.path.join(net.ROOT, "tests/e2e/sipp/park.xml")


def park_with_sipp(s, transport):
    anchor = s.anchor(lot__slots="701-740", lot__timeout_s=60)
    process = s.stage.spawn(
        s.stage.pbx, "sipp", "sipp", "-sf", SCENARIO, "-i", net.PBX, "-mi", net.PBX,
        "-mp", "45000", "-t", transport, "-m", "40", "-r", "40", "-timeout", "20s",
        "-timeout_error", "-nostdin", "%s:5060" % net.ANCHOR_TRUNK,
        env=dict(os.environ, TERM="dumb"))
    equal(process.wait(30), 0, "exit status of SIPp")
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


if __name__ == "__main__":
    raise SystemExit(main())
