"""`lstmtui` and `lstmtui type [RUN]`: the commands that open the screens."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.cli.options import RunOrLatest

Theme = Annotated[
    str | None,
    typer.Option("--theme", metavar="NAME", help="lstmtui, lstmtui-light, lstmtui-colour-blind, lstmtui-ansi, ...",
                 show_default=False),
]  # fmt: skip
Charset = Annotated[
    str | None,
    typer.Option(
        "--charset",
        metavar="WORD",
        help="Characters that screens are drawn with: auto, braille, block or ascii.",
        show_default=False,
    ),
]


def latest(theme: str | None = None, charset: str | None = None) -> int:
    """Open the screens on the latest run, or on the list of runs."""
    from lstmtui import tui

    return tui.run(theme=theme, charset=charset)


def type_(run: RunOrLatest = "latest", theme: Theme = None, charset: Charset = None) -> int:
    """Type with a trained run, which suggests the next words."""
    from lstmtui import tui
    from lstmtui.runs.listing import find_run

    find_run(run)  # an unknown name is refused before the screen opens
    return tui.run(run, screen="type", theme=theme, charset=charset)
