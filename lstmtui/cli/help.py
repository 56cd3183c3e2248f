"""Help pages for 80 columns: paragraphs are reflowed, and choices replace the names of Python types."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

MAX_METAVAR = 15
"""Characters of choices in the column of types; longer ones are part of the help text."""


class _PlainTypes:
    """Shows the metavar of an option alone, and no type of flags and arguments."""

    def get_params(self, ctx: Any) -> Any:
        params = super().get_params(ctx)  # type: ignore[misc]  # defined by the command
        for param in params:
            if param.param_type_name == "argument" or getattr(param, "is_flag", False):
                param.display_type_rich = lambda ctx: None  # as in older versions of Typer
        return params


class Command(_PlainTypes, TyperCommand):
    """One command."""


class Group(_PlainTypes, TyperGroup):
    """Several commands under one name."""


class App(typer.Typer):
    """Commands whose help is the docstring of their function, with paragraphs reflowed."""

    def command(self, name: str | None = None, **more: Any) -> Callable[[Any], Any]:
        def register(function: Any) -> Any:
            about = {"cls": Command, "help": reflow(function.__doc__ or ""), **more}
            return super(App, self).command(name, **about)(function)

        return register


def reflow(text: str) -> str:
    """Return a docstring with each paragraph on one line; a line that begins in bold starts a new one."""
    lines: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        if lines and lines[-1] and line and not line.startswith("[bold]"):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return "\n".join(lines)


def metavar(words: Iterable[str]) -> str:
    """Return the choices for the column of types, or WORD if they are too long for it."""
    joined = "|".join(words)
    return joined if len(joined) <= MAX_METAVAR else "WORD"


def choices_suffix(words: Iterable[str]) -> str:
    """Return the choices as the end of a help text, where the column of types has no room for them."""
    *others, last = words
    return f": {', '.join(others)} or {last}" if metavar((*others, last)) == "WORD" else ""
