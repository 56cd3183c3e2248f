"""Another sampling rate, by a windowed sinc: band-limited interpolation, of a whole recording or as it arrives.

    y(n) = sum over k of x(k) h(n M / L - k),   h(t) = c sinc(c t) kaiser(t / width),   L / M = wanted / rate

c is 1, or the ratio of the rates where it is lower, a little less than that so that the filter falls within the band.
The values of h are computed once for each of the L phases of n M / L.

Source: Smith and Gossett 1984, A flexible sampling-rate conversion method, https://doi.org/10.1109/ICASSP.1984.1172555
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Samples = NDArray[np.float32]

ZEROS = 24
"""Zero crossings of the sinc on each side."""
BETA = 9.0
"""Of the Kaiser window: 90 dB of attenuation."""
BAND = 0.945
"""Of the lower rate's band: what passes. The filter falls over the rest."""
MAX_M = 1000
"""Of the ratio L / M: an unusual rate is replaced by one that differs by a millionth, so that the phases are few."""
PIECE = 16_000
"""Outputs that are computed at a time."""


class Resampler:
    """Turns samples at one rate into samples at another, piece by piece; pieces of any size give the same samples."""

    def __init__(self, rate: int, wanted: int) -> None:
        """`rate` and `wanted` in samples a second."""
        ratio = Fraction(wanted, rate).limit_denominator(MAX_M)
        self._L, self._M = ratio.numerator, ratio.denominator
        cutoff = BAND * min(1.0, wanted / rate)
        half = math.ceil(ZEROS / cutoff)
        phases = np.arange(self._L)[:, None] / self._L
        self._bank = _filter(phases + half - 1 - np.arange(2 * half)[None, :], cutoff, half).astype(np.float32)
        # Before the first sample there is silence, so that output 0 lies at input 0.
        self._held = np.zeros(half - 1, np.float32)
        self._start = -(half - 1)
        """The index of the first sample that is held."""
        self._read = self._written = 0
        self._half = half

    def feed(self, samples: Samples) -> Samples:
        """Return the outputs that the samples (N,) so far decide, and have not been returned before."""
        self._read += len(samples)
        return self._outputs(samples, -((self._half - self._read) * self._L // self._M))

    def finish(self) -> Samples:
        """Return the outputs that are left, as many as the duration has."""
        total = -(-self._read * self._L // self._M)
        return self._outputs(np.zeros(2 * self._half, np.float32), total)

    def _outputs(self, samples: Samples, stop: int) -> Samples:
        """Add `samples` to those held, and return outputs up to `stop`."""
        self._held = np.concatenate([self._held, samples.astype(np.float32, copy=False)])
        found = [np.empty(0, np.float32)]
        for first in range(self._written, max(stop, self._written), PIECE):
            n = np.arange(first, min(first + PIECE, stop), dtype=np.int64) * self._M
            windows = sliding_window_view(self._held, 2 * self._half)
            start = n // self._L - (self._half - 1) - self._start
            found.append(np.einsum("nk,nk->n", windows[start], self._bank[n % self._L]))
        self._written = max(stop, self._written)
        unused = self._written * self._M // self._L - (self._half - 1) - self._start
        self._held, self._start = self._held[unused:], self._start + unused
        return np.concatenate(found)


def _filter(t: NDArray[np.float64], cutoff: float, half: int) -> NDArray[np.float64]:
    """Return the impulse response at times t, in samples of the input; each row sums to 1."""
    window = np.i0(BETA * np.sqrt(np.clip(1 - (t / half) ** 2, 0, None))) / np.i0(BETA)
    h = cutoff * np.sinc(cutoff * t) * window * (np.abs(t) < half)
    total: NDArray[np.float64] = h / h.sum(axis=1, keepdims=True)
    return total


def resample(samples: Samples, rate: int, wanted: int) -> Samples:
    """Return the samples (N,) of `rate` at the rate `wanted`: (ceil(N wanted / rate),) float32."""
    if rate == wanted:
        return samples
    resampler = Resampler(rate, wanted)
    return np.concatenate([resampler.feed(samples), resampler.finish()])
