#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What callers hear, read from the wire and decoded by other decoders than our
encoders: tests/tools/codec.c (spandsp, libopus), and tables for G.711.

HF_AUDIO_S is how many seconds the long scenario listens (20; scripts/soak audio
makes it 600).
"""
import os
import subprocess
import time

import numpy

from lib import anchor, audio, net, wire
from lib.testing import Wrong, check, equal, main, scenario

SECONDS = float(os.environ.get("HF_AUDIO_S", "20"))
ANCHORS = (net.ANCHOR_TRUNK, net.ANCHOR_OFFICE)
# payload type: name, samples a second, timestamp step, least correlation
CODECS = {
    0: ("PCMU", 8000, 160, 0.99),
    8: ("PCMA", 8000, 160, 0.99),
    9: ("G722", 16000, 160, 0.99),
    111: ("opus", 48000, 960, 0.95),
}
OPUS_BYTES = 48000 // 8 // 50


def codec_tool():
    build = os.environ.get("HF_BUILD", os.path.join(net.ROOT, "build"))
    path = os.path.join(build, "tools/codec")
    source = os.path.join(net.ROOT, "tests/tools/codec.c")
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        net.run("gcc", "-O1", "-I/usr/include/opus", "-o", path, source, "-lspandsp", "-lopus")
    return path


def run_codec(how, name, data):
    argv = [codec_tool(), how, name.lower()]
    if name == "opus":
        argv.append(str(OPUS_BYTES))
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE, check=True).stdout


def decode(pt, payloads):
    if pt in audio.DECODE:
        return numpy.concatenate([audio.decode(p, pt) for p in payloads])
    return numpy.frombuffer(run_codec("decode", CODECS[pt][0], b"".join(payloads)), "<i2")


def through(pt, loop):
    """One pass of a loop as this codec leaves it, from its third pass."""
    if pt in audio.DECODE:
        return audio.through_codec(loop, pt)
    data = run_codec("encode", CODECS[pt][0], numpy.tile(loop, 4).astype("<i2").tobytes())
    out = numpy.frombuffer(run_codec("decode", CODECS[pt][0], data), "<i2")
    return out[2 * len(loop):3 * len(loop)]


def resample(loop, count):
    """A loop at another rate, as long as before: by its spectrum."""
    spectrum = numpy.fft.rfft(numpy.asarray(loop, float))
    out = numpy.zeros(count // 2 + 1, complex)
    n = min(len(spectrum), len(out))
    out[:n] = spectrum[:n]
    return numpy.fft.irfft(out, count) * count / len(loop)


def music(stage, name="music.wav", first=20.0, seconds=7.013):
    """A piece of the hold music at 16000 samples a second; (path, samples)."""
    import wave
    whole = os.path.join(stage.folder, "whole.wav")
    if not os.path.exists(whole):
        net.run("/usr/bin/python3", os.path.join(net.ROOT, "scripts/make-hold-audio"), whole)
    with wave.open(whole, "rb") as f:
        x = numpy.frombuffer(f.readframes(f.getnframes()), "<i2")
    x = x[int(first * 16000):int((first + seconds) * 16000)].astype(float)
    fade = numpy.linspace(0, 1, 800)
    x[:800] *= fade
    x[-800:] *= fade[::-1]
    path = os.path.join(stage.folder, name)
    with wave.open(path, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(16000)
        f.writeframes(numpy.round(x).astype("<i2").tobytes())
    whole_frames = -(-len(x) // 320) * 320
    return path, numpy.concatenate([x, numpy.zeros(whole_frames - len(x))])


def start(s, clips, **changes):
    codecs = changes.pop("codecs", ["PCMU", "PCMA", "G722", "opus"])
    return s.anchor(audio__codecs=codecs, audio__clips=clips, **changes)


def listeners(s, peer, pts=(8, 9, 111), first_user=4930111100, **park):
    """One parked caller for each codec: (payload type, media)."""
    heard = []
    for i, pt in enumerate(pts):
        media = s.caller(pt=pt)
        peer.park(str(first_user + i), media, sdp=media.sdp(codecs=(pt,)), **park)
        heard.append((pt, media))
    return heard


def stream_to(packets, media):
    """The packets to this phone, in order, without a gap; its clock steps."""
    mine = sorted((p for p in packets if p.dst == (net.CALLER, media.port)),
                  key=lambda p: p.time)
    check(len(mine) > 20, "%d packets to port %d" % (len(mine), media.port))
    equal(len({p.ssrc for p in mine}), 1, "number of SSRCs")
    gaps = wire.gaps(mine)
    check(not gaps, "%d gaps in the sequence" % len(gaps))
    return mine


def compare(pt, heard, loop16, seconds=2.0, skip=1.0):
    """The least correlation of a window with the loop as the codec leaves it, and
    whether the windows follow each other. A window's place must be where the one
    before it ends."""
    name, rate, _, _ = CODECS[pt]
    loop = resample(loop16, len(loop16) * rate // 16000)
    n = int(seconds * rate)
    sound = heard[int(skip * rate):]
    # As loud as the anchor made it: the codec sees what its encoder saw.
    whole = sound[:len(sound) // len(loop) * len(loop)] if len(sound) > len(loop) else sound
    loop *= numpy.sqrt((whole.astype(float) ** 2).mean() / (loop ** 2).mean())
    want = through(pt, numpy.round(loop))
    least, at, jumps = 1.0, None, 0
    for i in range(0, len(sound) - n + 1, n):
        piece = sound[i:i + n]
        if piece.astype(float).std() < 150:
            at = None
            continue
        place, likeness = audio.find(piece, want)
        least = min(least, likeness)
        if at is not None and abs((place - at + len(want) // 2) % len(want) - len(want) // 2) > 2:
            jumps += 1
        at = (place + n) % len(want)
    return least, jumps


def clicks(sound, rate, loop=None):
    """The worst ratio of a sample step's energy (in 2 ms) to that of its
    surroundings (100 ms): how much a seam sticks out."""
    step = numpy.diff(sound.astype(float)) ** 2
    short, long = int(rate * 0.002), int(rate * 0.1)
    fine = numpy.convolve(step, numpy.ones(short) / short, "same")
    around = numpy.convolve(step, numpy.ones(long) / long, "same")
    return float((fine / (around + 2000.0)).max())


@scenario
def every_codec_is_what_was_encoded(s):
    "PCMA and G.722 correlate 0.99 with encode-decode of the source, Opus 0.95, through loop points and the controller's death"
    path, loop = music(s.stage)
    holdfastd = start(s, [{"name": "default", "file": path}])
    peer = s.peer()
    trace = s.trace()
    heard = listeners(s, peer)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        time.sleep(min(1.0, max(0.0, deadline - time.monotonic())))
        if holdfastd.process.alive() and deadline - time.monotonic() < SECONDS / 2:
            holdfastd.process.kill()
    packets = [p for p in trace.rtp(dst=net.CALLER) if p.src[0] in ANCHORS]
    for pt, media in heard:
        name, rate, ts_step, least_ok = CODECS[pt]
        mine = stream_to(packets, media)
        steps = {wire.difference32(b.ts, a.ts) for a, b in zip(mine, mine[1:])}
        equal(steps, {ts_step}, "timestamp steps of " + name)
        sound = decode(pt, [p.payload for p in mine])
        check(len(sound) > (SECONDS - 2) * rate, "%s: %.1f s heard" % (name, len(sound) / rate))
        least, jumps = compare(pt, sound, loop)
        print("# %s: least correlation %.4f over %.0f s, %d jumps, click %.1f" % (
            name, least, len(sound) / rate, jumps, clicks(sound, rate)))
        check(least >= least_ok, "%s correlates only %.4f" % (name, least))
        equal(jumps, 0, "%s: windows that do not follow the one before" % name)


if __name__ == "__main__":
    raise SystemExit(main())
