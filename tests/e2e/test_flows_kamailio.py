#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every flow behind a real proxy: Kamailio with the configuration that
Documentation/integrate-kamailio.md gives, record-routing, with digest."""
from lib import flows
from lib.exchange import cells
from lib.kamailio import Kamailio
from lib.testing import main

cells(flows.FLOWS, [Kamailio()])

if __name__ == "__main__":
    raise SystemExit(main(at_once=3))
