#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong around Holdfast: killed, misconfigured, not allowed."""
import os
import re
import socket
import subprocess
import time

from lib import anchor as anchors
from lib import net, ua
from lib.testing import check, equal, main, scenario

OUTSIDE, OUTSIDE_2 = "4930111111", "4930222222"


def refused(s, anchor, status, *needles):
    """It ends by itself with this status and one clear sentence."""
    code, said = anchor.run()
    equal(code, status, "exit status (it said: %s)" % said)
    for needle in needles:
        check(re.search(needle, said), "it does not say %r: %s" % (needle, said))
    check(anchor.sanitizer_report() is None, said)
    lines = [l for l in said.splitlines() if l.strip()]
    return lines


@scenario
def killed_controller(s):
    "kill -9 of holdfastd: parked callers hear music on, relayed callers talk on"
    anchor, peer = s.anchor(), s.peer()
    silent, parked, caller, b = s.caller(), s.caller(), s.caller(), s.phone()
    peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")
    equal(peer.call("701", "1002", b).status(), 200, "the answer")
    peer.park(OUTSIDE_2, parked)
    peer.park(OUTSIDE_2, silent)
    for media in (caller, b, parked):
        media.play()
    caller.wait_packets(10, match=ua.from_media(b))
    silent.wait_packets(10)
    anchor.kill()
    killed = time.time()
    caller.wait_packets(100, 6, since=killed, match=ua.from_media(b))
    b.wait_packets(100, 6, since=killed, match=ua.from_media(caller))
    for media in (parked, silent):
        net.wait_for(lambda m=media: m.received[-1][0] > killed + 2, 5, "music after the kill")
        seconds = media.received[-1][0] - killed
        check(abs(media.count(killed) - seconds * 50) <= 3, "%d frames in %.2f s" % (
            media.count(killed), seconds))


@scenario
def wrong_configuration(s):
    "a wrong configuration file is refused with file, line, key and nearest key, all at once"
    text = anchors.yaml(anchors.config())
    text = text.replace("outbound_proxy:", "outbund_proxy:")
    text = text.replace("timeout_s: 90", "timeout_s: soon")
    text = text.replace('ports: "20000-20199"', 'ports: "20199-20000"')
    text = text.replace("on_busy:", "on_bussy:")
    anchor = anchors.Anchor(s.stage, start=False, text=text)
    lines = text.splitlines()
    said = "\n".join(refused(s, anchor, 2))
    for key, nearest in (("outbund_proxy", "outbound_proxy"), ("timeout_s", None),
                         ("ports", None), ("on_bussy", "on_busy")):
        number = next(i for i, l in enumerate(lines, 1) if key + ":" in l)
        mine = [l for l in said.splitlines() if "holdfast.yaml:%d:" % number in l and key in l]
        check(mine, "no error for %s in line %d: %s" % (key, number, said))
        check(not nearest or nearest in mine[0].replace(key, ""),
              "the nearest key is not named: " + mine[0])
    checked = subprocess.run([anchor.argv()[0], "--check-config", anchor.config_path],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             check=False)
    equal(checked.returncode, 2, "exit status of --check-config")
    check("outbound_proxy" in checked.stdout and "on_busy" in checked.stdout,
          "--check-config says " + checked.stdout)


@scenario
def missing_configuration(s):
    "a configuration file that is not there is named"
    anchor = anchors.Anchor(s.stage, start=False, text="")
    os.remove(anchor.config_path)
    refused(s, anchor, 2, r"holdfast\.yaml.*No such file")


@scenario
def sip_port_in_use(s):
    "a SIP port in use is said in one sentence with the address"
    taken = s.stage.anchor.udp(net.ANCHOR_TRUNK, 5060)
    anchor = anchors.Anchor(s.stage, anchors.config(), start=False)
    refused(s, anchor, 1, r"192\.0\.2\.1.*5060.*(in use|taken)")
    taken.close()


@scenario
def media_port_in_use(s):
    "a socket bound in the media range is refused by name"
    taken = s.stage.anchor.udp("0.0.0.0", 20010)
    anchor = anchors.Anchor(s.stage, anchors.config(), start=False)
    refused(s, anchor, 1, r"20010")
    taken.close()


@scenario
def missing_privilege(s):
    "a missing privilege is named"
    anchor = anchors.Anchor(s.stage, anchors.config(), start=False)
    # Nobody can write root's folder; leave that out of the question.
    os.chmod(s.folder, 0o777)
    log = os.path.join(s.folder, "unprivileged.log")
    process = net.Process("unprivileged", s.stage.anchor.argv(
        "setpriv", "--bounding-set=-all", "--inh-caps=-all", *anchor.argv()), log)
    status = process.wait(10)
    said = process.text()
    process.stop()
    equal(status, 1, "exit status (it said: %s)" % said)
    check(re.search(r"CAP_[A-Z_]+", said), "it names no capability: " + said)


@scenario
def foreign_xdp_program(s):
    "a foreign XDP program is not replaced: its id, name and mode are said"
    s.stage.anchor.ip("link", "set", "dev", "trunk0", "xdpdrv", "obj", net.pass_program(),
                      "sec", "xdp")
    before = s.stage.anchor.ip("link", "show", "trunk0")
    number = re.search(r"prog/xdp id (\d+)", before).group(1)
    anchor = anchors.Anchor(s.stage, anchors.config(), start=False)
    refused(s, anchor, 1, r"trunk0", r"\b%s\b" % number, r"\bpass\b", r"native")
    after = s.stage.anchor.ip("link", "show", "trunk0")
    check("id " + number in after, "the foreign program is gone: " + after)
    links = s.stage.anchor.ip("link", "show", "office0")
    check("xdp" not in links, "a program was left on office0: " + links)


@scenario
def unknown_interface(s):
    "an interface that does not exist is named"
    settings = anchors.config()
    settings["media"]["addresses"][1]["interface"] = "office7"
    anchor = anchors.Anchor(s.stage, settings, start=False)
    code, said = anchor.run()
    check(code in (1, 2), "exit status %s" % code)
    check("office7" in said, "it does not name the interface: " + said)


@scenario
def started_twice(s):
    "a second holdfastd of the same instance is refused and the first goes on"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE, caller)
    caller.wait_packets(5)
    log = os.path.join(s.folder, "second.log")
    second = net.Process("second", s.stage.anchor.argv(*anchor.argv()), log)
    equal(second.wait(10), 1, "exit status (it said: %s)" % second.text())
    check(anchor.instance in second.text(), "it does not name the instance: " + second.text())
    second.stop()
    caller.wait_packets(caller.count() + 20)
    equal(anchor.slot(701)["state"], "parked", "the slot")


@scenario
def asked_to_stop(s):
    "SIGTERM ends holdfastd with 0, its callers get BYE, nothing stays behind"
    anchor, peer = s.anchor(), s.peer()
    call = peer.park(OUTSIDE, s.caller())
    anchor.wait_slot(701, "parked")
    process = anchor.process
    process.kill(15)
    call.wait("bye")
    equal(process.wait(8), 0, "exit status")
    check(not os.path.exists("/sys/fs/bpf/holdfast/" + anchor.instance), "pins were left")
    for device in "trunk0", "office0":
        check("xdp" not in s.stage.anchor.ip("link", "show", device), "XDP was left on " + device)
    left = net.run("ip", "netns", "pids", s.stage.anchor.name).split()
    equal(left, [], "processes left in the anchor")


@scenario
def garbage_is_survived(s):
    "bytes that are not SIP, and SIP that is broken, leave the daemon answering"
    anchor, peer = s.anchor(), s.peer()
    sender = s.stage.pbx.udp(net.PBX, 5999)
    good = (b"INVITE sip:700@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20:5999;branch=z9hG4bKx\r\n"
            b"From: <sip:1@pbx.example.com>;tag=a\r\nTo: <sip:700@x>\r\nCall-ID: g%d\r\n"
            b"CSeq: 1 INVITE\r\nContact: <sip:1@192.0.2.20:5999>\r\nMax-Forwards: 70\r\n"
            b"Content-Type: application/sdp\r\nContent-Length: 9999\r\n\r\nv=0\r\n")
    for i in range(0, len(good), 7):
        sender.sendto(good[:i] % i if b"%d" in good[:i] else good[:i], (net.ANCHOR_TRUNK, 5060))
    for junk in (b"\0" * 100, b"\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", os.urandom(1400),
                 good % 1, good.replace(b"INVITE", b"\xff\xfe") % 2):
        sender.sendto(junk, (net.ANCHOR_TRUNK, 5060))
    equal(peer.options().status, 200, "OPTIONS")
    caller = s.caller()
    peer.park(OUTSIDE, caller)
    caller.wait_packets(5)
    sender.close()


@scenario
def half_a_tcp_message(s):
    "a TCP peer that sends half a message does not hold up the others"
    s.anchor()
    peer = s.peer()
    half = s.stage.pbx.call(socket.create_connection, (net.ANCHOR_TRUNK, 5060), 2)
    half.sendall(b"INVITE sip:700@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.20")
    equal(peer.options().status, 200, "OPTIONS")
    half.close()
    equal(peer.options().status, 200, "OPTIONS after it is gone")


if __name__ == "__main__":
    raise SystemExit(main())
