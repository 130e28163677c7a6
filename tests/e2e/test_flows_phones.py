#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real phones, baresip and linphone, registered with a real proxy: what a person
does at a desk. Only the caller from outside is scripted (it has to see what
comes), and what the phones say is a tone of their own."""
import copy
import os
import shutil

from lib import anchor, audio, lamp, net
from lib.exchange import Office
from lib.flows import RECALL
from lib.kamailio import Kamailio
from lib.linphone import Linphone
from lib.phone import Phone
from lib.testing import Skip, check, equal, main, scenario

USER, TONE = "1008", 941
HERE = (USER, "Desk", net.PHONE_A, TONE)


def lots():
    """The usual one, and 710, where nobody waits long for the ring-back."""
    usual = copy.deepcopy(anchor.CONFIG["lots"][0])
    quick = dict(usual, name="quick", park="710", slots="711-712", labels={}, timeout_s=1,
                 recall=dict(RECALL, ring_s=30))
    return [usual, {k: v for k, v in quick.items() if not k.endswith("_prefix")}]


class Baresip(Phone):
    def __init__(self, stage, password):
        super().__init__(stage, stage.phone_a, "baresip", *HERE, port=5070, password=password)

    def registered(self):
        # Its event may come before there is somebody to tell.
        net.wait_for(lambda: "200 OK" in self.process.text(), 20, "baresip is registered")

    def hold(self):
        return self.command("hold")

    def resume(self):
        return self.command("resume")

    # No transfer_to(): it has no command for a transfer with Replaces.


class Console(Linphone):
    def __init__(self, stage, password):
        super().__init__(stage, stage.phone_a, "linphone", *HERE, port=5070, password=password)


class Desk:
    """An office behind a Kamailio with a real phone on one desk."""

    def __init__(self, s, phone):
        program = {"baresip": "baresip", "linphone": "linphonec"}[phone]
        if not shutil.which(program, path="/usr/bin:" + os.environ.get("PATH", "")):
            raise Skip("%s is not installed" % program)
        proxy = Kamailio((USER,))
        self.office = Office(s, proxy, lots=lots())
        self.anchor, self.carla = self.office.anchor, self.office.carla
        make = {"baresip": Baresip, "linphone": Console}[phone]
        self.phone = make(s.stage, proxy.password(USER))
        self.phone.registered()

    def rings_for_carla(self):
        """Carla calls the desk, which answers: her line."""
        line = self.carla.call(USER)
        net.wait_for(lambda: any(k == "progress" and m.status == 180
                                 for _, k, m in line.history), 10, "the phone rings")
        self.phone.answer()
        line.talk()
        self.tone_at(line)
        return line

    def tone_at(self, line, seconds=15):
        """The desk's tone arrives."""
        if hasattr(self.phone, "speak"):
            self.phone.speak()
        start = len(line.media.received)

        def sounds():
            came = [d for _, d in line.media.received[start:]]
            sound = b"".join(d[12:] for d in came if len(d) == 172 and d[1] & 0x7f == 0)[-3200:]
            return len(sound) == 3200 and audio.share_of_tone(audio.decode(sound, 0), TONE) > 0.5
        net.wait_for(sounds, seconds, lambda: "the desk's tone is heard (%d packets came)" % (
            len(line.media.received) - start))

    def parks(self, line, number="700", slot=701):
        """The desk has sent its call to a park number and is out of it: the slot."""
        self.phone.transfer(number)
        found = self.anchor.wait_slot(slot, "parked", 10)
        # Some phones stay until their user hangs up, some go by themselves.
        if line.dialog.state == "confirmed":
            self.phone.hang_up()
        line.released(10)
        check(USER in (found["parker"] or ""), "the parker is %r" % found["parker"])
        self.office.hears_music(line)
        return found

    def put_down(self):
        """A phone that stayed in the call that it has transferred."""
        if self.phone.in_calls():
            self.phone.hang_up()

    def shown_on_lamp(self, slot):
        """The URI that a key with this slot dials."""
        shown = lamp.Lamp(self.office.stage, str(slot), user=USER)
        body = lamp.parts_of(shown.wait_state("confirmed"))[0]
        return body.root.find("d:dialog/d:local/d:target", lamp.NS).get("uri")

    def talking(self):
        net.wait_for(lambda: [c["state"] for c in self.anchor.calls()] == ["relay"], 10,
                     lambda: "the desk talks; there are %s" % self.anchor.calls())

    def close(self):
        self.office.close()


def park_and_fetch(s, phone):
    desk = Desk(s, phone)
    line = desk.rings_for_carla()
    number = desk.parks(line)["call"]
    caller = line.sent_on
    equal(caller.dialog.state, "confirmed", "the caller's call")
    desk.phone.dial_uri(desk.shown_on_lamp(701))
    desk.talking()
    desk.tone_at(caller)
    desk.phone.hold()
    desk.office.hears_music(caller)
    desk.phone.resume()
    desk.tone_at(caller)
    desk.phone.transfer("700")
    again = desk.anchor.wait_slot(701, "parked", 10)
    equal(again["call"], number, "the call in 701")
    check(USER in again["parker"], "the parker is %r" % again["parker"])
    desk.office.hears_music(caller)
    desk.put_down()
    desk.phone.dial("701")
    desk.talking()
    desk.tone_at(caller)
    desk.phone.hang_up()
    caller.released(10)
    desk.close()


def dials_for_a_slot(s, phone):
    desk = Desk(s, phone)
    desk.phone.dial("700")
    desk.anchor.wait_slot(701, "reserved", 10)
    desk.phone.hang_up()
    desk.anchor.wait_slot(701, "free", 10)
    desk.close()


def transfers_to_its_slot(s, phone):
    desk = Desk(s, phone)
    line = desk.rings_for_carla()
    desk.phone.hold()
    net.wait_for(lambda: "a=sendonly" in line.remote_sdp, 10, "the caller is held")
    desk.phone.dial("700")
    number = desk.anchor.wait_slot(701, "reserved", 10)["call"]
    net.wait_for(lambda: "2" in desk.phone.in_calls(), 10, "the phone has its answer")
    desk.phone.transfer_to(1, 2)
    slot = desk.anchor.wait_slot(701, "parked", 10)
    equal(slot["call"], number, "the call in 701")
    check(USER in slot["parker"], "the parker is %r" % slot["parker"])
    net.wait_for(lambda: line.sent_on and line.sent_on.dialog.state == "confirmed", 5,
                 "the caller is sent on")
    line.hang_up()
    desk.office.hears_music(line.sent_on)
    line.sent_on.hang_up()
    desk.close()


def recall_is_answered(s, phone):
    desk = Desk(s, phone)
    line = desk.rings_for_carla()
    since = desk.phone.mark()
    desk.parks(line, "710", 711)
    desk.phone.wait_ringing(since)
    line.sent_on.hang_up()
    desk.phone.wait_quiet(since)
    desk.office.nothing_left()
    line = desk.rings_for_carla()
    since = desk.phone.mark()
    desk.parks(line, "710", 711)
    desk.phone.wait_ringing(since)
    desk.phone.answer()
    desk.talking()
    desk.tone_at(line.sent_on)
    line.sent_on.hang_up()
    desk.close()


def cell(function, sentence, phone):
    def play(s):
        function(s, phone)
    play.__name__ = "%s_%s" % (function.__name__, phone)
    play.__doc__ = "%s: %s" % (phone, sentence)
    scenario(play)


for phone in ("baresip", "linphone"):
    cell(park_and_fetch, "parks by transfer, picks up what its lamp names, holds, resumes, "
         "parks again, fetches it and hangs up", phone)
    cell(dials_for_a_slot, "dials for a slot and frees it by hanging up", phone)
    cell(recall_is_answered, "is rung by the call it parked, no longer when the caller is gone, "
         "and answers", phone)
cell(transfers_to_its_slot, "dials for a slot and transfers the caller into it", "linphone")

if __name__ == "__main__":
    raise SystemExit(main(at_once=3))
