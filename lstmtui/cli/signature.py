"""Commands with many options take them as one frozen dataclass; Typer gets a parameter for each of its fields.

@dataclass(frozen=True, slots=True, kw_only=True)
class PlanArguments:
    hidden: Annotated[str | None, typer.Option("--hidden", help="Units in each layer.")] = None

@takes(PlanArguments)
def plan(args: PlanArguments) -> int: ...
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from lstmtui import config

Arguments = TypeVar("Arguments")


def takes(arguments: type[Arguments]) -> Callable[[Callable[[Arguments], int]], Callable[..., int]]:
    """Turn a command that takes the dataclass `arguments` into one that takes its fields as keywords."""

    def decorate(command: Callable[[Arguments], int]) -> Callable[..., int]:
        @functools.wraps(command)
        def call(**values: Any) -> int:
            return command(arguments(**values))

        hints = typing.get_type_hints(arguments, include_extras=True)
        fields = dataclasses.fields(arguments)  # type: ignore[arg-type]  # a dataclass
        set_parameters(call, {field.name: (hints[field.name], field.default) for field in fields})
        return call

    return decorate


def settings_among(arguments: object) -> dict[str, object]:
    """Return the fields of a command's arguments that are settings (`lstmtui.config`), by name."""
    return {name: getattr(arguments, name) for name in config.FIELDS if hasattr(arguments, name)}


def set_parameters(command: Callable[..., int], parameters: Mapping[str, tuple[Any, Any]]) -> None:
    """Give `command` the signature that Typer reads: annotation and default of each keyword by its name."""

    def parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
        empty = inspect.Parameter.empty if default is dataclasses.MISSING else default
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=empty, annotation=annotation)

    described = [parameter(name, *about) for name, about in parameters.items()]
    command.__signature__ = inspect.Signature(described, return_annotation=int)  # type: ignore[attr-defined]
    command.__annotations__ = {name: annotation for name, (annotation, _) in parameters.items()}
