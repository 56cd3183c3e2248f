"""Help pages that are easy to read at 80 columns: paragraphs flow, choices are words, and no type of Python shows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

WIDEST = 15
"""Characters of choices that stand in the column of types; longer ones are told in the help's words."""


class _PlainTypes:
    """Shows of an option's type what was written for it, and nothing of flags and arguments, whose names say it."""

    def get_params(self, ctx: Any) -> Any:
        params = super().get_params(ctx)  # type: ignore[misc]  # a command has it
        for param in params:
            if param.param_type_name == "argument" or getattr(param, "is_flag", False):
                param.display_type_rich = lambda ctx: None  # older Typers show no types there
        return params


class Command(_PlainTypes, TyperCommand):
    """One command."""


class Group(_PlainTypes, TyperGroup):
    """Several commands under one name."""


class App(typer.Typer):
    """Commands whose help is their function's docstring, its paragraphs flowing."""

    def command(self, name: str | None = None, **more: Any) -> Callable[[Any], Any]:
        def register(function: Any) -> Any:
            about = {"cls": Command, "help": flowing(function.__doc__ or ""), **more}
            return super(App, self).command(name, **about)(function)

        return register


def flowing(text: str) -> str:
    """Return a docstring with each paragraph on one line; a line that begins in bold begins a new one."""
    lines: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        if lines and lines[-1] and line and not line.startswith("[bold]"):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return "\n".join(lines)


def metavar(words: Iterable[str]) -> str:
    """Return how choices stand in the column of types: themselves, or that one word of several is wanted."""
    joined = "|".join(words)
    return joined if len(joined) <= WIDEST else "WORD"


def choices_suffix(words: Iterable[str]) -> str:
    """Return choices as an addition to a sentence, where the column of types has no room for them."""
    *others, last = words
    return f": {', '.join(others)} or {last}" if metavar((*others, last)) == "WORD" else ""
