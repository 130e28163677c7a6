#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said outside of calls: parked calls called out on phones and to
multicast groups, refusals in words, clips played to a phone. The words are found
in what the wire carried.
"""
import os
import subprocess
import time

from lib import anchor, audio, net, sip, ua
from lib.hearing import ANCHORS, music, prompts, spoken, stream_to, timeline, where, words_in
from lib.testing import check, equal, main, scenario

GROUP = ("239.255.70.1", 5004)


def start(s, paging=None, codecs=("PCMA",), **changes):
    changes.setdefault("audio__prompts", prompts())
    changes.setdefault("lot__labels", {})
    if paging:
        changes["paging"] = paging
    return s.anchor(audio__codecs=list(codecs), **changes)


def ready(holdfastd, *clips):
    """Labels are spoken after the start."""
    for clip in clips:
        net.wait_for(lambda c=clip: holdfastd.ctl("audio", "show", c)["state"] == "ready", 60,
                     "the clip %s is there" % clip)


def park(s, peer, user):
    media = s.caller(pt=8)
    return peer.park(user, media, sdp=media.sdp(codecs=(8,)))


def heard(trace, media, pt=8):
    packets = [p for p in trace.rtp(dst=media.address) if p.src[0] in ANCHORS]
    return timeline(pt, stream_to(packets, media))


def phone_known(s):
    """A phone that the anchor's kernel has seen: nothing that is said to it waits
    for ARP."""
    phone = s.phone(pt=8)
    phone.sock.sendto(b"here", (net.ANCHOR_OFFICE, 9))
    return phone


def digits(slot):
    return tuple(slot)


@scenario
def zone_of_phones(s):
    "a parked call is called out on phones that are asked to answer by themselves: tone, label, slot, and BYE"
    holdfastd = start(s, [{"name": "yard", "phones": [
        {"uri": "sip:1002@pbx.example.com"},
        {"uri": "sip:1003@pbx.example.com", "auto_answer": "alert_info"}]}],
        lot__page="yard", lot__labels={"701": "Sales"})
    ready(holdfastd, "en/=Sales")
    peer = s.peer()
    trace = s.trace()
    media = {"1002": phone_known(s), "1003": phone_known(s)}
    park(s, peer, "4930111101")
    calls = [peer.expect_call(), peer.expect_call()]
    for call in calls:
        request = call.transaction.request
        user = sip.user_of(request.uri)
        if user == "1002":
            equal(request.get("call-info"), "<sip:park.example.com>;answer-after=0", "Call-Info")
            equal(request.get("alert-info"), None, "Alert-Info of the other kind")
        else:
            check("alert-autoanswer" in request.get("alert-info"), "Alert-Info says %s" %
                  request.get("alert-info"))
        check('"Call on 701: Sales"' in request.get("from"), "From is %s" % request.get("from"))
        call.media = media[user]
        call.media.towards(call.remote_sdp)
        call.accept(call.media.sdp(codecs=(8,)))
    for call in calls:
        call.wait("bye", 20)
    folder = prompts()
    label = spoken(holdfastd.folder, "Sales")
    for phone in media.values():
        sound = heard(trace, phone)
        at = words_in(sound, ("call-for", "on") + digits("701"), folder)
        check(at[0] < 0.5, "the words begin at %.2f s" % at[0])
        place, alike = where(label, sound)
        check(alike > 0.9 and at[0] < place < at[1], "the label is heard with %.3f at %.2f s" % (
            alike, place))
    equal(holdfastd.slot("701")["state"], "parked", "the slot")


@scenario
def parks_in_a_row(s):
    "several parks in a row are said in order, one after the other, on one phone"
    start(s, [{"name": "yard", "phones": [{"uri": "sip:1002@pbx.example.com"}]}],
          lot__page="yard")
    peer = s.peer()
    trace = s.trace()
    for i in range(3):
        park(s, peer, "493011110%d" % i)
    media, ends = [], []
    for slot in ("701", "702", "703"):
        phone = phone_known(s)
        call = peer.expect_call("1002", 10, phone)
        check(peer.incoming.empty(), "two announcements at once")
        call.accept(phone.sdp(codecs=(8,)))
        bye = call.wait("bye", 20)
        check(bye, "the announcement ends")
        media.append((slot, phone))
        ends.append(call.history[-1][0])
    folder, last = prompts(), 0
    for slot, phone in media:
        words_in(heard(trace, phone), ("call-on",) + digits(slot), folder)
        first = min(at for at, _ in phone.received)
        check(first > last, "%s is said before the one in front of it is over" % slot)
        last = max(at for at, _ in phone.received)


@scenario
def zone_by_multicast(s):
    "two parks are called out to a multicast group, in order, in one stream, with its TTL and by its interface only"
    start(s, [{"name": "yard", "multicast": {
        "group": GROUP[0], "port": GROUP[1], "ttl": 3, "interface": "office0",
        "codec": "G722"}}], codecs=["PCMA", "G722"], lot__page="yard")
    peer = s.peer()
    trace = s.trace()
    park(s, peer, "4930111101")
    park(s, peer, "4930111102")

    def paged():
        got = [d for d in trace.datagrams() if d.dst == GROUP]
        return len(got) > 250 and time.time() - got[-1].time > 1.5
    net.wait_for(paged, 30, "two announcements to the group")
    trace.stop()
    sent = [d for d in trace.datagrams() if d.dst == GROUP]
    equal({d.side for d in sent}, {"office"}, "the side it leaves by")
    equal({d.ttl for d in sent}, {3}, "TTL")
    equal({d.dmac.hex() for d in sent}, {"01005e7f4601"}, "hardware address of the group")
    check(all(d.checksum_ok for d in sent), "UDP checksums")
    packets = trace.rtp(dst=GROUP)
    equal({p.pt for p in packets}, {9}, "payload type")
    equal(len({(p.ssrc, p.src) for p in packets}), 1, "streams")
    steps = {(b.seq - a.seq) & 0xffff for a, b in zip(packets, packets[1:])}
    equal(steps, {1}, "steps of the sequence")
    pauses = [i for i, (a, b) in enumerate(zip(packets, packets[1:])) if b.time - a.time > 0.2]
    equal(len(pauses), 1, "pauses between announcements")
    folder = prompts()
    for slot, part in (("701", packets[:pauses[0] + 1]), ("702", packets[pauses[0] + 1:])):
        words_in(timeline(9, part), ("call-on",) + digits(slot), folder, likeness=0.85)


@scenario
def paged_by_hand(s):
    "call page calls a waiting call out, in words of another language; the event says how many were reached"
    holdfastd = start(s, [{"name": "yard", "phones": [{"uri": "sip:1002@pbx.example.com"}]},
                          {"name": "hall", "answer_s": 1,
                           "phones": [{"uri": "sip:1003@pbx.example.com"}]}],
                      lot__voice={"language": "de"})
    peer = s.peer()
    trace = s.trace()
    park(s, peer, "4930111101")
    number = str(holdfastd.calls()[0]["call"])
    answer = holdfastd.ctl("call", "page", number, check=False)
    check("name one" in answer["error"]["message"], "without a zone: %s" % answer)
    answer = holdfastd.ctl("call", "page", number, "attic", check=False)
    equal(answer["error"]["code"], "not_found", "an unknown zone")
    monitor = s.stage.spawn(s.stage.anchor, "monitor",
                            os.path.join(anchor.programs(), "holdfastctl"), "-j", "--socket",
                            holdfastd.socket, "monitor", "--count", "2")
    net.wait_for(lambda: "hello" in monitor.text(), 5, "the monitor listens")
    equal(holdfastd.ctl("call", "page", number, "yard")["did"], "paging", "the answer")
    holdfastd.ctl("call", "page", number, "hall")
    phone = phone_known(s)
    call = peer.expect_call(None, 5, phone)
    other = peer.expect_call(None, 5)
    if sip.user_of(call.transaction.request.uri) == "1003":
        call, other = other, call
        call.media = phone
        phone.towards(call.remote_sdp)
    other.ring()    # else there can be no CANCEL
    call.accept(phone.sdp(codecs=(8,)))
    other.wait("cancel", 5)
    call.wait("bye", 20)
    words_in(heard(trace, phone), ("call-on",) + digits("701"), prompts(), "de")
    monitor.wait(10)
    said = monitor.text()
    check("zone hall: 0 of 1 reached" in said and "zone yard: 1 of 1 reached" in said,
          "the events say %s" % said[-600:])


@scenario
def refused_in_words(s):
    "a colleague who dials an empty slot hears so and is hung up; who is transferred there is not"
    start(s, lot__voice={"refusals": "answered"})
    peer = s.peer()
    trace = s.trace()
    phone = phone_known(s)
    call = peer.call("703", "1002", phone, sdp=phone.sdp(codecs=(8,)))
    equal(call.status(), 200, "the answer to an empty slot")
    call.wait("bye", 10)
    words_in(heard(trace, phone), ("empty",), prompts())
    stranger = s.caller(pt=8)
    equal(peer.call("703", "4930111109", stranger).status(), 403, "a stranger")


@scenario
def refused_in_words_early(s):
    "with early media it is said in a 183 and the call is refused afterwards, never answered; a full lot too"
    start(s, lot__voice={"refusals": "early"}, lot__slots="701-702")
    peer = s.peer()
    trace = s.trace()
    for i in range(2):
        park(s, peer, "493011110%d" % i)
    for dialled, word, status in (("700", "full", 486), ("*88701", None, 200)):
        phone = phone_known(s)
        call = peer.call(dialled, "1002", phone, sdp=phone.sdp(codecs=(8,)))
        equal(call.status(10), status, "the end of %s" % dialled)
        progress = [m for _, kind, m in call.history if kind == "progress" and m.status == 183]
        equal(len(progress), 1 if word else 0, "183 answers to %s" % dialled)
        if word:
            check("m=audio" in progress[0].body, "SDP in the 183")
            words_in(heard(trace, phone), (word,), prompts())


@scenario
def clip_played_to_a_phone(s):
    "audio play calls a phone, plays the clip once and hangs up; it fails when nobody answers"
    holdfastd = start(s)
    peer = s.peer()
    trace = s.trace()
    program = os.path.join(anchor.programs(), "holdfastctl")

    def play(name, clip="default"):
        return s.stage.spawn(s.stage.anchor, name, program, "--socket", holdfastd.socket,
                             "audio", "play", clip, "--to", "sip:1002@pbx.example.com")
    phone = phone_known(s)
    done = play("play")
    call = peer.expect_call("1002", 5, phone)
    call.accept(phone.sdp(codecs=(8,)))
    call.wait("bye", 30)
    equal(done.wait(10), 0, "the exit status (%s)" % done.text())
    check("default was played" in done.text(), "it says %s" % done.text())
    want = audio.read_wav(holdfastd.audio_path)
    sound = heard(trace, phone)
    frames = -(-len(want) // 160)
    check(abs(len(sound) // 160 - frames) <= 1, "%d frames of %d" % (len(sound) // 160, frames))
    _, alike = where(want[:len(sound) - 8000].astype(float), sound)
    check(alike > 0.95, "it is heard with %.3f" % alike)
    busy = play("busy")
    peer.expect_call("1002", 5).reject(486)
    equal(busy.wait(10), 1, "the exit status when it is busy")
    check("486" in busy.text(), "it says %s" % busy.text())
    none = play("none", "nosuch")
    equal(none.wait(10), 1, "the exit status of an unknown clip")
    check("no clip" in none.text(), "it says %s" % none.text())


@scenario
def announcement_outlives_the_controller(s):
    "a page that is being said when the controller is killed is said to its end, and the next one hangs it up"
    holdfastd = start(s, [{"name": "yard", "phones": [{"uri": "sip:1002@pbx.example.com"}]}],
                      lot__page="yard")
    peer = s.peer()
    trace = s.trace()
    park(s, peer, "4930111101")
    phone = phone_known(s)
    call = peer.expect_call("1002", 5, phone)
    call.accept(phone.sdp(codecs=(8,)))
    phone.wait_packets(10, 10)
    holdfastd.kill()
    holdfastd.start()
    call.wait("bye", 20)
    words_in(heard(trace, phone), ("call-on",) + digits("701"), prompts())
    equal(holdfastd.slot("701")["state"], "parked", "the slot")


@scenario
def escape_key(s):
    "a waiting caller is told which key leads out, presses it after the controller was killed and started again, and talks to the operator"
    path, _ = music(s.stage, seconds=12.0)
    holdfastd = start(s, audio__clips=[{"name": "default", "file": path}],
                      lot__escape={"key": "*", "to": "sip:operator@pbx.example.com"})
    ready(holdfastd, "default+en/escape-*")
    peer = s.peer()
    trace = s.trace()
    caller = s.caller(pt=8)
    peer.park("4930111101", caller, sdp=caller.sdp(codecs=(8,)))
    caller.wait_packets(11 * 50, 25)
    words_in(heard(trace, caller), ("press", "star", "to-be-put-through"), prompts(),
             likeness=0.8)
    holdfastd.kill()
    holdfastd.start()
    caller.press("*", 5)
    operator = phone_known(s)
    call = peer.expect_call("operator", 10, operator)
    equal(holdfastd.slot("701")["state"], "recalling", "the slot")
    call.accept(operator.sdp(codecs=(8,)))
    operator.play()
    caller.wait_packets(20, 10, match=ua.from_media(operator))
    equal(holdfastd.slot("701")["state"], "free", "the slot")


if __name__ == "__main__":
    raise SystemExit(main())
