"""Resolved settings are grouped, and every group is complete."""

from __future__ import annotations

import dataclasses

import pytest
from support import tiny

from lstmtui.config import LENGTHS, RunSettings, Settings
from lstmtui.config.resolved import GROUP_OF
from lstmtui.errors import UsageError


def test_every_setting_belongs_to_one_group():
    assert set(GROUP_OF) >= {field.name for field in dataclasses.fields(Settings)}


def test_flat_values_restore_the_same_settings():
    s = tiny.run_settings(steps=None, epochs=2.5)
    assert RunSettings.from_values(s.flat()) == s
    assert (s.length.unit, s.length.epochs, s.length.steps, s.length.minutes) == ("epochs", 2.5, None, None)


def test_changed_replaces_values_by_name_and_a_length_by_another():
    s = tiny.run_settings(steps=30)
    assert s.changed(hidden=3).network.hidden == 3
    assert s.network.hidden == 8
    assert s.changed(minutes=1.5).value("minutes") == 1.5
    assert s.changed(minutes=1.5).value("steps") is None


@pytest.mark.parametrize("lengths", [{}, dict.fromkeys(LENGTHS, 1)])
def test_other_than_one_length_raises(lengths):
    values = {**tiny.run_settings().flat(), **dict.fromkeys(LENGTHS), **lengths}
    with pytest.raises(UsageError, match="Exactly one of minutes, epochs, steps"):
        RunSettings.from_values(values)


def test_a_missing_value_raises_and_is_named():
    with pytest.raises(UsageError, match="hidden: a run needs a value"):
        tiny.run_settings(hidden=None)


@pytest.mark.parametrize(
    ("corpus", "given", "names"),
    [
        (("a/train.en", "a/train.de"), {}, ("en", "de")),
        (("pairs.tsv",), {}, ("source", "target")),
        (("a.txt", "b.txt"), {"target": "Deutsch"}, ("source", "Deutsch")),
    ],
)
def test_languages_are_named_as_given_or_by_their_files(corpus, given, names):
    assert tiny.run_settings(purpose="translation", corpus=corpus, **given).language_names() == names


@pytest.mark.parametrize(("vectors", "grid"), [(64, (8, 8)), (1, (1, 1)), (50, (1, 50))])
def test_vectors_of_a_picture_are_a_square_grid_where_they_can_be(vectors, grid):
    assert tiny.run_settings(vectors=vectors).pictures.grid == grid
