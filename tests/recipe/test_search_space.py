"""What `--over` names: the usual ranges around the recipe's choice, a person's own, and what is refused."""

from __future__ import annotations

import pytest

from lstmtui import config, recipe
from lstmtui.errors import UsageError
from lstmtui.recipe import search_space
from lstmtui.recipe.search_space import Choices, Range, parse


def chosen(**settings):
    given = config.Settings(**{"corpus": ("x.txt",), "minutes": 2.0, "threads": 2, **settings})
    return recipe.resolve(given, corpus_bytes=1_000_000)


def test_the_usual_ranges_lie_around_the_recipe_s_choice():
    s = chosen(hidden=256, lr=0.004)
    hidden, lr, dropout, cell = parse("hidden, lr,dropout,cell", s)
    assert hidden == Range("hidden", 64, 512, step=64)
    assert lr == Range("lr", 0.001, 0.016, logarithmic=True)
    assert dropout == Range("dropout", 0.0, 0.5)
    assert cell == Choices("cell", tuple(config.CELLS))
    first = search_space.recipe_values((hidden, lr, dropout, cell), s)
    assert first is not None
    assert (first["hidden"], first["lr"], first["cell"]) == (256, 0.004, "lstm")


@pytest.mark.parametrize("name", sorted(search_space.USUAL))
def test_every_usual_range_has_the_recipe_s_choice_and_valid_ends(name):
    for s in (chosen(), chosen(tokens="words"), chosen(hidden=20, embedding=200, batch=1)):
        (one,) = parse(name, s)
        assert one.holds(s.value(name))
        for value in one.values if isinstance(one, Choices) else (one.low, one.high):
            assert config.convert(name, value, "test") == value


@pytest.mark.parametrize(("size", "low", "high", "step"), [(200, 56, 400, 8), (48, 12, 96, 12), (650, 202, 1290, 64)])
def test_sizes_have_steps_that_meet_the_recipe_s_choice(size, low, high, step):
    assert parse("hidden", chosen(hidden=size)) == (Range("hidden", low, high, step=step),)


def test_a_person_gives_ranges_and_values():
    lr, cell, hidden, layers, batch, tied = parse(
        "lr=0.001..0.01,cell=lstm|gru,hidden=100..400,layers=1..3,batch=16..70,tied", chosen()
    )
    assert lr == Range("lr", 0.001, 0.01, logarithmic=True)
    assert cell == Choices("cell", ("lstm", "gru"))
    assert hidden == Range("hidden", 100, 400, step=4)
    assert layers == Range("layers", 1, 3, step=1)
    assert batch == Choices("batch", (16, 32, 64))
    assert tied == Choices("tied", (True, False))
    assert parse("dropout=0|0.25", chosen()) == (Choices("dropout", (0.0, 0.25)),)
    assert parse("weight-decay=0..0.1", chosen()) == (Range("weight_decay", 0.0, 0.1),)


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("", "name the settings"),
        ("lrr", "did you mean 'lr'"),
        ("seed", "would find luck"),
        ("minutes", "same budget"),
        ("tokens", "could not be compared"),
        ("temperature", "changes no training"),
        ("lr,lr", "twice"),
        ("lr=0.01..0.001", "smaller number comes first"),
        ("lr=-1..2", "lr must be more than 0"),
        ("lr=fast..slow", "lr must be a number"),
        ("lr=0.01", "nothing to search"),
        ("cell=lstm..gru", "a range is for numbers"),
        ("cell=lstn|gru", "did you mean 'lstm'"),
        ("hidden=auto|64", "'auto' is the recipe's choice"),
        ("init_span", "no usual range"),
        ("layers", "either --layers or layers"),
        ("tied,embedding", "leave tied or embedding out"),
    ],
)
def test_one_sentence_says_what_cannot_be_searched(over, message):
    with pytest.raises(UsageError, match=message):
        parse(over, chosen(), {"layers"})


def test_a_drawn_number_has_few_digits_and_stays_within():
    lr = Range("lr", 0.00123456, 0.01, logarithmic=True)
    assert lr.rounded(0.00412345) == 0.00412
    assert lr.rounded(0.00123457) == 0.00123456
    assert Range("hidden", 64, 512, step=64).rounded(128.0) == 128
    assert not Range("hidden", 64, 512, step=64).holds(100)


def test_a_space_survives_json():
    space = parse("hidden,lr,cell=lstm|gru,dropout=0..0.3", chosen())
    assert search_space.from_record(search_space.record(space)) == space
    with pytest.raises(ValueError, match="lr"):
        search_space.from_record([{"name": "lr", "low": 1, "high": 1, "logarithmic": True, "step": None}])
    with pytest.raises(UsageError, match="seed"):
        search_space.from_record([{"name": "seed", "choices": [1, 2]}])


def test_a_line_says_what_each_setting_can_be():
    s = chosen(hidden=256)
    assert search_space.describe(parse("hidden,cell=lstm|gru", s), s) == [
        "hidden  64 to 512 in steps of 64 (recipe: 256)",
        "cell    lstm, gru (recipe: lstm)",
    ]
