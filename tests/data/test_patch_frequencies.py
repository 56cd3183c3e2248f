"""Patches as frequencies: nothing is lost, each number is one frequency, and they are of about one size."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.data.patch_frequencies import frequencies, ink_of


@pytest.mark.parametrize("patch", [1, 2, 8, 16])
def test_pictures_come_back(patch):
    ink = np.random.default_rng(1).uniform(0, 3, (2 * patch, 2 * patch, 3)).astype(np.float32)
    np.testing.assert_allclose(ink_of(frequencies(ink, patch), patch), ink, atol=1e-4)


def test_each_patch_is_for_itself():
    ink = np.random.default_rng(1).uniform(0, 3, (16, 24, 3)).astype(np.float32)[:, :16]
    alone = frequencies(np.ascontiguousarray(ink[8:, :8]), 8)
    np.testing.assert_allclose(frequencies(np.ascontiguousarray(ink), 8)[8:, :8], alone, atol=1e-5)


def test_white_is_nothing_and_an_even_grey_is_one_number():
    assert not frequencies(np.zeros((8, 8, 3), np.float32), 8).any()
    found = frequencies(np.full((8, 8, 3), 1.5, np.float32), 8)
    assert np.argwhere(np.abs(found) > 1e-4).tolist() == [[0, 0, 0]]
    assert found[0, 0, 0] == pytest.approx(1.5 * np.sqrt(192) / 9, rel=1e-5)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_wave_is_one_number_of_its_brightness(axis):
    wave = np.cos(np.pi * (np.arange(8) + 0.5) * 3 / 8)
    ink = np.broadcast_to(wave[:, None, None] if axis == 0 else wave[None, :, None], (8, 8, 3))
    found = frequencies(np.ascontiguousarray(ink, np.float32), 8)
    assert np.argwhere(np.abs(found) > 1e-4).tolist() == [[3, 0, 0] if axis == 0 else [0, 3, 0]]


@pytest.mark.parametrize("patch", [4, 8, 16])
def test_edges_have_numbers_of_about_one_size(patch):
    """Edges at any place, as drawings have them, whatever the size of the patch."""
    random, at, found = np.random.default_rng(2), np.arange(patch), []
    for _ in range(2000):
        edge = np.where(at < random.uniform(-patch, 2 * patch), 3.0, 0.0)
        ink = np.broadcast_to(edge[None, :, None], (patch, patch, 3))
        found.append(frequencies(np.ascontiguousarray(ink, np.float32), patch)[0, :, 0])
    sizes = np.std(found, axis=0)
    assert sizes.max() / sizes.min() < 6
    assert 0.5 < sizes[0] < 3
