import math

import pytest

from lstmtui.common.units import format_age, format_duration, format_size, percent


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (59.6, "1 min 00 s"), (72, "1 min 12 s"), (7500, "2 h 05 min"), (273_600, "3 d 4 h"), (math.nan, "–")],
)
def test_durations_have_their_two_largest_units(seconds, expected):
    assert format_duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 s"), (90, "2 min"), (7200, "2 h"), (200_000, "2 d"), (-5, "0 s")]
)
def test_ages_have_one_unit(seconds, expected):
    assert format_age(1000.0, now=1000.0 + seconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_115_394, "1.1 MB"), (5e12, "5000.0 GB")]
)
def test_sizes_have_one_decimal(count, expected):
    assert format_size(count) == expected


@pytest.mark.parametrize(("rate", "shown"), [(0.0, "0.0%"), (0.0463, "4.6%"), (0.9996, "100%"), (1.5, "150%")])
def test_error_rates_fit_five_characters(rate, shown):
    assert percent(rate) == shown
