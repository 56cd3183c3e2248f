"""Levels of surprise."""

from __future__ import annotations

from lstmtui.reports import surprise


def test_a_level_begins_at_its_edge() -> None:
    assert [surprise.level(bits) for bits in (0, 0.99, 1, 2.9, 3, 5.9, 6, 40)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(surprise.NAMES) == len(surprise.EDGES) + 1


def test_without_colours_every_level_still_looks_unlike_the_others() -> None:
    assert len(set(surprise.WITHOUT_COLOURS)) == len(surprise.NAMES)
