"""The heat map of attention."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.runs.snapshot import AttentionProbe
from lstmtui.tui.widgets.attention_map import lines, probe_at


def probe(step: int = 1, source: int = 4, target: int = 3) -> AttentionProbe:
    names = [tuple(f"{side}{n}" for n in range(count)) for side, count in (("s", source), ("tt", target))]
    return AttentionProbe(step=step, source=names[0], target=names[1], weights=np.eye(target, source, dtype="float32"))


def test_a_row_for_each_target_token_and_a_column_for_each_source_token() -> None:
    shown = lines(probe(), 30, 6)
    assert shown == ["    s  s  s  s", "    0  1  2  3", "tt0 ███", "tt1    ███", "tt2       ███"]


def test_names_are_short_where_there_is_little_room() -> None:
    assert lines(probe(), 12, 4) == ["    s s s s", "tt0 ██", "tt1   ██", "tt2     ██"]
    assert lines(probe(), 8, 3)[1] == "tt0 █"


@pytest.mark.parametrize("width", [1, 5, 9, 40, 200])
def test_every_size_has_a_picture(width: int) -> None:
    for height in (0, 1, 7, 90):
        found = lines(probe(source=13, target=11), width, height)
        assert len(found) >= 11


def test_the_probe_of_a_step_is_the_newest_until_then() -> None:
    three = tuple(probe(step) for step in (10, 20, 30))
    assert probe_at((), 5) is None
    for at, step in ((None, 30), (5, 10), (10, 10), (25, 20), (99, 30)):
        found = probe_at(three, at)
        assert found is not None
        assert found.step == step
