#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration file is applied anew while calls are here."""
import copy
import os
import random
import signal
import time

from lib import anchor as anchors
from lib import net, ua, web
from lib.lamp import Lamp
from lib.net import wait_for
from lib.testing import check, equal, main, scenario
from lib.web import Web

OUTSIDE = "49301110%02d"


def reload(anchor, settings):
    anchor.rewrite(settings)
    return anchor.ctl("reload")


def refused(anchor, settings):
    """Why it was."""
    anchor.rewrite(settings)
    answer = anchor.ctl("reload", check=False)
    check("error" in answer, "it was applied: %r" % answer)
    return answer["error"]["message"]


def status_of(peer, number, user, media):
    call = peer.call(number, user, media)
    return call.status()


@scenario
def a_lot_goes_when_it_is_empty(s):
    "a removed lot takes no new call, its caller is picked up by the same number, then it is gone"
    base = anchors.config()
    second = dict(copy.deepcopy(base["lots"][0]), name="second", park="800", slots="801-803",
                  park_prefix="*78", pickup_prefix="*98", labels={"801": "Second"})
    anchor, peer = s.anchor(lots=base["lots"] + [second]), s.peer()
    caller, other = s.caller(), s.caller()
    peer.park(OUTSIDE % 1, caller, parker="1001", to="800")
    peer.park(OUTSIDE % 2, other, parker="1001")
    anchor.wait_slot(801, "parked")
    anchor.wait_slot(701, "parked")
    note = reload(anchor, base)["note"]
    check("1 lots go" in note, "the note is %r" % note)
    begun = time.time()
    equal({n: v["state"] for n, v in anchor.slots().items() if v["call"]},
          {"701": "parked", "801": "parked"}, "slots that are taken")
    call = peer.call("800", OUTSIDE % 3, s.caller(), referred_by="1001")
    check(call.status() >= 400, "a call was parked in the lot that goes: %r" % call.status())
    caller.wait_packets(20, since=begun)
    other.wait_packets(20, since=begun)
    phone = s.phone()
    equal(status_of(peer, "801", "1002", phone), 200, "the pick-up")
    phone.play()
    caller.wait_packets(10, match=ua.from_media(phone))
    # The lot stays while the two talk: the caller may be parked there again.
    check("801" in anchor.slots(), "the lot went with the call still in it")
    for c in anchor.calls():
        if c["state"] == "relay":
            anchor.ctl("call", "kick", str(c["call"]))
    wait_for(lambda: "801" not in anchor.slots(), 10, "the lot is gone")
    equal(len(anchor.ctl("status")["lots"]), 1, "lots")
    equal(anchor.slot(701)["state"], "parked", "the other call")


@scenario
def settings_change_live(s):
    "slots, labels, times, rights and trust change under parked calls"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE % 1, caller, parker="1001")
    before = anchor.wait_slot(701, "parked")
    check(before["seconds_to_recall"] > 60, "rings back in %r" % before["seconds_to_recall"])
    base = anchors.config(lot__slots="700-709", lot__park="710", lot__labels={"701": "Reception"},
                          lot__timeout_s=30, lot__may_retrieve=["1009@*"])
    reload(anchor, base)
    slots = anchor.slots()
    equal(sorted(slots), ["7%02d" % i for i in range(10)], "the slots")
    now = slots["701"]
    equal((now["state"], now["call"], now["label"]), ("parked", before["call"], "Reception"), "the slot")
    check(now["seconds_to_recall"] <= 30, "rings back in %r" % now["seconds_to_recall"])
    equal(status_of(peer, "701", "1002", s.phone()), 403, "a pick-up that is not allowed any more")
    peer.park(OUTSIDE % 2, s.caller(), parker="1001", to="710")
    anchor.wait_slot(700, "parked")
    # The slot of the caller goes: it stays until it is free.
    reload(anchor, anchors.config(lot__slots="702-705", lot__park="720", lot__labels={}))
    wait_for(lambda: sorted(anchor.slots())[:2] == ["700", "701"], 5, "both slots are still there")
    equal(status_of(peer, "701", "1002", s.phone()), 200, "the pick-up")
    for c in anchor.calls():
        anchor.ctl("call", "kick", str(c["call"]))
    wait_for(lambda: sorted(anchor.slots()) == ["702", "703", "704", "705"], 10, "what was to go is gone")


@scenario
def all_or_nothing(s):
    "a file that is wrong, or changes what cannot change, is refused by name and changes nothing"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE % 1, caller, parker="1001")
    before = anchor.wait_slot(701, "parked")
    fixed = anchors.config(lot__slots="710-719", lot__park="720", lot__labels={},
                           media__ports="20000-20399")
    fixed["sip"]["listen"] = fixed["sip"]["listen"][:1]
    why = refused(anchor, fixed)
    check("sip.listen" in why and "media.ports" in why, "it says %r" % why)
    check("unknown" in refused(anchor, anchors.config(lot__time_out_s=3)), "an unknown key")
    why = refused(anchor, anchors.config(audio__clips=[{"name": "default", "file": "none.wav"}]))
    check("none.wav" in why, "it says %r" % why)
    renamed = anchors.config(lot__slots="*701-*705", lot__labels={})
    check("somebody waits" in refused(anchor, renamed), "slots that are called otherwise")
    with open(anchor.config_path, "w") as f:
        f.write("lots: [")
    anchor.process.kill(signal.SIGHUP)
    wait_for(lambda: "is not applied" in anchor.process.text().split("renamed")[-1] and
             "not valid YAML" in anchor.process.text(), 5, "SIGHUP is refused in the log")
    after = anchor.slot(701)
    equal((after["call"], after["state"], after["label"]),
          (before["call"], "parked", before["label"]), "the slot")
    equal(sorted(anchor.slots()), ["701", "702", "703", "704", "705"], "the slots")
    caller.wait_packets(10, since=time.time())
    anchor.rewrite(anchors.config(lot__labels={"701": "Again"}))
    anchor.process.kill(signal.SIGHUP)
    wait_for(lambda: anchor.slot(701)["label"] == "Again", 5, "SIGHUP applies the right file")
    acts = wait_for(lambda: [a for a in anchor.ctl("history", "audit") if a["way"] == "signal"][1:], 5,
                    "both signals are in the audit")
    equal((acts[-1]["act"], acts[-1]["result"], acts[-1]["who"]), ("reload", "failed", "root"), "the first")


@scenario
def lamps_and_web_follow(s):
    "lamps of slots that stay go on, of those that go are ended, and tokens change"
    anchor, peer = s.anchor(http=web.CONFIG), s.peer()
    w = Web(s.stage)
    stays, goes = Lamp(s.stage, "701"), Lamp(s.stage, "705")
    for lamp in (stays, goes):
        lamp.wait_state("")
    users = [dict(u, token=u["token"] + "-new") for u in web.USERS]
    reload(anchor, anchors.config(lot__slots="701-703", lot__labels={}, http=dict(web.CONFIG, users=users)))
    goes.wait(lambda m: "terminated" in m.get("subscription-state"), what="the end")
    check("noresource" in goes.notifies[-1].get("subscription-state"), "the reason")
    equal(w.ask("/api/v1/slots").status, 401, "the old token")
    equal(len(w.get("/api/v1/slots", token=web.TOKENS["view"] + "-new")), 3, "slots over HTTP")
    peer.park(OUTSIDE % 1, s.caller(), parker="1001")
    stays.wait_state("confirmed")
    equal(stays.errors + goes.errors, [], "documents that are wrong")


@scenario
def at_random(s):
    "many random files in a row, good and bad, leave every parked call in its slot"
    chance = random.Random(int(os.environ.get("HF_SEED", "11")))
    anchor, peer = s.anchor(lot__slots="701-720"), s.peer()
    media = [s.caller() for _ in range(4)]
    calls = {}
    for i, m in enumerate(media):
        peer.park(OUTSIDE % i, m, parker="1001")
    for number, slot in wait_for(lambda: (lambda t: t if len(t) == 4 else None)(
            {n: v for n, v in anchor.slots().items() if v["state"] == "parked"}), 5, "four calls").items():
        calls[number] = slot["call"]
    applied = 0
    for _ in range(int(os.environ.get("HF_RELOADS", "25"))):
        first = chance.choice((701, 702, 703, 706, 730))
        changes = {"lot__slots": "%d-%d" % (first, first + chance.choice((0, 3, 30))),
                   "lot__labels": {}, "lot__park": chance.choice(("700", "790")),
                   "lot__timeout_s": chance.choice((60, 90, 300)),
                   "lot__name": chance.choice(("main", "main", "main", "other"))}
        if chance.random() < 0.2:
            changes["media__ports"] = "20000-20299"
        settings = anchors.config(**changes)
        if chance.random() < 0.3:
            settings["lots"].append(dict(copy.deepcopy(settings["lots"][0]), name="more", park="900",
                                         slots="901-999", park_prefix="*1", pickup_prefix="*2"))
        anchor.rewrite(settings)
        applied += "error" not in anchor.ctl("reload", check=False)
        table = anchor.slots()
        equal({n: table.get(n, {}).get("call") for n in calls}, calls, "the calls in their slots")
    check(applied >= 5, "only %d were applied" % applied)
    now = time.time()
    for m in media:
        m.wait_packets(10, since=now)
    for number in calls:
        equal(status_of(peer, number, "1002", s.phone()), 200, "the pick-up of " + number)


if __name__ == "__main__":
    main()
