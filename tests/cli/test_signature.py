"""A dataclass of arguments gives its command the signature that Typer reads."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, get_args

import pytest
import typer

from lstmtui.cli.signature import settings_among, takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    run: Annotated[str, typer.Argument(metavar="RUN")]
    hidden: Annotated[str | None, typer.Option("--hidden")] = None
    count: int = 3


received = []


@takes(Arguments)
def command(args: Arguments) -> int:
    """Do something."""
    received.append(args)
    return 0


def test_each_field_is_a_keyword_with_its_annotation_and_default():
    parameters = inspect.signature(command).parameters
    assert list(parameters) == ["run", "hidden", "count"]
    assert parameters["run"].default is inspect.Parameter.empty
    assert get_args(parameters["hidden"].annotation)[0] == str | None
    assert parameters["count"].default == 3
    assert command.__doc__ == "Do something."


def test_the_command_receives_the_dataclass():
    received.clear()
    assert command(run="diary", hidden="9", count=1) == 0
    assert received == [Arguments(run="diary", hidden="9", count=1)]


def test_typer_parses_into_the_dataclass():
    received.clear()
    app = typer.Typer()
    app.command()(command)
    app(["diary", "--hidden", "7", "--count", "2"], standalone_mode=False)
    assert received == [Arguments(run="diary", hidden="7", count=2)]


def test_an_argument_without_a_default_is_required():
    app = typer.Typer()
    app.command()(command)
    with pytest.raises(Exception, match=r"(?i)missing.*run"):
        app([], standalone_mode=False)


def test_settings_are_the_fields_that_configuration_has():
    assert settings_among(Arguments(run="diary", hidden="9")) == {"hidden": "9"}
