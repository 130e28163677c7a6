#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Registered with a real registrar, Kamailio, that asks for a password: called
there by our name, and not any more when we have gone."""
import json
import os
import shutil
import signal

from lib import net
from lib.testing import Skip, equal, main, scenario

CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
auto_aliases=no
alias="pbx.example.com"
listen=udp:%(address)s:5060
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("registrar", "max_expires", 4)
modparam("auth", "nonce_expire", 3)
request_route {
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("pbx.example.com", "of course", "0")) {
            www_challenge("pbx.example.com", "1");
            exit;
        }
        save("location");
        exit;
    }
    if (!lookup("location")) {
        sl_send_reply("404", "Nobody of that name");
        exit;
    }
    t_relay();
}
"""
ENTRY = {"aor": "sip:park@pbx.example.com", "registrar": "sip:" + net.PBX, "contact": "700",
         "name": "holdfast", "password": "of course", "expires_s": 60}


def kamailio(s):
    program = shutil.which("kamailio", path="/usr/sbin:" + os.environ.get("PATH", ""))
    if not program:
        raise Skip("kamailio is not installed")
    folder = os.path.join(s.folder, "kamailio")
    os.makedirs(folder)
    config = os.path.join(folder, "kamailio.cfg")
    with open(config, "w") as f:
        f.write(CONFIG % {"address": net.PBX})
    process = s.stage.spawn(s.stage.pbx, "kamailio", program, "-DD", "-E", "-f", config, "-Y",
                            folder, "-P", os.path.join(folder, "pid"), "-m", "32", "-M", "8")

    def listens():
        if not process.alive():
            raise net.Failed("kamailio ended:\n" + process.text()[-3000:])
        return ":5060" in s.stage.pbx.run("ss", "-Hlun")
    net.wait_for(listens, 15, "kamailio listens")


def state(anchor):
    return anchor.ctl("registration", "list")[0]["state"]


@scenario
def registered(s):
    "registered by digest with a Kamailio, also one that comes later, renewed, over kill -9, and taken back at a stop"
    anchor = s.anchor(sip__register=[ENTRY])
    monitor = s.stage.spawn(s.stage.anchor, "monitor", os.path.join(os.path.dirname(
        anchor.argv()[0]), "holdfastctl"), "-j", "--socket", anchor.socket, "monitor")
    net.wait_for(monitor.text, 10, "the monitor's first line")
    equal(state(anchor), "registering", "before there is a registrar")
    kamailio(s)
    net.wait_for(lambda: state(anchor) == "registered", 20, "registered")
    equal(anchor.ctl("status")["registrations"], {"total": 1, "registered": 1}, "in the status")
    events = [json.loads(line) for line in monitor.text().splitlines()]
    equal([e["reason"] for e in events if e.get("event") == "registered"],
          ["sip:park@pbx.example.com: for 4 s at a time"], "the event")
    peer = s.peer(address=net.CALLER, namespace=s.stage.caller, anchor=(net.PBX, 5060))

    def called(status):
        call = peer.call("park", "1001", s.caller(), host="pbx.example.com")
        equal(call.status(), status, "the answer to who calls our name")
        if status == 200:
            anchor.wait_slot(701, "reserved")
            call.bye()
            anchor.wait_slot(701, "free")

    called(200)
    seen = anchor.ctl("registration", "list")[0]["expires_s"]
    net.wait_for(lambda: anchor.ctl("registration", "list")[0]["expires_s"] < seen, 5, "it ends")
    net.wait_for(lambda: anchor.ctl("registration", "list")[0]["expires_s"] >= seen, 8, "renewed")
    anchor.kill()
    anchor.again()
    net.wait_for(lambda: state(anchor) == "registered", 20, "registered again")
    called(200)
    anchor.process.popen.send_signal(signal.SIGTERM)
    anchor.process.wait(15)
    called(404)


if __name__ == "__main__":
    raise SystemExit(main())
