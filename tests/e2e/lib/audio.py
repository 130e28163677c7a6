# SPDX-License-Identifier: GPL-2.0-or-later
"""Sound, to prove what was heard: WAV files, G.711, correlation, tones.

All of it at 8000 samples per second, samples as numpy int16 arrays.
"""
import math
import wave

import numpy

RATE = 8000


def read_wav(path):
    with wave.open(path, "rb") as f:
        data = numpy.frombuffer(f.readframes(f.getnframes()), "<i2")
        if f.getnchannels() > 1:
            data = data.reshape(-1, f.getnchannels())[:, 0]
        if f.getframerate() != RATE:
            raise ValueError("%s is not at %d Hz" % (path, RATE))
        return data


def write_wav(path, samples):
    with wave.open(path, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(RATE)
        f.writeframes(numpy.asarray(samples, "<i2").tobytes())


def tone(hertz, seconds, level=8000):
    t = numpy.arange(int(seconds * RATE))
    return numpy.round(level * numpy.sin(2 * math.pi * hertz * t / RATE)).astype("<i2")


def _ulaw_table():
    """ITU-T G.711 mu-law, code to sample."""
    code = ~numpy.arange(256) & 0xff
    magnitude = (((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)
    return numpy.where(code & 0x80, 0x84 - magnitude, magnitude - 0x84).astype("<i2")


def _alaw_table():
    """ITU-T G.711 A-law, code to sample."""
    code = numpy.arange(256) ^ 0x55
    mantissa = (code & 0x0f) << 4
    exponent = (code & 0x70) >> 4
    sample = numpy.where(exponent == 0, mantissa + 8,
                         (mantissa + 0x108) << numpy.maximum(exponent - 1, 0))
    return numpy.where(code & 0x80, sample, -sample).astype("<i2")


DECODE = {0: _ulaw_table(), 8: _alaw_table()}


def _encode_table(decode):
    """Sample (index + 32768) to the code whose sample is nearest."""
    order = numpy.argsort(decode, kind="stable")
    values = decode[order].astype(int)
    middle = (values[1:] + values[:-1]) / 2.0
    return order[numpy.searchsorted(middle, numpy.arange(-32768, 32768))].astype("u1")


ENCODE = {pt: _encode_table(table) for pt, table in DECODE.items()}


def decode(payload, payload_type):
    return DECODE[payload_type][numpy.frombuffer(payload, "u1")]


def encode(samples, payload_type):
    return ENCODE[payload_type][numpy.asarray(samples, int) + 32768].tobytes()


def through_codec(samples, payload_type):
    """What is left of the samples after encoding and decoding."""
    return DECODE[payload_type][ENCODE[payload_type][numpy.asarray(samples, int) + 32768]]


def find(piece, loop):
    """Where in a looping sound this piece plays: (offset, correlation), the
    normalised cross-correlation at its best place, 1.0 = the same sound."""
    piece = numpy.asarray(piece, float)
    piece = piece - piece.mean()
    energy = math.sqrt(float((piece ** 2).sum()))
    if energy == 0 or len(piece) == 0:
        return 0, 0.0
    loop = numpy.asarray(loop, float)
    repeated = numpy.resize(loop, len(loop) + len(piece) - 1)
    size = 1 << (len(repeated) + len(piece)).bit_length()
    product = numpy.fft.irfft(numpy.fft.rfft(repeated, size) *
                              numpy.conj(numpy.fft.rfft(piece, size)), size)[:len(loop)]
    total = numpy.concatenate(([0.0], numpy.cumsum(repeated)))
    squares = numpy.concatenate(([0.0], numpy.cumsum(repeated ** 2)))
    n = len(piece)
    sums = total[n:n + len(loop)] - total[:len(loop)]
    norm = squares[n:n + len(loop)] - squares[:len(loop)] - sums ** 2 / n
    score = product / (numpy.sqrt(numpy.maximum(norm, 1e-9)) * energy)
    best = int(numpy.argmax(score))
    return best, float(score[best])


def windows(samples, seconds=0.4):
    """The sound cut into pieces of this length, the rest dropped."""
    n = int(seconds * RATE)
    return [samples[i:i + n] for i in range(0, len(samples) - n + 1, n)]


def share_of_tone(samples, hertz):
    """Goertzel: the share of the sound's energy at this frequency, 0 to 1."""
    x = numpy.asarray(samples, float)
    if len(x) == 0:
        return 0.0
    x = x - x.mean()
    energy = float((x ** 2).sum())
    if energy < len(x):  # silence
        return 0.0
    t = numpy.arange(len(x)) * (2 * math.pi * hertz / RATE)
    amplitude = abs(complex(float((x * numpy.cos(t)).sum()), float((x * numpy.sin(t)).sum())))
    return 2 * amplitude ** 2 / (len(x) * energy)
