"""From frames to a network's input: normalised, stacked, and augmented as the generator says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lstmtui.config import SpeechSettings
from lstmtui.data.augmentation import max_frames, normalise, prepare, stacked, steps
from lstmtui.data.feature_file import Statistics

NONE = SpeechSettings(
    mel=8, stack=2, directions="forward", speed=0, warp=0, gain=0, noise=0, mask_time=0, mask_frequency=0
)


def frames(count=60, mel=8):
    return np.random.default_rng(3).normal(-5, 2, (count, mel)).astype(np.float32)


def raw(s, seed=0, **given):
    """The augmented frames, neither normalised nor stacked: of one direction, statistics alone count."""
    same = Statistics(np.zeros(8, np.float32), np.ones(8, np.float32))
    return prepare(frames(), dataclasses.replace(s, stack=1), np.random.default_rng(seed), same, **given)


def test_without_a_generator_or_settings_nothing_is_augmented():
    expected = stacked(normalise(frames()), 2)
    np.testing.assert_array_equal(prepare(frames(), SpeechSettings(mel=8)), expected)
    np.testing.assert_array_equal(prepare(frames(), NONE, np.random.default_rng(0)), expected)
    assert expected.dtype == np.float32


def test_each_band_has_mean_0_and_deviation_1_of_the_utterance_or_of_statistics():
    found = normalise(frames())
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=0), 1, atol=1e-5)
    statistics = Statistics(np.full(8, -5, np.float32), np.full(8, 2, np.float32))
    by_statistics = (frames() + 5) / 2
    np.testing.assert_allclose(normalise(frames(), statistics), by_statistics, rtol=1e-6)
    np.testing.assert_allclose(normalise(frames(), statistics, prior=1e9), by_statistics, atol=1e-5)
    np.testing.assert_allclose(normalise(frames(), statistics, prior=0.0), found, atol=1e-5)
    half = normalise(frames(), statistics, prior=float(len(frames())))
    np.testing.assert_allclose(
        half.mean(axis=0) * np.sqrt((frames().var(axis=0) + 4) / 2), (frames().mean(axis=0) + 5) / 2, rtol=1e-4
    )
    np.testing.assert_allclose(normalise(np.full((9, 8), -15.9, np.float32)), 0, atol=1e-4)


@pytest.mark.parametrize("stack", [1, 2, 3])
def test_the_last_step_is_filled_with_the_last_frame(stack):
    found = stacked(frames(7), stack)
    assert found.shape == (steps(7, stack), 8 * stack)
    np.testing.assert_array_equal(found.reshape(-1, 8)[:7], frames(7))
    np.testing.assert_array_equal(found.reshape(-1, 8)[7:], np.repeat(frames(7)[-1:], -7 % stack, axis=0))


def test_speed_changes_the_length_within_its_bounds_and_keeps_the_ends():
    s = dataclasses.replace(NONE, speed=0.2)
    found = [raw(s, seed) for seed in range(40)]
    lengths = [len(one) for one in found]
    assert min(lengths) < 54
    assert max(lengths) > 66
    assert 50 <= min(lengths) <= max(lengths) <= max_frames(60, s) == 76
    for one in found:
        np.testing.assert_allclose(one[[0, -1]], frames()[[0, -1]], rtol=1e-6)
    assert min(len(raw(s, seed, min_steps=58)) for seed in range(40)) == 58  # the labels still fit
    assert min(len(raw(s, seed, min_steps=99)) for seed in range(40)) == 60


def test_warp_moves_bands_and_gain_the_level():
    ramp = np.tile(np.arange(8, dtype=np.float32), (5, 1))
    same = Statistics(np.zeros(8, np.float32), np.ones(8, np.float32))
    s = dataclasses.replace(NONE, stack=1, warp=0.2)
    slopes = [prepare(ramp, s, np.random.default_rng(seed), same)[0] for seed in range(40)]
    assert {0.8 < slope[1] < 1.2 for slope in slopes} == {True}
    assert max(slope[1] for slope in slopes) > 1.1
    assert all(np.allclose(slope, np.minimum(np.arange(8) * slope[1], 7), atol=1e-5) for slope in slopes)
    moved = [float((raw(dataclasses.replace(NONE, gain=6), seed) - frames()).mean()) for seed in range(40)]
    assert 1 < max(moved) <= 6 * np.log(10) / 10
    assert min(moved) < -1


def test_noise_is_added_to_the_part_of_utterances_that_is_set():
    s = dataclasses.replace(NONE, noise=0.5)
    changes = [raw(s, seed) - frames() for seed in range(60)]
    noisy = [change for change in changes if change.any()]
    assert 15 <= len(noisy) <= 45
    assert min(change.min() for change in noisy) >= -1e-5  # power is added
    power = [np.exp(frames() + change).mean() / np.exp(frames()).mean() - 1 for change in noisy]
    assert max(power) < 0.5
    assert max(power) > 0.02


def test_masks_are_the_mean_and_within_their_part():
    s = dataclasses.replace(NONE, stack=1, mask_time=0.2, mask_frequency=0.5)
    rows, columns = [], []
    for seed in range(60):
        found = prepare(frames(), s, np.random.default_rng(seed)) == 0
        rows.append(int(found.all(axis=1).sum()))
        columns.append(int(found.all(axis=0).sum()))
    assert 0 < max(rows) <= 12
    assert 0 < max(columns) <= 4


def test_augmentation_follows_from_the_generator_alone():
    s = SpeechSettings(mel=8)
    draw = [prepare(frames(), s, np.random.default_rng((1, 2, seed))) for seed in (7, 7, 8)]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert draw[0].shape != draw[2].shape or (draw[0] != draw[2]).any()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_utterances_are_augmented_too(count):
    for seed in range(20):
        found = prepare(frames(count), SpeechSettings(mel=8, speed=0.5), np.random.default_rng(seed))
        assert np.isfinite(found).all()
        assert 1 <= len(found) <= max_frames(count, SpeechSettings(speed=0.5))
