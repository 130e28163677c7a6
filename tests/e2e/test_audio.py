#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What callers hear, read from the wire and decoded by other decoders than our
encoders: tests/tools/codec.c (spandsp, libopus), and tables for G.711.

HF_AUDIO_S is how many seconds the long scenario listens (24; scripts/soak audio
makes it 600).
"""
from concurrent import futures
import multiprocessing
import os
import re
import time
import wave

import numpy

from lib import audio, net, ua, web
from lib.hearing import ANCHORS, CODECS, compare, decode, laid_out, level_of, loop_points, music, places, prompts, \
    resample, sticks_out, stream_to, through, timeline, wave8, where, words_in
from lib.testing import check, equal, main, scenario

# Calls that play while a file is loaded (30; scripts/soak audio-add: 10000).
CALLS = int(os.environ.get("HF_AUDIO_CALLS", "30"))
SECONDS = float(os.environ.get("HF_AUDIO_S", "24"))


def start(s, clips, **changes):
    codecs = changes.pop("codecs", ["PCMU", "PCMA", "G722", "opus"])
    return s.anchor(audio__codecs=codecs, audio__clips=clips, **changes)


def listeners(s, peer, pts=(0, 8, 9, 111), first_user=4930111100, **park):
    """One parked caller for each codec: (payload type, media)."""
    heard = []
    for i, pt in enumerate(pts):
        media = s.caller(pt=pt)
        peer.park(str(first_user + i), media, sdp=media.sdp(codecs=(pt,)), **park)
        heard.append((pt, media))
    return heard


def stretches(count, rate, said, length, holes):
    """Where music is to be compared, as (begin, end) samples: between announcements
    (half a second before one its block is entered, 0.5 s behind it the loop goes
    on) and between holes, behind which a decoder needs a moment."""
    cuts = [(int((at - 0.75) * rate), int((at + length + 0.55) * rate)) for at in said]
    cuts = sorted(cuts + [(a, b + rate // 5) for a, b in holes])
    begin, out = 0, []
    for a, b in cuts + [(count, count)]:
        if a - begin > 2.5 * rate:
            out.append((begin, a))
        begin = max(begin, b)
    return out


def said_likeness(pt, sound, said, words16, holes):
    """The least correlation of a whole announcement with what the codec makes of it."""
    rate = CODECS[pt][1]
    words = resample(words16, len(words16) * rate // 16000)
    edge, least = rate // 10, 1.0
    for at in said:
        begin, end = int(at * rate) + edge, int(at * rate) + len(words) - edge
        if any(a < end and b > begin - rate // 5 for a, b in holes) or end > len(sound):
            continue
        part = sound[begin:end]
        level = numpy.sqrt((part ** 2).mean() / (words[edge:-edge] ** 2).mean())
        _, alike = audio.find(part, through(pt, numpy.round(words * level)))
        least = min(least, alike)
    return least


def check_sound(pt, packets, loop, words16, least_said):
    """Music, announcements and seams of one caller."""
    name, rate, _, least_ok = CODECS[pt]
    sound, holes = laid_out(pt, packets)
    words = resample(words16, len(words16) // 2)
    said = places(words, resample(sound, len(sound) * 8000 // rate))
    check(len(said) >= least_said, "%s: %d announcements are heard, not %d" % (
        name, len(said), least_said))
    length, worst, jumps, seams, heard = len(words) / 8000, 0.0, 0, 0, 0
    least = said_likeness(pt, sound, said, words16, holes)
    cut = stretches(len(sound), rate, said, length, holes)
    longest = max(cut, key=lambda s: s[1] - s[0])
    level = level_of(pt, sound[longest[0]:longest[1]], loop)
    for begin, end in cut:
        part = sound[begin:end]
        alike, jumped = compare(pt, part, loop, skip=0.2, level=level)
        points = loop_points(pt, part, loop, int(0.2 * rate))
        worst = max(worst, sticks_out(part, rate, points))
        least, jumps, seams = min(least, alike), jumps + jumped, seams + len(points)
        heard += (end - begin) / rate
    # The music fades out over the 0.2 s before it and in over the 0.2 s behind it.
    joints = [(at + d) * rate for at in said for d in (-0.2, 0, length, length + 0.2, length + 0.5)]
    joints = [j for j in joints if rate < j < len(sound) - rate and
              not any(a - rate < j < b + rate for a, b in holes)]
    worst = max(worst, sticks_out(sound, rate, joints))
    figures = ("# %s: %.0f s of music in %.0f, %d announcements, least correlation %.4f, %d jumps, "
               "%d seams, the worst has %.2f of the energy around it, %d frames skipped" % (
                   name, heard, len(sound) / rate, len(said), least, jumps, seams + len(joints),
                   worst, sum(b - a for a, b in holes) * 50 // rate))
    check(heard > len(sound) / rate / 4, figures)
    check(least >= least_ok, "%s\n%s correlates only %.4f" % (figures, name, least))
    equal(jumps, 0, "%s: windows that do not follow the one before" % name)
    check(worst <= 1.0, "%s\n%s: a seam has %.2f of the energy around it" % (figures, name, worst))
    return figures


@scenario
def every_codec_is_what_was_encoded(s):
    "PCMU, PCMA and G.722 correlate 0.99 with encode-decode of the source, Opus 0.95, through loop points, announcements, the controller's death and its restart, and no seam clicks"
    path, loop = music(s.stage)
    said, words = music(s.stage, "said.wav", first=60.0, seconds=3.0)
    holdfastd = start(s, [{"name": "default", "file": path}, {"name": "thanks", "file": said}],
                      lot__voice={"announce": "thanks", "announce_every_s": 10})
    net.wait_for(lambda: holdfastd.ctl("audio", "show", "default+thanks")["state"] == "ready", 60,
                 "the announcement is loaded")
    peer = s.peer()
    trace = s.trace()
    heard = listeners(s, peer)
    last = heard[-1][1]
    last.wait_packets(int(35 * SECONDS), SECONDS + 10)
    holdfastd.kill()    # the first time, while something is announced
    last.wait_packets(100, 10, since=last.received[-1][0])  # nobody there
    holdfastd.start()
    last.wait_packets(int(50 * SECONDS), SECONDS + 10)
    trace.stop()
    packets = [p for p in trace.rtp(dst=net.CALLER) if p.src[0] in ANCHORS]
    streams = [(pt, stream_to(packets, media)) for pt, media in reversed(heard)]
    # Two at a time: Opus, the longest, first.
    with futures.ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        for done in [pool.submit(check_sound, pt, stream, loop, words, int(SECONDS / 24))
                     for pt, stream in streams]:
            print(done.result())


def heard_by(trace, media, pt=8):
    packets = stream_to([p for p in trace.rtp(dst=net.CALLER) if p.src[0] in ANCHORS], media)
    return decode(pt, [p.payload for p in packets])


def slot_is_told(s, language):
    folder = prompts()
    holdfastd = start(s, [{"name": "default", "file": "hold.wav"}], audio__prompts=folder,
                      codecs=["PCMA"], lot__voice={"language": language})
    peer = s.peer()
    trace = s.trace()
    media = s.caller(pt=8)
    # The anchor's kernel has seen this phone: no word waits for ARP.
    call = peer.call("700", "1001", media, sdp=media.sdp(codecs=(8,)))
    equal(call.status(), 200, "the answer to the park number")
    media.wait_packets(300, 12)
    sound = timeline(8, stream_to([p for p in trace.rtp(dst=net.CALLER)
                                   if p.src[0] in ANCHORS], media))
    at = words_in(sound, ("parked-at", "7", "0", "1"), folder, language, likeness=0.8)
    check(at[0] < 0.3, "the words come at %s s" % at)
    rest = sound[int((at[-1] + 1.0) * 8000):]
    _, likeness = audio.find(rest[:8000], audio.read_wav(holdfastd.audio_path))
    check(likeness > 0.99, "then music, %.3f" % likeness)


@scenario
def parker_hears_the_slot(s):
    "who dials the park number hears \"parked at seven zero one\", then music"
    slot_is_told(s, "en")


@scenario
def parker_hears_the_slot_in_german(s):
    "a lot may speak another language"
    slot_is_told(s, "de")


@scenario
def announcement_into_the_music(s):
    "an announcement is put into the music, which fades and goes on where it was, in G.711 and Opus without a click"
    path, loop = music(s.stage, seconds=30.0)
    said = os.path.join(prompts(), "en/thanks.wav")
    holdfastd = start(s, [{"name": "default", "file": path}, {"name": "thanks", "file": said}],
                      lot__voice={"announce": "thanks", "announce_every_s": 10})
    net.wait_for(lambda: holdfastd.ctl("audio", "show", "default+thanks")["state"] == "ready", 60,
                 "the announcement is loaded")
    peer = s.peer()
    trace = s.trace()
    heard = listeners(s, peer, pts=(8, 9, 111))
    heard[-1][1].wait_packets(26 * 50, 40)
    packets = [p for p in trace.rtp(dst=net.CALLER) if p.src[0] in ANCHORS]
    words = wave8(said)
    for pt, media in heard:
        name, rate, _, least_ok = CODECS[pt]
        sound = decode(pt, [p.payload for p in stream_to(packets, media)])
        at8 = resample(sound, len(sound) * 8000 // rate)
        place, likeness = where(words, at8)
        check(likeness > 0.9, "%s: the announcement is heard with %.3f" % (name, likeness))
        check(7 < place < 17, "%s: it is heard at %.1f s" % (name, place))
        # Before and behind it, the joint to the loop included: the music as it is,
        # and it goes on where it was.
        before = sound[int((place - 4) * rate):int((place - 1) * rate)]
        behind = sound[int((place + len(words) / 8000 + 0.3) * rate):][:3 * rate]
        want = through(pt, numpy.round(resample(loop, len(loop) * rate // 16000)))
        (a, like_a), (b, like_b) = audio.find(before, want), audio.find(behind, want)
        check(min(like_a, like_b) >= least_ok, "%s: music is %.4f before and %.4f behind" % (
            name, like_a, like_b))
        pause = (b - a) / rate - 3.0
        check(-2.0 < pause < 3.0, "%s: the music is %.2f s further" % (name, pause))
        length = len(words) / 8000
        worst = sticks_out(sound, rate, [(place + d) * rate
                                         for d in (-0.2, 0, length, length + 0.2, length + 0.5)])
        check(worst <= 1.0, "%s: a joint has %.2f of the energy around it" % (name, worst))
        print("# %s: announcement %.3f at %.1f s, music %.4f and %.4f, joints %.2f" % (
            name, likeness, place, like_a, like_b, worst))


@scenario
def named_by_a_header(s):
    "X-Holdfast-Audio of a trusted peer or a rule of the lot names the caller's music; an unknown name is the lot's own"
    first, loop = music(s.stage, "first.wav")
    second, other = music(s.stage, "second.wav", first=60.0)
    start(s, [{"name": "default", "file": first}, {"name": "sales", "file": second}],
          codecs=["PCMA"], lot__hold_audio_rules=[
              {"caller": "49301111*@pbx.example.com", "clip": "default"},
              {"caller": "+33*@*", "clip": "sales"}])
    peer = s.peer()
    trace = s.trace()
    named, wrong, french = s.caller(pt=8), s.caller(pt=8), s.caller(pt=8)
    peer.park("4930111101", named, sdp=named.sdp(codecs=(8,)),
              headers=(("X-Holdfast-Audio", "sales"),))
    peer.park("4930111102", wrong, sdp=wrong.sdp(codecs=(8,)),
              headers=(("X-Holdfast-Audio", "none/such"),))
    peer.park("+33199", french, sdp=french.sdp(codecs=(8,)))
    french.wait_packets(300, 12)
    for media, want in ((named, other), (wrong, loop), (french, other)):
        least, jumps = compare(8, heard_by(trace, media), want)
        check(least > 0.99 and not jumps, "%.4f, %d jumps" % (least, jumps))


@scenario
def new_clip_while_it_plays(s):
    "audio add replaces the music of who hears it without a gap; a bad file is refused and the old one plays on"
    first, loop = music(s.stage, "first.wav")
    second, other = music(s.stage, "second.wav", first=60.0)
    holdfastd = start(s, [{"name": "default", "file": first}], codecs=["PCMA", "G722"])
    peer = s.peer()
    trace = s.trace()
    media = s.caller(pt=8)
    peer.park("4930111101", media, sdp=media.sdp(codecs=(8,)))
    media.wait_packets(200, 10)
    bad = os.path.join(s.stage.folder, "bad.wav")
    with open(bad, "w") as f:
        f.write("no sound")
    answer = holdfastd.ctl("audio", "add", "default", bad, check=False)
    check("bad.wav" in answer["error"]["message"], "the refusal says %s" % answer)
    media.wait_packets(100, 10, since=media.received[-1][0])
    mark = len(media.received)
    done = holdfastd.ctl("audio", "add", "default", second)
    equal(done["state"], "ready", "the new clip")
    media.wait_packets(200, 10, since=media.received[-1][0])
    sound = heard_by(trace, media)
    least, jumps = compare(8, sound[:mark * 160], loop)
    check(least > 0.99 and not jumps, "before: %.4f, %d jumps" % (least, jumps))
    least, jumps = compare(8, sound[-190 * 160:], other, skip=0.2)
    check(least > 0.99 and not jumps, "after: %.4f, %d jumps" % (least, jumps))
    clip = [c for c in holdfastd.ctl("audio", "list")["clips"] if c["clip"] == "default"][0]
    equal(clip["legs"], 1, "legs that hear it")
    equal(clip["frames"], {"PCMA": 351}, "frames in the codec that is heard")
    equal(clip["encoded"], {"PCMA": 351, "G722": 351}, "frames that there are")


class Window:
    """Frames sent, skipped, and ticks of the paced sender that were late, a second,
    while `work` ran."""

    def __init__(self, metrics, work):
        begin, before = time.monotonic(), metrics()
        self.result = work()
        after = metrics()
        self.seconds = time.monotonic() - begin
        self.sent, self.skipped, self.late = (
            (b - a) / self.seconds for a, b in zip(before, after))

    def __str__(self):
        return "%.0f s: %.0f frames a second sent, %.2f skipped, %.2f ticks late" % (
            self.seconds, self.sent, self.skipped, self.late)


def metrics_of(s):
    """holdfast-mediad's and the packet path's own counters: sent, skipped, late ticks."""
    w, packets = web.Web(s.stage), 'packets_total{action="%s",reason=""}'

    def read():
        text = w.ask("/metrics").body.decode()

        def value(name):
            return float(re.search(r"^holdfast_%s (\S+)$" % re.escape(name), text, re.M).group(1))
        return (value(packets % "hold_paced") + value(packets % "hold_turned"),
                value(packets % "hold_skipped"), value("pacer_late_ticks_total"))
    return read


def park_many(peer, first, count):
    """So many calls more, whose media nobody listens to."""
    for done in range(0, count, 50):
        calls = [peer.call("700", str(4930200000 + i), first, referred_by="1001",
                           sdp=first.sdp(codecs=(8,), port=net.SINK_PORT))
                 for i in range(done, min(count, done + 50))]
        for call in calls:
            equal(call.status(60), 200, "the answer to a park")


def five_minutes(s):
    """A file of five minutes of music; its path."""
    path, _ = music(s.stage, "long.wav", first=1.0, seconds=100.0)
    with wave.open(path, "rb") as f:
        data = f.readframes(f.getnframes())
    with wave.open(path, "wb") as f:
        f.setparams((1, 2, 16000, 0, "NONE", ""))
        f.writeframes(data * 3)
    return path


@scenario
def long_file_while_calls_play(s):
    "a five-minute file is loaded while calls play: every frame is sent or counted, none is late for it, and the calls' own clip goes on"
    path, loop = music(s.stage)
    slots = "%d-%d" % (10000, 9999 + max(CALLS, 10))
    ports = 20000 + 2 * (CALLS + 10) - 1
    holdfastd = start(s, [{"name": "default", "file": path}], codecs=["PCMU", "PCMA", "G722"],
                      audio__memory_mib=64, lot__slots=slots, lot__labels={}, http=web.CONFIG,
                      lot__timeout_s=0, media__ports="20000-%d" % ports)
    peer = s.peer()
    trace = s.trace() if CALLS < 1000 else None
    long = five_minutes(s)
    first = s.caller(pt=8)
    peer.park("4930111100", first, sdp=first.sdp(codecs=(8,)))
    park_many(peer, first, CALLS - 1)
    metrics, rest = metrics_of(s), max(2.0, min(20.0, CALLS / 500))

    def add(name):
        os.utime(long)      # else it is known from the time before
        clip = holdfastd.ctl("audio", "add", name, long)
        equal((clip["state"], clip["ms"]), ("ready", 300000), "the new clip")
    windows = []
    for name in ("long", "longer")[:2 if CALLS >= 1000 else 1]:
        windows += [(0, Window(metrics, lambda: net.linger(rest))),
                    (1, Window(metrics, lambda n=name: add(n)))]
    windows.append((0, Window(metrics, lambda: net.linger(rest))))
    for loads, window in windows:
        print("# %d calls, %s, %s" % (CALLS, "a file is loaded" if loads else "at rest", window))
        # sent + skipped = elapsed / packet time, whoever is busy
        check(abs((window.sent + window.skipped) / (50.0 * CALLS) - 1) < 0.1,
              "%.0f frames a second are accounted for, not %d" % (
                  window.sent + window.skipped, 50 * CALLS))
    if CALLS >= 1000:
        for what in ("skipped", "late"):
            at_rest, loading = ([getattr(w, what) for l, w in windows if l == kind]
                                for kind in (0, 1))
            check(max(loading) <= max(at_rest) + 0.5, "%s a second: %s while a file is loaded, %s "
                  "at rest" % (what, loading, at_rest))
        return
    alike, holes = 1.0, 0
    sound, gaps = laid_out(8, trace.rtp(dst=(net.CALLER, first.port)))
    for begin, end in stretches(len(sound), 8000, [], 0, gaps):
        least, jumps = compare(8, sound[begin:end], loop, skip=0.2)
        alike, holes = min(alike, least), holes + jumps
    check(alike > 0.99 and not holes, "the first call's music: %.4f, %d jumps" % (alike, holes))


@scenario
def tone_at_pick_up(s):
    "a caller who is picked up hears the tone, then the colleague, in one stream"
    folder = prompts()
    start(s, [{"name": "default", "file": "hold.wav"}], audio__prompts=folder, codecs=["PCMA"],
          lot__voice={"pickup_tone": True})
    peer = s.peer()
    trace = s.trace()
    caller, b = s.caller(pt=8), s.phone(pt=8)
    peer.park("4930111101", caller, sdp=caller.sdp(codecs=(8,)))
    caller.play()
    caller.wait_packets(50)
    call = peer.call("701", "1002", b, sdp=b.sdp(codecs=(8,)))
    equal(call.status(), 200, "the answer to the pick-up")
    b.play()
    caller.wait_packets(30, match=ua.from_media(b))
    mine = stream_to([p for p in trace.rtp(dst=net.CALLER) if p.src[0] in ANCHORS], caller)
    sound = decode(8, [p.payload for p in mine if len(p.payload) == 160])
    _, likeness = where(wave8(os.path.join(folder, "en/tone.wav")), sound)
    check(likeness > 0.9, "the tone is heard with %.3f" % likeness)


@scenario
def parker_is_told_in_writing(s):
    "the parker's phone gets a MESSAGE that names slot and caller, if the lot says so, and nothing of a private one"
    start(s, [{"name": "default", "file": "hold.wav"}], codecs=["PCMA"], lot__message_parker=True)
    peer = s.peer()
    for user, display, headers in (("4930111101", "J\u00fcrgen", ()),
                                   ("4930111102", "Secret", (("Privacy", "id"),))):
        media = s.caller(pt=8)
        peer.park(user, media, sdp=media.sdp(codecs=(8,)), display=display, headers=headers)
    net.wait_for(lambda: len(peer.endpoint.messages) == 2, 5, "two MESSAGEs")
    first, second = peer.endpoint.messages
    check(first.uri.startswith("sip:1001@"), "the parker is asked for as %s" % first.uri)
    equal(first.get("content-type"), "text/plain;charset=UTF-8", "Content-Type")
    equal(first.body, "Parked at 701: J\u00fcrgen, 4930111101", "the text")
    equal(second.body, "Parked at 702: anonymous", "the text about a private caller")


if __name__ == "__main__":
    raise SystemExit(main())
