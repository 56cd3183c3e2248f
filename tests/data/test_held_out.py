"""What is held out follows from the names alone."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.data.held_out import drawn

NAMES = [f"{n}.png" for n in range(60)]


@pytest.mark.parametrize(("fraction", "count"), [(0, 0), (0.001, 1), (0.1, 6), (0.9, 54)])
def test_about_the_fraction_is_held_out(fraction, count):
    assert drawn(NAMES, [""] * 60, fraction, "valid").sum() == count
    assert not drawn(NAMES[:1], [""], fraction, "valid").any()


def test_the_same_names_are_held_out_whatever_their_order():
    chosen = drawn(NAMES, [""] * 60, 0.2, "valid")
    order = np.random.default_rng(1).permutation(60)
    again = drawn([NAMES[n] for n in order], [""] * 60, 0.2, "valid")
    assert (again == chosen[order]).all()
    assert (drawn(NAMES, [""] * 60, 0.2, "test") != chosen).any()


def test_whole_groups_are_held_out_where_there_are_enough():
    groups = [str(n % 10) for n in range(60)]
    chosen = drawn(NAMES, groups, 0.1, "valid")
    assert {group for group, is_held in zip(groups, chosen, strict=True) if is_held}.isdisjoint(
        group for group, is_held in zip(groups, chosen, strict=True) if not is_held
    )
    for few in ([str(n % 7) for n in range(60)], ["", *groups[1:]]):
        assert drawn(NAMES, few, 0.1, "valid").sum() == 6
