"""The heat map of what is heard by time."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.tui.widgets.posterior_map import count_rows, label_name, picture

LABELS = ("", " ", "n", "o", "yes")


def values(path: list[int], size: int = 5) -> np.ndarray:
    return np.eye(size, dtype=np.float32)[path]


def lines(path: list[int], width: int, height: int, labels: tuple[str, ...] = LABELS) -> list[str]:
    rows = picture(values(path, len(labels)), labels, width, height, step_seconds=0.1)
    return ["".join(text for text, _ in row).rstrip() for row in rows]


def test_labels_in_the_order_in_which_they_are_heard_and_the_blank_apart() -> None:
    assert lines([0, 3, 0, 2, 0, 1, 2, 0, 3, 3], 16, 9) == [
        "heard  on   no",
        "    o  █      ██",
        "    n    █  █",
        "    ␣      █",
        "blank █ █ █  █",
        "     └──0.5s──1s",
    ]


def test_a_label_that_is_never_probable_has_no_row() -> None:
    shown = lines([0, 2, 3, 0], 10, 9)
    assert [line.split()[0] for line in shown[:-1]] == ["heard", "n", "o", "blank"]
    assert shown[1] == "    n  █"
    assert shown[3] == "blank █  █"


def test_a_small_map_has_the_labels_that_fit() -> None:
    path = [2, 3, 4]
    assert len(lines(path, 20, 5)) == 5
    assert count_rows(values(path), 5) == (2, 3)
    assert lines(path, 20, 1)[0].startswith("heard")


def test_what_is_heard_stands_at_its_time() -> None:
    heard = lines([0, 0, 2, 2, 3, 0, 1, 0, 2, 0, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0], 26, 9)[0]
    assert heard == "heard   no    nno"
    assert lines([4, 0, 4], 20, 9)[0] == "heard yesyes"  # one word, for a space would be a label


def test_pieces_of_words_with_spaces_begin_words() -> None:
    assert lines([1, 2, 0, 1], 26, 9, ("", " ye", "s"))[0] == "heard yes            ye"


def test_a_short_passage_keeps_its_peak() -> None:
    path = [0] * 500
    path[250] = 3
    assert "█" in lines(path, 30, 9)[1]


def test_the_space_has_a_visible_name() -> None:
    assert [label_name(label) for label in (" ", "a", "x" * 30)] == ["␣", "a", "xxxxxxxxx…"]


@pytest.mark.parametrize("width", [1, 5, 9, 40, 200])
def test_every_size_has_a_picture(width: int) -> None:
    for height in (0, 1, 3, 7, 90):
        assert lines([0, 2, 3, 4], width, height)
