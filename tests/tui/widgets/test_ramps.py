"""Ramps of two hues."""

from __future__ import annotations

import itertools
import math

import pytest

from lstmtui.tui.widgets.ramps import LEVELS, among_256, band, level, lightness, mixed, oklab, ramp


@pytest.mark.parametrize("dark", [True, False])
def test_both_ramps_have_the_same_lightness_in_even_steps(dark: bool) -> None:
    left, right = ramp("left", dark=dark), ramp("right", dark=dark)
    assert len(left) == len(right) == LEVELS
    for one, other in zip(left, right, strict=True):
        assert lightness(one) == pytest.approx(lightness(other), abs=0.01)
    steps = [lightness(b) - lightness(a) for a, b in itertools.pairwise(left)]
    assert min(steps) > 0 if dark else max(steps) < 0
    assert max(steps) - min(steps) < 0.012


@pytest.mark.parametrize("dark", [True, False])
def test_the_ramps_differ_in_hue(dark: bool) -> None:
    (_, _, blue_of_left), (_, _, blue_of_right) = ramp("left", dark=dark)[-8], ramp("right", dark=dark)[-8]
    assert blue_of_left > blue_of_right + 60


@pytest.mark.parametrize("dark", [True, False])
def test_a_mixture_is_as_light_as_the_sum_of_its_fractions(dark: bool) -> None:
    for left, right in ((8, 8), (3, 20), (16, 15), (31, 31)):
        expected = ramp("left", dark=dark)[min(LEVELS - 1, left + right)]
        assert lightness(mixed(left, right, dark=dark)) == pytest.approx(lightness(expected), abs=0.01)


@pytest.mark.parametrize("dark", [True, False])
def test_a_unit_that_flips_has_a_hue_of_its_own(dark: bool) -> None:
    red, green, blue = mixed(15, 15, dark=dark)
    assert red > green + 15 < blue  # lilac


@pytest.mark.parametrize("dark", [True, False])
def test_bands_are_stronger_towards_the_median(dark: bool) -> None:
    contrast = [abs(lightness(band(n, dark=dark)) - lightness(band(0, dark=dark))) for n in range(6)]
    assert min(b - a for a, b in itertools.pairwise(contrast)) > 0.05


def test_black_and_white_have_no_and_all_lightness() -> None:
    assert lightness((0, 0, 0)) == pytest.approx(0, abs=1e-6)
    assert lightness((255, 255, 255)) == pytest.approx(1, abs=1e-3)


def test_every_fraction_has_a_place() -> None:
    assert [level(value) for value in (-1.0, 0.0, 0.5, 1.0, 9.0, math.nan)] == [0, 0, 16, LEVELS - 1, LEVELS - 1, 0]


@pytest.mark.parametrize("dark", [True, False])
def test_a_terminal_of_256_colours_keeps_hues_apart_and_the_order_of_lightness(dark: bool) -> None:
    full = LEVELS - 1
    blue, orange, lilac = (among_256(mixed(*at, dark=dark)) for at in ((full, 0), (0, full), (full // 2, full // 2)))
    assert oklab(blue)[2] < -0.04 < 0.04 < oklab(orange)[2]
    assert oklab(orange)[1] > 0.01 < oklab(lilac)[1]
    for side in ("left", "right"):
        steps = [lightness(among_256(colour)) for colour in ramp(side, dark=dark)]
        assert (
            steps == sorted(steps, reverse=not dark)
            or max((before - after) * (1 if dark else -1) for before, after in itertools.pairwise(steps)) < 0.06
        )
