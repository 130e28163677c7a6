# SPDX-License-Identifier: GPL-2.0-or-later
"""What was heard: streams of the wire decoded by other decoders than our encoders
(tests/tools/codec.c with spandsp and libopus, tables for G.711) and compared with
the sounds that should be in them.
"""
import functools
import os
import subprocess
import wave

import numpy

from . import audio, net, wire
from .testing import check, equal

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
        fresh = "%s.%d" % (path, os.getpid())      # two who decode may come at once
        net.run("gcc", "-O1", "-I/usr/include/opus", "-o", fresh, source, "-lspandsp", "-lopus")
        os.rename(fresh, path)
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


def laid_out(pt, packets):
    """The sound of a stream where its timestamps put it, and the holes in it (from, to),
    in samples: what a sender skipped because it was late is silence."""
    step = CODECS[pt][2]
    sound = decode(pt, [p.payload for p in packets])
    per = len(sound) // len(packets)
    apart = [wire.difference32(p.ts, packets[0].ts) for p in packets]
    check(all(a % step == 0 for a in apart), "timestamps are no multiples of %d" % step)
    slots = [a // step for a in apart]
    out = numpy.zeros((max(slots) + 1) * per)
    for i, slot in enumerate(slots):
        out[slot * per:(slot + 1) * per] = sound[i * per:(i + 1) * per]
    holes = [((a + 1) * per, b * per) for a, b in zip(slots, slots[1:]) if b != a + 1]
    return out, holes


def timeline(pt, packets):
    """The same at 8000 samples a second."""
    out, _ = laid_out(pt, packets)
    rate = CODECS[pt][1]
    return out if rate == 8000 else resample(out, len(out) * 8000 // rate)


def through(pt, loop):
    """One pass of a loop as this codec leaves it, from its third pass."""
    if pt in audio.DECODE:
        return audio.through_codec(loop, pt)
    return _third_pass(pt, numpy.asarray(loop).astype("<i2").tobytes())


@functools.lru_cache(8)
def _third_pass(pt, once):
    data = run_codec("encode", CODECS[pt][0], once * 4)
    out = numpy.frombuffer(run_codec("decode", CODECS[pt][0], data), "<i2")
    return out[len(once):len(once) // 2 * 3]


def resample(loop, count):
    """A loop at another rate, as long as before: by its spectrum."""
    spectrum = numpy.fft.rfft(numpy.asarray(loop, float))
    out = numpy.zeros(count // 2 + 1, complex)
    n = min(len(spectrum), len(out))
    out[:n] = spectrum[:n]
    return numpy.fft.irfft(out, count) * count / len(loop)


def music(stage, name="music.wav", first=20.0, seconds=7.013):
    """A piece of the hold music at 16000 samples a second; (path, samples)."""
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


def stream_to(packets, media):
    """The packets to this phone, in order, without a gap; its clock steps."""
    mine = sorted((p for p in packets if p.dst == (media.address, media.port)),
                  key=lambda p: p.time)
    check(len(mine) > 20, "%d packets to port %d" % (len(mine), media.port))
    equal(len({p.ssrc for p in mine}), 1, "number of SSRCs")
    gaps = wire.gaps(mine)
    check(not gaps, "%d gaps in the sequence" % len(gaps))
    return mine


def level_of(pt, heard, loop16):
    """By how much the anchor has made this loop louder: the codec of the comparison
    sees what the encoder saw."""
    rate = CODECS[pt][1]
    loop = resample(loop16, len(loop16) * rate // 16000)
    whole = heard[:len(heard) // len(loop) * len(loop)] if len(heard) > len(loop) else heard
    return float(numpy.sqrt((whole.astype(float) ** 2).mean() / (loop ** 2).mean()))


def alike_at(piece, loop, at):
    """How alike the piece is to the loop from this place on."""
    other = numpy.take(loop, numpy.arange(at, at + len(piece)), mode="wrap").astype(float)
    piece = piece - piece.mean()
    other -= other.mean()
    return float((piece * other).sum() /
                 numpy.sqrt(max((piece ** 2).sum() * (other ** 2).sum(), 1e-9)))


def compare(pt, heard, loop16, seconds=2.0, skip=1.0, level=None):
    """The least correlation of a window with the loop as the codec leaves it, and
    how many windows do not follow the one before: a window's place must be where
    that ends."""
    _, rate, _, least_ok = CODECS[pt]
    n = int(seconds * rate)
    sound = heard[int(skip * rate):]
    loop = resample(loop16, len(loop16) * rate // 16000) * (level or level_of(pt, sound, loop16))
    want = through(pt, numpy.round(loop))
    least, at, jumps = 1.0, None, 0
    for i in range(0, len(sound) - n + 1, n):
        piece = sound[i:i + n].astype(float)
        if piece.std() < 150:
            at = None
            continue
        likeness = 0.0 if at is None else alike_at(piece, want, at)
        place = at
        if likeness < least_ok:     # it is somewhere else, or not there
            place, likeness = audio.find(piece, want)
        least = min(least, likeness)
        if at is not None and abs((place - at + len(want) // 2) % len(want) - len(want) // 2) > 2:
            jumps += 1
        at = (place + n) % len(want)
    return least, jumps


def prompts():
    """The folder of the built prompts, built if they are not."""
    build = os.environ.get("HF_BUILD", os.path.join(net.ROOT, "build"))
    folder = os.path.join(build, "audio/prompts")
    for language in ("en", "de"):
        if not os.path.exists(os.path.join(folder, language, "tone.wav")):
            net.run("/usr/bin/python3", os.path.join(net.ROOT, "scripts/make-prompts"),
                    os.path.join(net.ROOT, "prompts/%s.txt" % language),
                    os.path.join(folder, language))
    return folder


def wave8(path):
    """A file's sound at 8000 samples a second."""
    with wave.open(path, "rb") as f:
        rate = f.getframerate()
        x = numpy.frombuffer(f.readframes(f.getnframes()), "<i2").astype(float)
    return resample(x, len(x) * 8000 // rate)


def spoken(folder, text, voice="en"):
    """What the engine makes of a text, as the anchor does, without the silence around it."""
    path = os.path.join(folder, "spoken.wav")
    subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-g", "4", "--stdin", "-w", path],
                   input=text.encode(), check=True)
    sound = wave8(path)
    loud = abs(sound) > 200
    return sound[loud.argmax():len(sound) - loud[::-1].argmax()]


def likeness_at_each(piece, sound):
    """How alike the sound is to this piece from each of its samples on."""
    piece = piece - piece.mean()
    n = len(piece)
    size = 1 << (len(sound) + n).bit_length()
    product = numpy.fft.irfft(numpy.fft.rfft(sound, size) *
                              numpy.conj(numpy.fft.rfft(piece, size)), size)[:len(sound) - n]
    squares = numpy.concatenate(([0.0], numpy.cumsum(sound.astype(float) ** 2)))
    norm = numpy.sqrt(numpy.maximum(squares[n:-1] - squares[:-n - 1], 1.0)) * \
        numpy.sqrt((piece ** 2).sum())
    return product / norm[:len(product)]


def where(piece, sound):
    """Where in the sound the piece is, in seconds, and how alike it is there."""
    score = likeness_at_each(piece, sound)
    at = int(numpy.argmax(score))
    return at / 8000, float(score[at])


def words_in(sound8, words, folder, language="en", likeness=0.9):
    """Where these prompts begin in a sound at 8000/s, in seconds. Each has to be
    there and to begin behind the one before it."""
    at, begin = [], 0
    for word in words:
        piece = wave8(os.path.join(folder, language, word + ".wav"))
        place, alike = where(piece, sound8[begin:])
        check(alike > likeness, "\"%s\" is heard with %.3f behind %.2f s" % (
            word, alike, begin / 8000))
        at.append(begin / 8000 + place)
        begin += int((place + len(piece) / 8000 - 0.1) * 8000)
    return at


def places(piece, sound8, likeness=0.85):
    """Everywhere this piece begins in a sound at 8000/s, in seconds, in order."""
    score, found = likeness_at_each(piece, sound8), []
    while len(score):
        at = int(numpy.argmax(score))
        if score[at] < likeness:
            break
        found.append(at / 8000)
        score[max(0, at - len(piece) + 1):at + len(piece)] = 0
    return sorted(found)


def sticks_out(sound, rate, seams):
    """The worst of these seams (in samples): the energy of the difference within
    2.5 ms of it, by the largest of its surroundings (half a second each side). Up
    to 1 nothing clicks."""
    step = numpy.diff(numpy.asarray(sound, float)) ** 2
    width = max(1, int(rate * 0.005))
    # energy[i]: of `width` steps around i
    padded = numpy.concatenate((numpy.zeros(width // 2), step, numpy.zeros(width)))
    total = numpy.concatenate(([0.0], numpy.cumsum(padded)))
    energy = (total[width:] - total[:-width])[:len(step)]
    worst = 0.0
    for at in seams:
        at = int(at)
        before = energy[max(0, at - rate // 2):max(0, at - 3 * width)]
        behind = energy[at + 3 * width:at + rate // 2]
        around = numpy.concatenate([before, behind])
        seam = energy[max(0, at - width // 2):at + width // 2 + 1]
        if len(seam) and len(around):
            # The least step that can be heard at all: one of 8-bit G.711.
            worst = max(worst, seam.max() / max(around.max(), width * 16.0 ** 2))
    return worst


def loop_points(pt, sound, loop16, begin=0):
    """Where in the sound the loop begins anew, from its place at `begin`."""
    rate = CODECS[pt][1]
    loop = resample(loop16, len(loop16) * rate // 16000)
    place, _ = audio.find(sound[begin:begin + 2 * rate], through(pt, numpy.round(loop)))
    first = begin + (len(loop) - place) % len(loop)
    return list(range(first, len(sound), len(loop)))
