#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of event there is to a call, by the group of the kernel module;
scene.py runs these."""
import copy
import json
import socket
import threading

from scene import PORT, Listed, alone, check, net, scenario, ua
from test_readers import monitor

OUTSIDE = "49305559"
PATIENCE = 30       # seconds; an emulated CPU takes its time for a packet
# What a park, its end and all in between can tell of. Alerts, pages and transfers
# are told by other rooms with the same record.
KINDS = {"parked", "swapped", "reserved", "reservation_expired", "recall_started",
         "recall_answered", "recall_failed", "retrieved", "abandoned", "expired", "reparked",
         "refused", "moved", "kicked", "ended", "media_silent", "media_resumed", "digit",
         "lot_full", "lot_available"}


def lots(main):
    """The lot as it is, one of a single slot, and one that soon rings back."""
    single, quick = copy.deepcopy(main), copy.deepcopy(main)
    for lot, name, park, slots in ((single, "single", "850", "851"),
                                   (quick, "quick", "860", "861-869")):
        lot.update(name=name, park=park, slots=slots, labels={})
        del lot["park_prefix"], lot["pickup_prefix"]
    main["slots"] = "701-705"
    quick.update(timeout_s=1, reserve_s=1, recall={
        "ring_s": 30, "attempts": 2, "finally": "hang_up"})
    return [main, single, quick]


class Control:
    """The same events as the control socket tells them: {number: event}"""

    def __init__(self, path):
        line = socket.socket(socket.AF_UNIX)
        line.connect(path)
        line.sendall(b'{"command":"monitor"}\n')
        self.lines = line.makefile()
        self.lines.readline()
        self.told = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.lines:
            event = json.loads(line)
            if "number" in event:
                self.told[event["number"]] = event


def single_lot(s):
    "lot_full, reserved, swapped, lot_available, moved, kicked"
    clerk = s.peer.call("850", "1002", Listed(PORT))
    check(clerk.status(PATIENCE) == 200, "the clerk was answered %s" % clerk.status())
    # the clerk's PBX puts the outsider in its place
    clerk.request("UPDATE", seconds=PATIENCE, headers=[
        ("P-Asserted-Identity", "<sip:%s@pbx.example.com>" % OUTSIDE)])
    s.anchor.wait_slot(851, "parked", PATIENCE)
    number = str(s.anchor.slot(851)["call"])
    s.anchor.ctl("call", "move", number, "704")
    s.anchor.ctl("call", "kick", number)
    clerk.wait("bye", PATIENCE)


def parked_and_fetched(s):
    "parked, media_silent, digit, media_resumed, retrieved, reparked, ended, refused"
    caller = ua.Media(s.stage, s.stage.caller, net.CALLER)
    call = s.peer.park(OUTSIDE, caller, to="*68701")
    s.told("media_silent", s.anchor.slot(701)["call"])
    caller.press("5", 10)
    caller.play()
    s.told("digit")
    s.told("media_resumed")
    agent = s.peer.call("701", "1002", Listed(PORT + 2))
    check(agent.status(PATIENCE) == 200, "the pick-up was answered %s" % agent.status())
    s.told("retrieved")
    agent.request("REFER", seconds=PATIENCE, headers=[
        ("Refer-To", "<sip:700@%s>" % net.ANCHOR_TRUNK)])
    s.told("reparked")
    agent = s.peer.call("701", "1002", Listed(PORT + 2))
    check(agent.status(PATIENCE) == 200, "the second was answered %s" % agent.status())
    caller.stop()
    call.bye()
    s.told("ended")
    check(s.peer.call("702", "1002", Listed(PORT + 2)).status(PATIENCE) >= 400,
          "an empty slot was picked up")
    s.peer.park(OUTSIDE, Listed(PORT)).bye()


def quick_lot(s):
    "recall_started, recall_failed, recall_answered, expired, reservation_expired"
    answered = s.peer.park(OUTSIDE, Listed(PORT), to="860")
    s.peer.expect_call("1001", PATIENCE).reject(486)
    s.peer.expect_call("1001", PATIENCE, media=Listed(PORT + 2)).accept()
    s.told("recall_answered")
    answered.bye()
    expired = s.peer.park(OUTSIDE, Listed(PORT), to="860")
    for _ in range(2):
        s.peer.expect_call("1001", PATIENCE).reject(486)
    expired.wait("bye", PATIENCE)
    clerk = s.peer.call("860", "1002", Listed(PORT))
    check(clerk.status(PATIENCE) == 200, "the clerk was answered %s" % clerk.status())
    s.told("reservation_expired")
    clerk.bye()


@alone
@scenario
def every_kind(s):
    "the module's group has every kind of event, each field as the controller tells it"
    s.settings["lots"] = lots(s.settings["lots"][0])
    s.settings["media"]["silence_s"] = 2
    s.module()
    watch = monitor(s, "monitor-kinds")
    check(json.loads(watch.hello)["hello"]["source"] == "module", watch.hello)
    control = Control(s.anchor.socket)

    def told(kind, call=None):
        net.wait_for(lambda: any(e.get("event") == kind and e["call"] == (call or e["call"])
                                 for e in watch.events()), PATIENCE, "the event %s" % kind)
    s.told = told
    for act in (single_lot, parked_and_fetched, quick_lot):
        act(s)
    last = s.anchor.ctl("status")["last_event"]
    net.wait_for(lambda: last in control.told and watch.events()[-1].get("number", 0) >= last,
                 PATIENCE, "event %d is told" % last)
    heard = {e["number"]: e for e in watch.events() if "number" in e}
    missing = KINDS - {e["event"] for e in heard.values()}
    check(not missing, "nobody told of %s" % ", ".join(sorted(missing)))
    check(sorted(heard) == list(range(min(heard), last + 1)), "numbers with holes")
    for number, event in control.told.items():
        check(number > last or heard[number] == event, "event %d differs: %s, and by the "
              "module %s" % (number, event, heard[number]))
    print("# %d events of %d kinds" % (len(heard), len({e["event"] for e in heard.values()})))
