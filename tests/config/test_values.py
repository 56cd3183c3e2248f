"""Values are converted and checked."""

from __future__ import annotations

import pytest

from lstmtui import config
from lstmtui.errors import UsageError


def test_every_default_passes_its_own_check():
    for name, field in config.FIELDS.items():
        if field.default is not None:
            assert config.convert(name, field.default, "here") == field.default


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("hidden", "12", 12),
        ("hidden", 12, 12),
        ("hidden", 12.0, 12),
        ("hidden", "auto", None),
        ("lr", "1e-3", 0.001),
        ("lr", 1, 1.0),
        ("tied", "yes", True),
        ("tied", "Off", False),
        ("tied", True, True),
        ("cell", "gru", "gru"),
        ("corpus", "a.txt:b.txt", ("a.txt", "b.txt")),
        ("corpus", ["a.txt"], ("a.txt",)),
        ("prompt", "auto", "auto"),
    ],
)
def test_values_are_converted_to_the_type_of_the_field(name, raw, value):
    got = config.convert(name, raw, "here")
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("hidden", "1.5", "a whole number"),
        ("hidden", 1.5, "a whole number"),
        ("hidden", True, "a whole number"),
        ("hidden", "", "a whole number"),
        ("hidden", [1], "a whole number"),
        ("hidden", 0, "at least 1"),
        ("hidden", 65537, "at most 65536"),
        ("hidden", float("nan"), "a whole number"),
        ("hidden", float("inf"), "a whole number"),
        ("steps", 10**400, "too large"),
        ("lr", "nan", "finite"),
        ("lr", float("-inf"), "finite"),
        ("lr", "0", "more than 0"),
        ("lr", None, "a number"),
        ("tied", "maybe", "true or false"),
        ("tied", 2, "true or false"),
        ("cell", "LSTM", "did you mean 'lstm'?"),
        ("cell", 3, "a text"),
        ("corpus", [1], "a list of names"),
        ("hiden", 3, "did you mean 'hidden'?"),
        ("zzzzzz", 3, "unknown setting"),
    ],
)
def test_an_error_names_the_source_the_key_and_the_expected_value(name, raw, message):
    if name == "lr" and raw is None:
        assert config.convert(name, raw, "here") is None
        return
    with pytest.raises(UsageError, match=r"^here: ") as error:
        config.convert(name, raw, "here")
    assert message in str(error.value)
    assert name in str(error.value)
    assert len(str(error.value)) < 300


def test_a_side_that_no_patches_fill_is_refused():
    with pytest.raises(UsageError, match=r"A side of 60 pixels cannot be cut into patches of 8"):
        config.check_together(config.Settings(side=60))
