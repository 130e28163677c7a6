#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which sound it is: music of one call, playlists, spoken texts, ready-made frames,
one's own prompts, and what is said into each. How good it is: test_audio.py; what
is said outside of calls: test_paging.py.
"""
import os
import pty
import re
import shutil
import subprocess
import threading
import time
import wave

import numpy

from lib import anchor, audio, net, wire
from lib.hearing import ANCHORS, compare, music, places, prompts, resample, spoken, stream_to, \
    timeline, where, words_in
from lib.testing import check, equal, main, scenario

GROUP = ("239.255.70.9", 5006)


def start(s, clips, codecs=("PCMA",), **changes):
    changes.setdefault("audio__prompts", prompts())
    return s.anchor(audio__codecs=list(codecs), audio__clips=clips, **changes)


def park(s, peer, user, pt=8, **how):
    media = s.caller(pt=pt)
    peer.park(user, media, sdp=media.sdp(codecs=(pt,)), **how)
    return media


def stream(trace, media):
    return stream_to([p for p in trace.rtp(dst=media.address) if p.src[0] in ANCHORS], media)


def is_ready(holdfastd, clip):
    net.wait_for(lambda: clip in holdfastd.ctl("audio", "list", json_=False) and
                 holdfastd.ctl("audio", "show", clip)["state"] == "ready", 60,
                 "the clip %s is ready" % clip)


@scenario
def said_into_any_music(s):
    "announcement and escape key are said into the music of a rule, of a header and of a clip added by hand, which goes on behind them"
    first, _ = music(s.stage, "first.wav")
    second, ruled = music(s.stage, "second.wav", first=60.0)
    third, named = music(s.stage, "third.wav", first=80.0)
    fourth, added = music(s.stage, "fourth.wav", first=40.0)
    said, words = music(s.stage, "said.wav", first=100.0, seconds=2.0)
    holdfastd = start(
        s, [{"name": "default", "file": first}, {"name": "gold", "file": second},
            {"name": "sales", "file": third}, {"name": "thanks", "file": said}],
        lot__voice={"announce": "thanks", "announce_every_s": 10},
        lot__escape={"key": "*", "to": "sip:operator@pbx.example.com"},
        lot__hold_audio_rules=[{"caller": "+33*@*", "clip": "gold"}])
    holdfastd.ctl("audio", "add", "late", fourth)
    # Nobody has heard the others yet, so nothing was put into them.
    is_ready(holdfastd, "gold+thanks")
    peer = s.peer()
    trace = s.trace()
    heard = [(park(s, peer, "+33199"), "gold", ruled),
             (park(s, peer, "4930111101", headers=(("X-Holdfast-Audio", "sales"),)), "sales", named),
             (park(s, peer, "4930111102", headers=(("X-Holdfast-Audio", "late"),)), "late", added)]
    for _, name, _ in heard:
        is_ready(holdfastd, name + "+en/escape-*")
        is_ready(holdfastd, name + "+thanks")
    heard[-1][0].wait_packets(32 * 50, 60)
    piece = resample(words, len(words) // 2)
    for media, name, loop in heard:
        sound = timeline(8, stream(trace, media))
        at = places(piece, sound, 0.9)
        check(at, "thanks is not said into %s" % name)
        words_in(sound[:int(at[0] * 8000)], ("press", "star", "to-be-put-through"), prompts(),
                 likeness=0.8)
        behind = sound[int((at[0] + len(piece) / 8000 + 0.3) * 8000):][:4 * 8000]
        least, jumps = compare(8, behind, loop, skip=0)
        check(least > 0.99 and not jumps, "%s goes on with %.4f, %d jumps" % (name, least, jumps))


@scenario
def prompts_of_ones_own(s):
    "a folder of recordings takes the place of the shipped prompts"
    folder = os.path.join(s.stage.folder, "recorded")
    shutil.copytree(os.path.join(prompts(), "en"), os.path.join(folder, "en"))
    mine, _ = music(s.stage, "mine.wav", first=30.0, seconds=1.2)
    shutil.copy(mine, os.path.join(folder, "en/parked-at.wav"))
    start(s, [{"name": "default", "file": "hold.wav"}], audio__prompts=folder)
    peer = s.peer()
    trace = s.trace()
    media = s.caller(pt=8)
    equal(peer.call("700", "1001", media, sdp=media.sdp(codecs=(8,))).status(), 200, "the answer")
    media.wait_packets(220, 12)
    at = words_in(timeline(8, stream(trace, media)), ("parked-at", "7", "0", "1"), folder,
                  likeness=0.85)
    check(at[0] < 0.1, "the recording begins at %.2f s" % at[0])


@scenario
def zone_of_one_call(s):
    "a header pages one call in a zone where the lot pages none, and none where it pages all"
    start(s, [{"name": "default", "file": "hold.wav"}], lot__page="yard", paging=[
        {"name": "yard", "phones": [{"uri": "sip:1002@pbx.example.com"}]},
        {"name": "hall", "phones": [{"uri": "sip:1003@pbx.example.com"}]}])
    peer = s.peer()
    trace = s.trace()
    park(s, peer, "4930111101", headers=(("X-Holdfast-Page", "none"),))
    park(s, peer, "4930111102", headers=(("X-Holdfast-Page", "hall"),))
    phone = s.phone(pt=8)
    call = peer.expect_call("1003", 10, phone)
    call.accept(phone.sdp(codecs=(8,)))
    call.wait("bye", 20)
    words_in(timeline(8, stream(trace, phone)), ("call-on", "7", "0", "2"), prompts())
    check(peer.incoming.empty(), "the other call is called out")


@scenario
def group_gets_what_a_phone_gets(s):
    "each packet to a paging group is plain RTP, and its bytes are those a phone of the zone gets"
    start(s, [{"name": "default", "file": "hold.wav"}], lot__page="yard", lot__labels={}, paging=[
        {"name": "yard", "phones": [{"uri": "sip:1002@pbx.example.com"}],
         "multicast": {"group": GROUP[0], "port": GROUP[1], "interface": "office0",
                       "codec": "PCMA"}}])
    peer = s.peer()
    trace = s.trace()
    park(s, peer, "4930111101")
    phone = s.phone(pt=8)
    call = peer.expect_call("1002", 10, phone)
    call.accept(phone.sdp(codecs=(8,)))
    call.wait("bye", 20)
    trace.stop()
    sent = [d for d in trace.datagrams() if d.dst == GROUP]
    check(len(sent) > 100, "%d packets to the group" % len(sent))
    head = sent[0].data[:12]
    seq, stamp = int.from_bytes(head[2:4], "big"), int.from_bytes(head[4:8], "big")
    for i, d in enumerate(sent):
        equal(d.data[:12].hex(), (bytes((0x80, 0x88 if not i else 0x08)) +
                                     (seq + i & 0xffff).to_bytes(2, "big") +
                                     (stamp + 160 * i & 0xffffffff).to_bytes(4, "big") +
                                     head[8:12]).hex(), "the head of packet %d" % i)
        equal(len(d.data), 172, "its length")
        equal((d.ttl, d.checksum_ok), (1, True), "TTL, checksum")
    equal(b"".join(d.data[12:] for d in sent),
          b"".join(p.payload for p in stream(trace, phone)), "the bytes of the words")


@scenario
def a_text_is_spoken(s):
    "a clip may be a text, which the engine speaks in its voice"
    text = "Thank you for calling the yard."
    start(s, [{"name": "default", "file": "hold.wav"}, {"name": "spoken", "text": text}])
    peer = s.peer()
    trace = s.trace()
    media = park(s, peer, "4930111101", headers=(("X-Holdfast-Audio", "spoken"),))
    media.wait_packets(250, 12)
    want = spoken(s.stage.folder, text)
    _, alike = where(want, timeline(8, stream(trace, media)))
    check(alike > 0.95, "it is heard with %.3f" % alike)


@scenario
def ready_made_g729(s):
    "who speaks only G.729 hears the ready-made frames, byte by byte and round again"
    frames = numpy.random.default_rng(729).integers(0, 256, 60 * 20, "u1").tobytes()
    path = os.path.join(s.stage.folder, "music.g729")
    with open(path, "wb") as f:
        f.write(frames)
    start(s, [{"name": "default", "file": "hold.wav", "g729": path}], codecs=["PCMA", "G729"])
    peer = s.peer()
    trace = s.trace()
    media = park(s, peer, "4930111101", pt=18)
    media.wait_packets(150, 10)
    packets = stream(trace, media)
    equal({p.pt for p in packets}, {18}, "payload type")
    got = b"".join(p.payload for p in packets if len(p.payload) == 20)
    at = frames.find(got[:40])
    check(at >= 0 and at % 20 == 0, "the first frames are not of the file")
    want = (frames * 4)[at:at + len(got)]
    equal(len(got), 20 * len(packets), "bytes")
    skipped = [(a.seq, b.seq) for a, b in zip(packets, packets[1:])
               if wire.difference32(b.ts, a.ts) != 160]
    check(skipped or got == want, "the frames are not those of the file in their order")


@scenario
def playlist_and_radio(s):
    "a playlist is heard in its order, a shuffled one whole; of a shared clip all hear the same moment, of another each his own"
    files, pieces = [], []
    for i in range(3):
        path, x = music(s.stage, "part%d.wav" % i, first=20.0 + 25 * i, seconds=1.7)
        files.append(path)
        pieces.append(resample(x, len(x) // 2))
    path, loop = music(s.stage, seconds=12.0)
    start(s, [{"name": "default", "file": path}, {"name": "radio", "file": path, "position": "shared"},
              {"name": "list", "files": files}, {"name": "mixed", "files": files, "shuffle": True}])
    peer = s.peer()
    trace = s.trace()

    def hears(user, clip):
        return park(s, peer, user, headers=(("X-Holdfast-Audio", clip),))
    first = [hears("4930111101", "list"), hears("4930111102", "mixed"),
             hears("4930111103", "radio"), hears("4930111104", "default")]
    first[-1].wait_packets(75, 10)
    later = [hears("4930111105", "radio")]
    later[-1].wait_packets(330, 15)
    orders = []
    for media in first[:2]:
        sound = timeline(8, stream(trace, media))[:int(8000 * 6.6)]
        at = [(places(piece, sound, 0.9) or [None])[0] for piece in pieces]
        check(None not in at, "a piece of the list is missing: %s" % at)
        orders.append(at)
    equal(orders[0], sorted(orders[0]), "the order of the list")
    loop8 = audio.through_codec(numpy.round(resample(loop, len(loop) // 2)), 8).astype(float)

    def phase(media, after):
        """Where in the loop this one is at a moment of the wire, in seconds."""
        packets = [p for p in stream(trace, media) if p.time >= after][:100]
        place, alike = audio.find(timeline(8, packets), loop8)
        check(alike > 0.99, "it is heard with %.3f" % alike)
        return place / 8000 - (packets[0].time - after)
    moment = later[0].received[60][0]
    length = len(loop8) / 8000

    def apart(a, b):
        return abs((a - b + length / 2) % length - length / 2)
    radio = phase(first[2], moment)
    check(apart(radio, phase(later[0], moment)) < 0.08, "two hear the radio at another moment")
    began = moment - first[3].received[0][0]
    own = phase(first[3], moment)
    check(apart(own, began % length) < 0.2, "music from its start is at %.2f s after %.2f s" % (
        own, began))


def percents_of(holdfastd, *argv):
    """What a terminal shows while a file is added: (exit status, percents, text)."""
    ours, theirs = pty.openpty()
    command = [os.path.join(anchor.programs(), "holdfastctl"), "--socket", holdfastd.socket, *argv]
    text = []

    def read():
        try:
            while True:
                text.append(os.read(ours, 4096).decode())
        except OSError:
            pass
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    done = subprocess.run(holdfastd.stage.anchor.argv(*command), stdout=subprocess.PIPE,
                          stderr=theirs, text=True, check=False, timeout=120)
    os.close(theirs)
    thread.join(5)
    os.close(ours)
    said = "".join(text)
    return done.returncode, [int(n) for n in re.findall(r"(\d+) %", said)], done.stdout + said


def long_file(s, name, seconds):
    """So many seconds of music at 16000 samples a second."""
    path, x = music(s.stage, name, first=1.0, seconds=100.0)
    with wave.open(path, "wb") as f:
        f.setparams((1, 2, 16000, 0, "NONE", ""))
        f.writeframes(numpy.resize(numpy.round(x).astype("<i2"), seconds * 16000).tobytes())
    return path


@scenario
def figures_of_the_memory(s):
    "a long file shows how far it is; audio list says in which codecs each clip is loaded and what it takes; what does not fit is refused with figures and changes nothing"
    holdfastd = start(s, [{"name": "default", "file": "hold.wav"}],
                      codecs=["PCMU", "PCMA", "G722", "opus"], audio__memory_mib=2)
    long = long_file(s, "long.wav", 120)
    status, percents, said = percents_of(holdfastd, "audio", "add", "default", long)
    equal(status, 0, "the exit status (%s)" % said)
    check(percents and percents == sorted(percents) and any(0 < p < 100 for p in percents),
          "it showed %s" % percents)

    def clip():
        listed = holdfastd.ctl("audio", "list")
        return listed, next(c for c in listed["clips"] if c["clip"] == "default")
    listed, unheard = clip()
    equal((unheard["frames"], unheard["kib"], listed["kib_used"]), ({}, 0, 0), "what nobody hears")
    equal(unheard["encoded"], dict.fromkeys(("PCMU", "PCMA", "G722", "opus"), 6000), "its frames")
    peer = s.peer()
    first = park(s, peer, "4930111101")
    first.wait_packets(20)
    listed, heard = clip()
    equal((heard["frames"], heard["legs"]), ({"PCMA": 6000}, 1), "the codec that is heard")
    equal((heard["kib"], listed["kib_used"]), (1125, 1125), "KiB of two minutes in one codec")
    check(2 * 1024 - 1 < listed["kib"] <= 2 * 1024, "there are %s KiB" % listed["kib"])
    line = next(l for l in holdfastd.ctl("audio", "list", json_=False).splitlines()
                if l.startswith("default "))
    check(re.match(r"default +120\.0 +1\.1 +PCMA +1 +ready ", line), "its line is %s" % line)
    shown = holdfastd.ctl("audio", "show", "default", json_=False)
    check(re.search(r"PCMA +6000 frames, loaded\n", shown) and
          re.search(r"G722 +6000 frames, not in use\n", shown), "it shows %s" % shown)
    # The table has no room for it in another codec: the first call's goes on.
    second = park(s, peer, "4930111102", pt=0)
    full = (r"no room for clip default in PCMU: 6000 frames are wanted, 4922 of 10922 are free, "
            r"4922 in one piece; callers hear nothing until there is; raise audio\.memory_mib")
    net.wait_for(lambda: re.search(full, holdfastd.process.text()), 10, "the log says so")
    first.wait_packets(20, since=time.monotonic())
    equal(second.count(), 0, "packets where there is no room")
    for seconds, why in (
            (130, r"default takes 1\.2 MiB in the codecs in which it is heard now and 0\.9 of "
                  r"2 MiB are free: raise audio\.memory_mib"),
            (220, r"default takes 2\.0 MiB in one codec and there are 2 MiB: "
                  r"raise audio\.memory_mib")):
        status, _, said = percents_of(holdfastd, "audio", "add", "default",
                                      long_file(s, "longer.wav", seconds))
        equal(status, 1, "the exit status of what does not fit")
        check(re.search(why, said), "it says %s" % said)
        again = clip()
        equal((again[0]["kib_used"], again[1]["frames"]), (1125, {"PCMA": 6000}), "afterwards")


@scenario
def the_projects_own_music(s):
    "the music that the project ships is two minutes long, as loud as telephone music should be, carried by a narrow-band phone, and begins and ends in silence"
    path = os.path.join(s.stage.folder, "default.wav")
    again = os.path.join(s.stage.folder, "again.wav")
    for out in (path, again):
        net.run("/usr/bin/python3", os.path.join(net.ROOT, "scripts/make-hold-audio"), out)
    with open(path, "rb") as a, open(again, "rb") as b:
        check(a.read() == b.read(), "it is another one each time")
    with wave.open(path, "rb") as f:
        rate, count = f.getframerate(), f.getnframes()
        x = numpy.frombuffer(f.readframes(count), "<i2") / 32768
    check(110 <= count / rate <= 150, "%.0f s" % (count / rate))
    loud = 10 * numpy.log10((x ** 2).mean())
    check(-23 <= loud <= -19, "%.1f dB" % loud)
    check(20 * numpy.log10(abs(x).max()) <= -3, "it peaks at %.2f" % abs(x).max())
    check(abs(x[:rate // 50]).max() < 0.001 and abs(x[-rate // 50:]).max() < 0.001,
          "it begins or ends with a sound")
    power = abs(numpy.fft.rfft(x)) ** 2
    hertz = numpy.fft.rfftfreq(len(x), 1 / rate)
    share = power[(hertz > 280) & (hertz < 3400)].sum() / power.sum()
    check(share > 0.6, "a phone carries %.2f of it" % share)
    window = x[:len(x) // rate * rate].reshape(-1, rate)
    quiet = (10 * numpy.log10((window ** 2).mean(1) + 1e-12) < -40).sum()
    check(quiet <= 6, "%d of its seconds are silent" % quiet)


if __name__ == "__main__":
    raise SystemExit(main())
