#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lamps of the phones people have: SIPp subscribes with the headers that each
make sends and checks what that make reads of the bodies."""
import os

from lib import net
from lib.phone import Phone
from lib.testing import equal, main, scenario

TEMPLATE = os.path.join(net.ROOT, "tests/e2e/sipp/lamp.xml")
OUTSIDE = "4930111111"
DIALOG = "application/dialog-info"
ENDED = "<state[^>]*>terminated</state>"


def pattern(text):
    """A regular expression as SIPp's reader of XML bears it."""
    for a, b in (("/>", "/."), ("&", "&amp;"), ("<", "&lt;"), ('"', "&quot;")):
        text = text.replace(a, b)
    return text


def phone(s, name, number, headers, lit, event="dialog", kind=DIALOG, free="dialog-info",
          out=ENDED, **lot):
    anchor, peer = s.anchor(**lot), s.peer()
    checks = "\n".join(
        '    <ereg regexp="%s" search_in="msg" check_it="true" assign_to="l%d"/>' % (
            pattern(text), i)
        for i, text in enumerate(lit))
    with open(TEMPLATE, encoding="utf-8") as f:
        text = f.read()
    for word, value in (("NUMBER", number), ("HEADERS", "\n".join(headers)), ("EVENT", event),
                        ("TYPE", kind), ("FREE", pattern(free)), ("LIT", checks),
                        ("OUT", pattern(out)),
                        ("MORE", "".join(",l%d" % i for i in range(len(lit))))):
        text = text.replace("@%s@" % word, value)
    path = os.path.join(s.folder, name + ".xml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    process = s.stage.spawn(
        s.stage.pbx, name, "sipp", "-sf", path, "-i", net.PBX, "-p", "5090", "-m", "1",
        "-timeout", "40s", "-timeout_error", "-nostdin", "-trace_err",
        "-error_file", os.path.join(s.folder, name + "-errors.log"),
        "%s:5060" % net.ANCHOR_TRUNK, env=dict(os.environ, TERM="dumb"))

    def watches():
        rows = anchor.ctl("subscription", "list")
        return rows and rows[0]["state"] == "told"
    net.wait_for(watches, 10, "the phone has its first NOTIFY")
    parked = peer.park(OUTSIDE, s.caller(), display="Carla Caller")
    net.wait_for(lambda: anchor.ctl("subscription", "list")[0]["notifies"] >= 2 and watches(), 5,
                 "the lamp is lit")
    parked.bye()
    status = process.wait(45)
    if status:
        raise net.Failed("SIPp ended with %s:\n%s" % (status, process.text()[-2000:]))
    equal(anchor.ctl("subscription", "list"), [], "subscriptions left")


IDENTITIES = ("<state>confirmed</state>", 'direction="recipient"',
              '<local>.*<identity display="Sales">sip:701@park.example.com</identity>'
              '.*<target uri="sip:701@park.example.com">',
              '<remote>.*<identity display="Carla Caller">sip:%s@pbx.example.com</identity>'
              '.*<target uri="sip:%s@pbx.example.com"/>' % (OUTSIDE, OUTSIDE))


@scenario
def yealink(s):
    "a Yealink-style BLF key reads both identities and both targets"
    phone(s, "yealink", "701",
          ("Event: dialog", "Accept: application/dialog-info+xml",
           "User-Agent: Yealink SIP-T46S 66.86.0.15", "Allow-Events: talk,hold,conference,refer"),
          IDENTITIES)


@scenario
def poly(s):
    "a Poly-style attendant console reads a full state and the caller"
    phone(s, "poly", "701",
          ("Event: dialog", "Accept: application/dialog-info+xml", "Accept-Language: en",
           "Supported: 100rel, replaces", "User-Agent: PolycomVVX-VVX_410-UA/5.9.0.9373"),
          IDENTITIES + ('state="full"',))


@scenario
def snom(s):
    "a Snom-style orbit key that subscribes to park+701 blinks with lamp_state: early"
    phone(s, "snom", "park+701",
          ("Event: dialog", "Accept: application/dialog-info+xml", "User-Agent: snom370/8.7.5.35",
           "Allow: NOTIFY, SUBSCRIBE"),
          ("<state>early</state>", 'entity="sip:park+701@park.example.com"'.replace("+", "[+]"),
           "Carla Caller"), lot__lamp_state="early")


@scenario
def grandstream(s):
    "a Grandstream-style eventlist BLF reads the list and its parts"
    phone(s, "grandstream", "team",
          ("Event: dialog", "Supported: eventlist, replaces, path",
           "Accept: multipart/related, application/rlmi+xml, application/dialog-info+xml",
           "User-Agent: Grandstream GXP2170 1.0.11.39"),
          ("Require: eventlist", 'resource uri="sip:701@park.example.com"',
           'instance id="701" state="active" cid=', "<state>confirmed</state>", "Carla Caller"),
          kind="multipart/related", free="fullState=.true.",
          lamps={"lists": [{"name": "team", "entries": ["701"]}]})


@scenario
def obihai(s):
    "an Obihai-style call park monitor sees no dialog, then one in Ringing"
    phone(s, "obihai", "701",
          ("Event: dialog", "Accept: application/dialog-info+xml",
           "User-Agent: OBIHAI/OBi1032-5.1.11"), ("<state>early</state>",),
          lot__lamp_state="early", lot__lamp_idle="empty")


@scenario
def broadworks(s):
    "a phone in BroadWorks mode reads the call-park document of call-info"
    phone(s, "broadworks", "701",
          ("Event: call-info", "Accept: application/x-broadworks-callpark-info+xml",
           "User-Agent: Any"),
          ("<parked><identity display=.Carla Caller.>sip:%s@pbx.example.com</identity>" % OUTSIDE,),
          event="call-info", kind="application/x-broadworks-callpark-info", free="<callpark/>",
          out="<callpark/>")


@scenario
def cucm_trunk(s):
    "a CUCM-style presence subscription over a trunk is served for any slot"
    phone(s, "cucm", "701",
          ("Event: presence", "Accept: application/pidf+xml", "User-Agent: Cisco-CUCM12.5",
           "P-Asserted-Identity: <sip:1005@pbx.example.com>", "Supported: X-cisco-srtp-fallback"),
          ("<rpid:on-the-phone/>", "Parked: 701 since [0-2][0-9]:[0-5][0-9]"),
          event="presence", kind="application/pidf", free="<basic>open", out="Free")


@scenario
def baresip(s):
    "a baresip that watches a slot shows it busy while somebody is parked, also after a restart"
    anchor, peer = s.anchor(), s.peer()
    phone = Phone(s.stage, s.stage.pbx, "baresip", "1005", "Bo", net.PBX, 440,
                  proxy=net.ANCHOR_TRUNK, port=5085, watches=["sip:701@park.example.com"])

    def shows(word):
        net.wait_for(lambda: word in phone.contacts(), 10, "the contact is %s (%r)" % (
            word, phone.contacts()))
    shows("Online")
    row = anchor.ctl("subscription", "list")[0]
    equal((row["watcher"], row["number"], row["event"]),
          ("sip:1005@pbx.example.com", "701", "presence"), "the subscription")
    parked = peer.park(OUTSIDE, s.caller())
    shows("Busy")
    anchor.kill()
    anchor.name = "holdfastd-again"
    anchor.start()
    parked.bye()
    shows("Online")
    equal([r["subscription"] for r in anchor.ctl("subscription", "list")], [row["subscription"]],
          "the subscription after the restart")


if __name__ == "__main__":
    raise SystemExit(main())
