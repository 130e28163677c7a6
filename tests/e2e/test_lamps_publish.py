#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lamps published to a presence server: Kamailio with its presence modules, and
a phone that subscribes there."""
import os
import shutil
import signal

from lib import net
from lib.lamp import Lamp
from lib.testing import Skip, check, equal, main, scenario

OUTSIDE = "4930111111"
TABLES = "/usr/share/kamailio/dbtext/kamailio"

CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
auto_aliases=no
listen=udp:%(address)s:5060
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
loadmodule "db_text.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
loadmodule "presence_dialoginfo.so"
modparam("presence", "db_url", "text://%(folder)s")
modparam("presence_xml", "db_url", "text://%(folder)s")
modparam("presence", "server_address", "sip:%(address)s:5060")
modparam("presence", "min_expires_action", 1)
modparam("presence", "min_expires", %(min_expires)d)
modparam("presence_xml", "force_active", 1)
request_route {
    %(who)s
    if (is_method("PUBLISH|SUBSCRIBE")) {
        if (!t_newtran()) { sl_reply_error(); exit; }
        if (is_method("PUBLISH")) handle_publish();
        else handle_subscribe();
        exit;
    }
    sl_send_reply("405", "Not here");
}
"""


PASSWORD = """if (is_method("PUBLISH") && !pv_www_authenticate("presence", "of course", "0")) {
        www_challenge("presence", "1");
        exit;
    }"""
ACCOUNTS = {"accounts": [{"realm": "presence", "name": "holdfast", "password": "of course"}]}


class Kamailio:
    """At the caller's address, where the phones and the anchor reach it."""

    def __init__(self, s, min_expires=0, who=""):
        program = shutil.which("kamailio", path="/usr/sbin:" + os.environ.get("PATH", ""))
        if not program or not os.path.isdir(TABLES):
            raise Skip("kamailio with its presence modules is not installed")
        self.s, self.program, self.min_expires = s, program, min_expires
        self.runs = 0
        self.who = who      # has to prove it
        self.start()

    def start(self):
        self.runs += 1
        folder = os.path.join(self.s.folder, "kamailio%d" % self.runs)
        shutil.copytree(TABLES, folder)
        config = os.path.join(folder, "kamailio.cfg")
        with open(config, "w") as f:
            f.write(CONFIG % {"address": net.CALLER, "folder": folder, "who": self.who,
                              "min_expires": self.min_expires})
        self.process = self.s.stage.spawn(
            self.s.stage.caller, "kamailio%d" % self.runs, self.program, "-DD", "-E", "-f", config,
            "-Y", folder, "-P", os.path.join(folder, "pid"), "-m", "32", "-M", "8")
        net.wait_for(self._listens, 15, "kamailio listens")

    def _listens(self):
        if not self.process.alive():
            raise net.Failed("kamailio ended:\n" + self.process.text()[-3000:])
        return ":5060" in self.s.stage.caller.run("ss", "-Hlun")

    def stop(self):
        self.process.stop()


def phone(s, event="dialog", port=5070):
    return Lamp(s.stage, "701", event, port=port, anchor=net.CALLER, domain=net.CALLER)


def publish(event="dialog", expires_s=10):
    return {"publish": {"to": "sip:" + net.CALLER, "event": event, "expires_s": expires_s}}


@scenario
def phone_at_a_presence_server(s):
    "a phone that subscribes at Kamailio sees the lamp light, stay lit and go out"
    Kamailio(s)
    s.anchor(lamps=publish())
    peer = s.peer()
    l = phone(s)
    l.wait_count(1)
    parked = peer.park(OUTSIDE, s.caller(), display="Carla Caller")
    lit = l.wait_state("confirmed", 8)
    check("Carla Caller" in lit.body, lit.body)
    # Beyond the time it was published for: it was refreshed.
    later = phone(s, port=5071)

    def still_lit():
        later.subscribe()
        return lit.time + 14 < later.notifies[-1].time if later.notifies else False
    net.wait_for(still_lit, 25, "the time of the publication is over")
    equal(later.state(), "confirmed", "the lamp after the time of the publication")
    parked.bye()
    l.wait_state("", 8)
    equal([e for e in l.errors + later.errors if "display" not in e], [], "bodies")


@scenario
def presence_at_a_presence_server(s):
    "published as presence, the phone at Kamailio sees who is on the phone"
    Kamailio(s)
    s.anchor(lamps=publish("presence"))
    peer = s.peer()
    l = phone(s, "presence")
    parked = peer.park(OUTSIDE, s.caller())
    l.wait_state("on-the-phone", 8)
    parked.bye()
    l.wait_state("", 8)


@scenario
def presence_server_restarts(s):
    "a presence server that was restarted and knows nothing (412) is told again"
    server = Kamailio(s)
    s.anchor(lamps=publish())
    peer = s.peer()
    peer.park(OUTSIDE, s.caller())
    l = phone(s)
    l.wait_state("confirmed", 8)
    server.stop()
    server.start()
    again = phone(s, port=5072)
    again.wait_state("confirmed", 20)


@scenario
def publications_over_a_kill(s):
    "at a server that asks for a password what was published before kill -9 is changed afterwards, not doubled; a stop takes it back"
    Kamailio(s, who=PASSWORD)
    anchor = s.anchor(lamps=publish(expires_s=600), sip__digest=ACCOUNTS)
    peer = s.peer()
    parked = peer.park(OUTSIDE, s.caller())
    l = phone(s)
    l.wait_state("confirmed", 8)
    anchor.kill()
    anchor.name = "holdfastd-again"
    anchor.start()
    parked.bye()
    anchor.wait_slot(701, "free")
    l.wait_state("", 8)
    later = phone(s, port=5071)         # what the server makes of all it has
    later.wait_count(1)
    equal(later.state(), "", "the lamp for who comes later")
    peer.park(OUTSIDE, s.caller())
    l.wait_state("confirmed", 8)
    anchor.process.kill(signal.SIGTERM)
    equal(anchor.process.wait(10), 0, "exit status")
    l.wait_state("", 8)


@scenario
def presence_server_wants_longer(s):
    "a presence server that wants longer intervals (423) gets them"
    Kamailio(s, min_expires=60)
    s.anchor(lamps=publish(expires_s=10))
    peer = s.peer()
    peer.park(OUTSIDE, s.caller())
    phone(s).wait_state("confirmed", 8)


@scenario
def presence_server_comes_late(s):
    "a presence server that is not there at first is told when it is"
    s.anchor(lamps=publish())
    peer = s.peer()
    peer.park(OUTSIDE, s.caller())
    Kamailio(s)
    phone(s).wait_state("confirmed", 45)


if __name__ == "__main__":
    raise SystemExit(main())
