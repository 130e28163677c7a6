#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every flow with nothing in between and behind each make of PBX: lib/flows.py
times lib/exchange.py, each cell on a stage of its own. (test_flows_kamailio.py
and test_flows_phones.py have the rest.)"""
from lib import flows
from lib.exchange import PBXS, Direct, cells
from lib.testing import main

cells(flows.FLOWS, [Direct()] + PBXS)

if __name__ == "__main__":
    raise SystemExit(main(at_once=3))
