"""Resampling: tones within the band survive, those beyond it vanish, and pieces give the same samples as the whole."""

from __future__ import annotations

import numpy as np
import pytest
from support.recordings import tone

from lstmtui.data.resampling import Resampler, resample

RATES = [(8000, 16000), (16000, 8000), (44100, 16000), (22050, 8000), (96000, 16000), (11025, 8000), (48000, 44100)]


@pytest.mark.parametrize(("rate", "wanted"), RATES)
def test_a_tone_is_the_same_tone_at_another_rate(rate, wanted):
    found = resample(tone(0.2, rate, 1000), rate, wanted)
    assert found.shape == (-(-len(tone(0.2, rate)) * wanted // rate),)
    assert found.dtype == np.float32
    inner = slice(wanted // 40, -wanted // 40)  # the filter reads silence at the ends
    np.testing.assert_allclose(found[inner], tone(0.2, wanted, 1000)[: len(found)][inner], atol=1e-4)


def test_what_the_lower_rate_cannot_hold_vanishes():
    found = resample(tone(0.2, 16000, 5000), 16000, 8000)
    assert np.abs(found[200:-200]).max() < 1e-4 * 0.5


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 16000), (8000, 16000), (48000, 8000)])
def test_pieces_give_the_same_samples_as_the_whole(rate, wanted):
    samples = np.random.default_rng(1).normal(size=5000).astype(np.float32)
    resampler, pieces, at = Resampler(rate, wanted), [], 0
    for size in (0, 1, 7, 1000, 3, 3989):
        pieces.append(resampler.feed(samples[at : at + size]))
        at += size
    found = np.concatenate([*pieces, resampler.finish()])
    np.testing.assert_array_equal(found, resample(samples, rate, wanted))


def test_an_unusual_rate_has_few_phases():
    assert Resampler(22051, 16000)._bank.nbytes < 1 << 20
    found = resample(tone(0.2, 22051, 1000), 22051, 16000)
    np.testing.assert_allclose(found[400:2800], tone(0.2, 16000, 1000)[400:2800], atol=2e-3)


def test_nothing_stays_nothing():
    assert len(resample(np.empty(0, np.float32), 8000, 16000)) == 0
    assert len(resample(np.ones(1, np.float32), 8000, 16000)) == 2
