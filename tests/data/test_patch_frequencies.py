"""Patches as frequencies: nothing is lost, each number is one frequency, and they are of about one size."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.data.patch_frequencies import frequencies, patches_of


@pytest.mark.parametrize("patch", [1, 2, 8, 16])
def test_patches_come_back(patch):
    patches = np.random.default_rng(1).uniform(0, 3, (4, 3 * patch**2)).astype(np.float32)
    np.testing.assert_allclose(patches_of(frequencies(patches, patch), patch), patches, atol=1e-4)


def test_white_is_nothing_and_an_even_grey_is_one_number():
    grey = np.full((1, 192), 1.5, np.float32)
    found = frequencies(np.concatenate([0 * grey, grey]), 8)
    assert not found[0].any()
    assert (np.abs(found[1]) > 1e-4).nonzero()[0].tolist() == [0]
    assert found[1, 0] == pytest.approx(1.5 * np.sqrt(192) / 9, rel=1e-5)


def test_a_wave_of_columns_is_one_number_of_its_brightness():
    wave = np.cos(np.pi * (np.arange(8) + 0.5) * 3 / 8)
    found = frequencies(np.repeat(np.tile(wave, 8), 3)[None].astype(np.float32), 8)
    assert np.abs(found[0]).argmax() == 3 * 3  # the third of the first row of waves
    assert (np.abs(found[0]) > 1e-4).sum() == 1


@pytest.mark.parametrize("patch", [4, 8, 16])
def test_numbers_of_smooth_patches_are_of_about_one_size(patch):
    """Of sharp edges at any place, as drawings have them, whatever the size of the patch."""
    random, at = np.random.default_rng(2), np.arange(patch)
    edges = [np.where(at < random.uniform(-patch, 2 * patch), 3.0, 0.0) for _ in range(2000)]
    patches = np.stack([np.repeat(np.tile(edge, patch), 3) for edge in edges]).astype(np.float32)
    sizes = frequencies(patches, patch).reshape(len(edges), patch, patch, 3)[:, 0, :, 0].std(axis=0)
    assert sizes.max() / sizes.min() < 6
    assert 0.5 < sizes[0] < 3
