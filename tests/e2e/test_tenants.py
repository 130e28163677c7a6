#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tenants with the same numbers on one Holdfast: by domain, peer, listen address and
header, in calls, lamps, ring-backs, the control socket and over a kill."""
import copy

from lib import anchor as anchors
from lib import net, ua, web
from lib.lamp import Lamp
from lib.net import Failed
from lib.testing import check, equal, main, scenario

OUTSIDE = "49301110%02d"
OTHER = "192.0.2.21"


def lot(name, tenant, **more):
    return dict(anchors.CONFIG["lots"][0], name=name, tenant=tenant, **more)


def shared(s, tenants, **changes):
    changes.setdefault("sip__trusted", ["192.0.2.0/24"])
    more = changes.pop("lot", {})
    return s.anchor(tenants=tenants, lots=[lot(t["name"] + "-lot", t["name"], **more)
                                           for t in tenants], **changes)


def by_domain(**more):
    return [dict({"name": n, "domains": [n + ".example.com"],
                  "internal": ["1???@%s.example.com" % n]}, **more.get(n, {}))
            for n in ("acme", "zeta")]


class Office:
    """A tenant's calls: from its domain, to its domain."""

    def __init__(self, scene, peer, name):
        self.scene, self.peer, self.name = scene, peer, name
        self.domain = name + ".example.com"

    def call(self, to, user, media, **more):
        return self.peer.call(to, user, media, host=self.domain, home=self.domain,
                              domain=self.domain, **more)

    def park(self, caller, media, to="701", **more):
        call = self.call(to, caller, media, referred_by="1001", **more)
        equal(call.status(), 200, "the answer to %s's transfer" % self.name)
        return call


def rows(anchor, slot):
    return {r["tenant"]: r for r in anchor.ctl("slot", "list") if r["slot"] == slot}


def wait_state(anchor, tenant, slot, state):
    net.wait_for(lambda: rows(anchor, slot)[tenant]["state"] == state, 10,
                 "slot %s of %s is %s" % (slot, tenant, state))


@scenario
def one_number_two_tenants(s):
    "two tenants' callers in one slot number are two calls, and each tenant gets its own"
    anchor, peer = shared(s, by_domain()), s.peer()
    acme, zeta = Office(s, peer, "acme"), Office(s, peer, "zeta")
    a, z = s.caller(), s.caller()
    acme.park(OUTSIDE % 1, a)
    zeta.park(OUTSIDE % 2, z)
    equal({t: r["caller_number"] for t, r in rows(anchor, "701").items()},
          {"acme": OUTSIDE % 1, "zeta": OUTSIDE % 2}, "who is in the two slots 701")
    # one's colleague is nobody at the other's, who has 702 free
    equal(zeta.call("702", "1002", s.phone()).status(), 404, "an empty slot")
    stranger = peer.call("701", "1002", s.phone(), host="acme.example.com",
                         home="zeta.example.com")
    equal(stranger.status(), 403, "a colleague of the other tenant")
    equal(peer.call("701", "1002", s.phone(), host="other.example.com",
                    home="acme.example.com").status(), 404, "a domain of nobody")
    phone = s.phone()
    picked = zeta.call("*88701", "1002", phone)
    equal(picked.status(), 200, "the pick-up")
    check(OUTSIDE % 2 in picked.answer.get("p-asserted-identity"), "another tenant's caller")
    phone.play()
    z.wait_packets(5, 5, match=ua.from_media(phone))
    check(not any(ua.from_media(phone)(d) for _, d in a.received), "the other's caller heard it")
    equal(rows(anchor, "701")["acme"]["state"], "parked", "acme's slot")


@scenario
def lamps_and_monitor(s):
    "a lamp, the events and the lists tell of one tenant's slot and never of the other's"
    anchor, peer = shared(s, by_domain()), s.peer()
    acme, zeta = Office(s, peer, "acme"), Office(s, peer, "zeta")
    lamps = {}
    for i, name in enumerate(("acme", "zeta")):
        lamps[name] = Lamp(s.stage, "701", port=5070 + i, domain=name + ".example.com",
                           user="1005", home=name + ".example.com",
                           host=name + ".example.com")
        lamps[name].wait_count(1)
    acme.park(OUTSIDE % 1, s.caller())
    lit = lamps["acme"].wait_state("confirmed")
    check(OUTSIDE % 1 in lit.body, "the lamp's caller")
    zeta.park(OUTSIDE % 2, s.caller())
    lit = lamps["zeta"].wait_state("confirmed")
    check(OUTSIDE % 2 in lit.body, "the lamp's caller")
    check(not any(OUTSIDE % 1 in m.body for m in lamps["zeta"].notifies),
          "zeta's lamp told of acme's caller")
    equal([r["caller_number"] for r in anchor.ctl("slot", "list", "--tenant", "zeta")
           if r["call"]], [OUTSIDE % 2], "slot list --tenant zeta")
    equal({r["tenant"] for r in anchor.ctl("lot", "list")}, {"acme", "zeta"}, "lot list")
    equal({r["tenant"] for r in anchor.ctl("call", "list")}, {"acme", "zeta"}, "call list")
    said = anchor.ctl("lot", "explain", "701@zeta.example.com", "--from",
                      "sip:1002@zeta.example.com")
    equal((said["tenant"], said["lot"], said["verdict"]), ("zeta", "zeta-lot", "retrieve"),
          "lot explain")
    calls = {c["tenant"]: c["call"] for c in anchor.ctl("call", "list")}
    anchor.ctl("call", "move", str(calls["zeta"]), "702")
    wait_state(anchor, "zeta", "702", "parked")
    equal(rows(anchor, "702")["acme"]["state"], "free", "acme's 702")
    lamps["zeta"].wait_state("")


@scenario
def a_kill_keeps_them_apart(s):
    "after kill -9 each call is in its own tenant's slot, and rings back by its own proxy"
    anchor = shared(s, by_domain(zeta={"outbound_proxy": "sip:" + OTHER}), lot={"timeout_s": 6})
    s.stage.pbx.run("ip", "addr", "add", OTHER + "/24", "dev", "eth0")
    peer, second = s.peer(), s.peer(address=OTHER)
    acme, zeta = Office(s, peer, "acme"), Office(s, second, "zeta")
    acme.park(OUTSIDE % 1, s.caller())
    zeta.park(OUTSIDE % 2, s.caller())
    anchor.kill()
    anchor.again()
    equal({t: r["caller_number"] for t, r in rows(anchor, "701").items()},
          {"acme": OUTSIDE % 1, "zeta": OUTSIDE % 2}, "who is in the two slots 701")
    for office in acme, zeta:
        rings = office.peer.expect_call("1001", 15, media=s.phone())
        equal(rings.transaction.request.uri, "sip:1001@" + office.domain, "who is rung")
        check("701@" + office.domain in rings.transaction.request.get("diversion"),
              "another slot: " + rings.transaction.request.get("diversion"))
        rings.accept()
        rings.wait("ack")
    wait_state(anchor, "acme", "701", "free")
    wait_state(anchor, "zeta", "701", "free")


@scenario
def by_peer_listen_and_header(s):
    "a call to an address of ours is the tenant's of its peer, of that address, or of a header"
    anchor = shared(s, [
        {"name": "acme", "peers": [OTHER + "/32"]},
        {"name": "zeta", "listen": ["udp:%s:5070" % net.ANCHOR_TRUNK]},
        {"name": "eta", "header": "X-Tenant: eta", "domains": ["eta.example.com"]}],
        sip__carry_headers=["X-Tenant"],
        sip__listen=["udp:%s:5060" % net.ANCHOR_TRUNK, "udp:%s:5070" % net.ANCHOR_TRUNK])
    s.stage.pbx.run("ip", "addr", "add", OTHER + "/24", "dev", "eth0")
    peer, second = s.peer(), s.peer(address=OTHER)
    third = s.peer(port=5090, anchor=(net.ANCHOR_TRUNK, 5070))
    mark = (("X-Tenant", "eta"),)
    second.park(OUTSIDE % 1, s.caller(), to="701")
    third.park(OUTSIDE % 2, s.caller(), to="701")
    peer.park(OUTSIDE % 3, s.caller(), to="701", headers=mark)
    equal({t: r["caller_number"] for t, r in rows(anchor, "701").items()},
          {"acme": OUTSIDE % 1, "zeta": OUTSIDE % 2, "eta": OUTSIDE % 3}, "the three 701")
    equal(peer.call("701", "1002", s.phone()).status(), 404, "a call that is nobody's")
    # another tenant's peer is not believed to be of this domain
    equal(second.call("701", "1002", s.phone(), host="eta.example.com").status(), 404,
          "acme's peer at eta's domain")


@scenario
def reload_changes_no_owner(s):
    "a lot does not change its tenant by a reload while a call is in it"
    tenants = by_domain()
    anchor, peer = shared(s, tenants), s.peer()
    acme = Office(s, peer, "acme")
    parked = acme.park(OUTSIDE % 1, s.caller())
    with open(anchor.config_path) as f:
        text = f.read()
    lots = [lot("acme-lot", "zeta"), lot("zeta-lot", "acme")]
    settings = anchors.config(tenants=tenants, lots=copy.deepcopy(lots),
                              sip__trusted=["192.0.2.0/24"])
    settings["control"] = {"socket": anchor.socket, "state_dir": anchor.folder + "/state"}
    with open(anchor.config_path, "w") as f:
        f.write(anchors.yaml(settings))
    try:
        anchor.ctl("reload")
        raise AssertionError("the reload was not refused")
    except Failed as e:
        check("cannot leave its tenant acme while a call is in it" in str(e), str(e))
    equal(rows(anchor, "701")["acme"]["state"], "parked", "the slot")
    parked.bye()
    wait_state(anchor, "acme", "701", "free")
    anchor.ctl("reload")
    equal({r["lot"]: r["tenant"] for r in anchor.ctl("lot", "list")},
          {"acme-lot": "zeta", "zeta-lot": "acme"}, "whose the lots are")
    with open(anchor.config_path, "w") as f:
        f.write(text)


# What a tenant's own user may ask for, and what is of all.
OWN = ("lots", "slots", "calls", "stats/lots", "history/calls")
OF_ALL = ("status", "stats", "legs", "subscriptions", "webhooks", "history")


@scenario
def boards_apart(s):
    "an HTTP user of a tenant sees and moves its calls, and of the other's nothing: no row, no event, no act"
    users = [{"name": n + "-desk", "role": "act", "token": "token-of-the-desk-of-" + n, "tenant": n}
             for n in ("acme", "zeta")]
    http = dict(web.CONFIG, users=web.USERS + users)
    anchor, peer = shared(s, by_domain(), http=http), s.peer()
    acme, zeta = Office(s, peer, "acme"), Office(s, peer, "zeta")
    site = web.Web(s.stage)
    token = {u["tenant"]: u["token"] for u in users}

    def ask(tenant, path, **how):
        return site.ask("/api/v1/" + path, token=token[tenant], **how)

    streams = {t: site.events(token=token[t]) for t in token}
    whole = site.events()
    for stream in (*streams.values(), whole):
        stream.until(lambda kind, data: kind == "live")
    acme.park(OUTSIDE % 1, s.caller())
    gone = zeta.park(OUTSIDE % 2, s.caller())
    wait_state(anchor, "zeta", "701", "parked")
    calls = {c["tenant"]: c["call"] for c in site.get("/api/v1/calls", role="admin")}
    equal(ask("acme", "me").json()["tenant"], "acme", "who one is")
    for tenant, other in (("acme", "zeta"), ("zeta", "acme")):
        for path in OWN:
            have = ask(tenant, path)
            equal(have.status, 200, "%s for %s" % (path, tenant))
            check(other not in have.body.decode(), "%s of %s has %s" % (path, tenant, have.body))
        check([r["lot"] for r in ask(tenant, "lots").json()] == [tenant + "-lot"], "its lots")
        equal([c["call"] for c in ask(tenant, "calls").json()], [calls[tenant]], "its calls")
        check(all(r["tenant"] == tenant for r in ask(tenant, "slots").json()), "its slots")
        equal(ask(tenant, "slots?tenant=" + other).json(), [], "the other's slots")
        equal(ask(tenant, "calls/%d" % calls[tenant]).status, 200, "its call")
        equal(ask(tenant, "calls/%d" % calls[other]).status, 404, "the other's call")
        for act, body in (("kick", {}), ("move", {"to": "702"}),
                          ("retrieve", {"for": "sip:1001@pbx.example.com"})):
            equal(ask(tenant, "calls/%d/%s" % (calls[other], act), method="POST",
                      body=body).status, 404, "%s of the other's call" % act)
        for path in OF_ALL:
            equal(ask(tenant, path).status, 403, path)
        equal(site.ask("/metrics", token=token[tenant]).status, 403, "metrics")
    equal(ask("acme", "calls/%d/move" % calls["acme"], method="POST", body={"to": "702"}).status,
          200, "a move of its own")
    gone.bye()
    wait_state(anchor, "zeta", "701", "free")
    # Each hears its own, in order, and nothing in between of the other.
    seen = []
    streams["acme"].until(lambda kind, data: seen.append((kind, data)) or
                          (kind == "happened" and data["event"] == "moved"))
    check(all(d["tenant"] == "acme" for k, d in seen if k != "beat"), seen)
    equal([d["event"] for k, d in seen if k == "happened"], ["parked", "moved"], "acme's events")
    check([k for k, d in seen if k != "beat"][0] == "slot", "the slot comes before its event")
    seen = []
    streams["zeta"].until(lambda kind, data: seen.append((kind, data)) or
                          (kind == "happened" and data["event"] == "abandoned"))
    check(all(d["tenant"] == "zeta" for k, d in seen if k != "beat"), seen)
    heard = set()
    whole.until(lambda kind, data: kind == "happened" and (
        heard.add(data["tenant"]) or data["event"] == "abandoned"))
    equal(heard, {"acme", "zeta"}, "who sees all hears both")
    net.wait_for(lambda: ask("zeta", "history/calls").json(), 10, "the history of zeta")
    check([r["call"] for r in ask("zeta", "history/calls").json()] == [calls["zeta"]], "its history")
    equal(ask("acme", "history/calls/%d" % calls["zeta"]).status, 404, "the other's record")
    equal(ask("zeta", "history/calls/%d" % calls["zeta"]).status, 200, "its own record")


if __name__ == "__main__":
    main()
