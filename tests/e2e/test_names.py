#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A proxy that the configuration names by a name: servers of the DNS that know
it, that do not answer, and that cannot be reached at all."""
from lib import net, ua
from lib.testing import equal, main, scenario

OUTSIDE = "4930111111"
PROXY = "proxy.example.net"
RECALL = {"ring_s": 2, "attempts": 1, "finally": "repeat"}


def named_proxy(s, server):
    anchor = s.anchor(start=False, sip__outbound_proxy="sip:" + PROXY,
                      lot__timeout_s=1, lot__recall=RECALL)
    anchor.use_dns(server)
    anchor.start()
    return anchor


def park_and_fail(s, anchor, peer):
    """Park a call whose ring-back must fail; everything else goes on."""
    caller = s.caller()
    call = peer.park(OUTSIDE, caller, parker="1001")
    for _ in range(10):
        equal(peer.options().status, 200, "OPTIONS while the name is looked up")
    net.wait_for(lambda: "the recall failed: 503" in anchor.process.text(), 40,
                 "a line about the ring-back that failed")
    equal(peer.options().status, 200, "OPTIONS after it")
    caller.wait_packets(caller.count() + 10)
    call.bye()
    anchor.wait_slot(701, "free")


@scenario
def looked_up(s):
    "a ring-back through a proxy with a name finds it by SRV and by address records"
    port = 5066
    s.stage.spawn(s.stage.anchor, "dnsmasq", "dnsmasq", "--keep-in-foreground", "--no-resolv",
                  "--no-hosts", "--no-daemon", "--listen-address=127.0.0.53", "--bind-interfaces",
                  "--srv-host=_sip._udp.%s,pbx-7.example.net,%d" % (PROXY, port),
                  "--host-record=pbx-7.example.net," + net.PBX)
    anchor, peer = named_proxy(s, "127.0.0.53"), s.peer()
    found = s.peer(port=port)
    caller, phone = s.caller(), s.phone()
    peer.park(OUTSIDE, caller, parker="1001")
    recall = found.expect_call("1001", 20, media=phone)
    recall.ring()
    recall.accept()
    recall.wait("ack")
    phone.play()
    caller.wait_packets(5, match=ua.from_media(phone))
    anchor.wait_slot(701, "free")


@scenario
def no_route_to_the_server(s):
    "with no route to the DNS a ring-back by name fails and nobody waits for it"
    park_and_fail(s, named_proxy(s, "10.255.255.53"), s.peer())


@scenario
def nobody_answers(s):
    "with a DNS that never answers a ring-back by name fails and nobody waits for it"
    s.stage.anchor.udp("127.0.0.54", 53)
    park_and_fail(s, named_proxy(s, "127.0.0.54"), s.peer())


if __name__ == "__main__":
    main()
