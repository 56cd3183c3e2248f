"""Log-mel features: a frame for each ten milliseconds, the power where it is, the same in pieces."""

from __future__ import annotations

import builtins
import importlib.util

import numpy as np
import pytest
from support.recordings import tone

from lstmtui.data.log_mel import FLOOR, LogMel, log_mel, require_library
from lstmtui.errors import LstmtuiError


def test_a_frame_for_each_ten_milliseconds():
    frames = log_mel(tone(1.0), 8000, 40)
    assert frames.shape == (100, 40)
    assert frames.dtype == np.float32
    assert len(log_mel(tone()[:39], 8000, 40)) == 0
    assert len(log_mel(tone()[:40], 8000, 40)) == 1


def test_the_power_is_in_the_band_of_the_tone_and_follows_its_level():
    bands = [log_mel(tone(0.5, hertz=hertz), 8000, 40)[10:40].mean(axis=0).argmax() for hertz in (300, 1000, 3000)]
    mels = [1127 * np.log(1 + hertz / 700) for hertz in (300, 1000, 3000, 20, 4000)]
    expected = [round((mel - mels[3]) / (mels[4] - mels[3]) * 41 - 1) for mel in mels[:3]]
    assert np.abs(np.array(bands) - expected).max() <= 1
    loud, soft = (log_mel(tone(0.5, peak=peak), 8000, 40)[20].max() for peak in (0.5, 0.05))
    assert loud - soft == pytest.approx(np.log(100), abs=1e-2)


def test_silence_is_at_the_floor():
    np.testing.assert_allclose(log_mel(np.zeros(4000, np.float32), 8000, 40), FLOOR, rtol=1e-6)


def test_pieces_give_the_same_frames_as_the_whole():
    samples = np.random.default_rng(1).normal(size=8000).astype(np.float32) * 0.1
    features = LogMel(8000, 40)
    pieces = [features.feed(samples[at : at + 777]) for at in range(0, 8000, 777)]
    np.testing.assert_array_equal(np.concatenate([*pieces, features.finish()]), log_mel(samples, 8000, 40))


def test_too_many_bands_are_refused():
    with pytest.raises(LstmtuiError, match="--mel"):
        log_mel(tone(), 8000, 128)


def test_without_the_extra_the_package_is_named(monkeypatch):
    usual = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "kaldi_native_fbank":
            raise ImportError(name)
        return usual(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(LstmtuiError, match=r"lstmtui\[speech\]"):
        log_mel(tone(), 8000, 40)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LstmtuiError, match=r"lstmtui\[speech\]"):
        require_library()
