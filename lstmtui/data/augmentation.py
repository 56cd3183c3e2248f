"""From log-mel frames to the input of a network: augmented in training, normalised, stacked.

Everything is done to the features, so that they are computed once:

    speed      frames are interpolated in time            Ko et al. 2015, Audio augmentation for speech recognition
    warp       bands are interpolated on the mel scale    Jaitly and Hinton 2013, vocal tract length perturbation
    gain       a constant is added to all logarithms
    noise      power is added: log(e^x + n), n with a random slope over the bands
    masks      some time and some bands are set to the mean    Park et al. 2019, arXiv:1904.08779 (SpecAugment)
    normalise  each band to mean 0 and deviation 1: of the training recordings for a network that streams; else of these
               and the utterance, which counts the more the longer it is
    stack      `stack` frames become one step; the last frame is repeated to fill the last step

All random numbers of an utterance come from its own generator, so that a resumed run sees the same ones.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lstmtui.config import SpeechSettings
from lstmtui.data.feature_file import Statistics

Frames = NDArray[np.float32]

PRIOR_FRAMES = 100.0
"""Frames that the training recordings count for beside those of an utterance: 1 s.

The mean of a single short word is that of its sounds, and to take it off removes what tells it from others.
"""
MIN_DEVIATION = 0.1
"""Bands that change less are not blown up to deviation 1: silence stays silence."""
NOISE_DB = (10.0, 40.0)
"""How far noise lies below the mean power of an utterance, from and to."""
NOISE_SLOPE_DB = 15.0
"""The largest change of noise over all bands."""
MASKS = 2
"""Masks of time and of bands, each of at most half the part that may be masked."""
POWER_PER_DB = np.log(10) / 10


def prepare(
    frames: Frames, s: SpeechSettings, rng: np.random.Generator | None = None, statistics: Statistics | None = None,
    *, min_steps: int = 0,
) -> Frames:  # fmt: skip
    """Return the input (T, mel * stack) of a network for the frames (F, mel) of an utterance.

    rng         draws the augmentation; None for none
    statistics  those of the training recordings; None for those of the utterance alone
    min_steps   what is not undercut by a higher speed: the steps that the labels need
    """
    if rng is not None:
        frames = _power_changed(_resized(frames, s, rng, min_steps), s, rng)
    frames = normalise(frames, statistics, prior=math.inf if s.directions == "forward" else PRIOR_FRAMES)
    if rng is not None:
        _mask(frames, s, rng)
    return stacked(frames, s.stack)


def steps(frames: NDArray[np.int64] | int, stack: int) -> NDArray[np.int64] | int:
    """Return the number of steps for so many frames."""
    return -(-frames // stack)


def max_frames(frames: int, s: SpeechSettings) -> int:
    """Return the most frames that augmentation makes of so many."""
    return round(frames / (1 - s.speed)) + 1


def normalise(frames: Frames, statistics: Statistics | None = None, *, prior: float = math.inf) -> Frames:
    """Return each band with mean 0 and deviation 1, of the frames (F, mel) themselves and of `statistics`.

    prior   frames that the statistics count for; infinite: they alone count
    """
    if statistics is not None and math.isinf(prior):
        found: Frames = frames - statistics.mean
        found /= np.maximum(statistics.deviation, np.float32(MIN_DEVIATION))
        return found
    mean = frames.mean(axis=0)
    found = frames - mean
    # A third of the time of np.std.
    variance = np.einsum("fm,fm->m", found, found) / len(found)
    if statistics is not None:
        own = np.float32(len(frames) / (len(frames) + prior))
        found += (1 - own) * (mean - statistics.mean)
        variance = own * variance + (1 - own) * statistics.deviation**2
    found /= np.maximum(np.sqrt(variance), np.float32(MIN_DEVIATION))
    return found


def stacked(frames: Frames, stack: int) -> Frames:
    """Return the frames (F, mel) as steps (T, mel * stack)."""
    missing = -len(frames) % stack
    if missing:
        frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    return np.ascontiguousarray(frames).reshape(len(frames) // stack, -1)


def _resized(frames: Frames, s: SpeechSettings, rng: np.random.Generator, min_steps: int) -> Frames:
    """Return the frames at another speed, of another vocal tract."""
    count, mel = frames.shape
    # Drawn whatever the settings are, so that a setting does not change what the others draw.
    speed, warp = 1 + s.speed * rng.uniform(-1, 1), 1 + s.warp * rng.uniform(-1, 1)
    if s.speed:
        wanted = max(1, min(round(count / speed), max_frames(count, s)), min(count, min_steps * s.stack))
        frames = _interpolated(frames, np.linspace(0, count - 1, wanted))
    if s.warp:
        bands = _interpolated(np.eye(mel, dtype=np.float32), np.minimum(np.arange(mel) * warp, mel - 1))
        frames = frames @ bands.T
    return frames


def _interpolated(rows: Frames, at: NDArray[np.float64]) -> Frames:
    """Return the rows (N, K) at fractional positions."""
    below = np.minimum(at.astype(np.int64), max(0, len(rows) - 2))
    part = (at - below).astype(np.float32)[:, None]
    found: Frames = rows.take(np.minimum(below + 1, len(rows) - 1), axis=0)
    start = rows.take(below, axis=0)
    found -= start
    found *= part
    found += start
    return found


def _power_changed(frames: Frames, s: SpeechSettings, rng: np.random.Generator) -> Frames:
    """Return the frames at another level, some of them with noise."""
    gain, is_noisy = s.gain * rng.uniform(-1, 1) * POWER_PER_DB, rng.random() < s.noise
    below, slope = rng.uniform(*NOISE_DB), rng.uniform(-1, 1) * NOISE_SLOPE_DB / 2
    if is_noisy:
        power = np.exp(frames)
        bands = np.linspace(-slope, slope, frames.shape[1]) - below
        level = (float(power.mean()) * np.exp(bands * POWER_PER_DB)).astype(np.float32)
        # The power of noise in a band has the exponential distribution of a power spectrum.
        power += level * rng.standard_exponential(frames.shape, dtype=np.float32)
        frames = np.log(power)
    return frames + np.float32(gain)


def _mask(frames: Frames, s: SpeechSettings, rng: np.random.Generator) -> None:
    """Set some time and some bands to the mean, 0."""
    for rows, part in ((frames, s.mask_time), (frames.T, s.mask_frequency)):
        for _ in range(MASKS):
            width, start = int(len(rows) * part / MASKS * rng.random()), rng.random()
            first = int(start * (len(rows) - width + 1))
            rows[first : first + width] = 0
