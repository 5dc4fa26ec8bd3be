"""Luck without a generator: every random number of a run is a hash of what it is drawn for.

Two designs are compared, and the second has one cache more. With a generator all draws after the first look into that
cache would be different ones, and the difference of the two results would be mostly that. Here a draw depends on the
request, the names on the way it came, and the attempt; never on the order of events. So both engines, and both designs
of a comparison, meet the same luck.

Promised: the same numbers in plain Python, in NumPy and in Numba: 63 bits, no sign, no overflow that matters. Not
promised: cryptography. Source of the mixer: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
generators".
"""

from __future__ import annotations

import math

import numpy as np

M63 = (1 << 63) - 1
TURN = 0x1E3779B97F4A7C15
FIRST = 0x3F58476D1CE4E5B9
SECOND = 0x14D049BB133111EB

WORK, SCATTER, CHOICE, SHARE, HIT, ERROR, BAD, JITTER, ALIVE, POISON = range(1, 11)  # what a draw is for
CONSTANT, EXPONENTIAL, LOGNORMAL = range(3)
LAWS = {"constant": CONSTANT, "exponential": EXPONENTIAL, "lognormal": LOGNORMAL}


def mix(path, value):
    """Another path, *value* steps aside from *path*; both are whole numbers of 63 bits, or NumPy columns of them."""
    x = (path + (value + 1) * TURN) & M63
    x = ((x ^ (x >> 30)) * FIRST) & M63
    x = ((x ^ (x >> 27)) * SECOND) & M63
    return x ^ (x >> 31)


def mix_unsigned(path, value):
    """The same for Numba, whose signed products must not overflow: LLVM takes them for positive and drops the mask."""
    mask = np.uint64(M63)
    x = (np.uint64(path) + (np.uint64(value) + np.uint64(1)) * np.uint64(TURN)) & mask
    x = ((x ^ (x >> np.uint64(30))) * np.uint64(FIRST)) & mask
    x = ((x ^ (x >> np.uint64(27))) * np.uint64(SECOND)) & mask
    return np.int64(x ^ (x >> np.uint64(31)))


def luck(path, purpose):
    """The uniform number in [0, 1) that *path* has for *purpose*."""
    return (mix(path, purpose) >> 10) * (1.0 / 9007199254740992.0)


def work_s(path, mean_s, law, cv):
    """Seconds of work with mean *mean_s*: *law* is a code of LAWS, *cv* the lognormal's coefficient of variation."""
    if law == CONSTANT or mean_s == 0.0:
        return mean_s
    uniform = luck(path, WORK)
    if law == EXPONENTIAL:
        return -mean_s * math.log(1.0 - uniform)
    variance = math.log1p(cv * cv)
    normal = math.sqrt(-2.0 * math.log(1.0 - uniform)) * math.cos(2.0 * math.pi * luck(path, SCATTER))
    return mean_s * math.exp(math.sqrt(variance) * normal - variance / 2.0)
