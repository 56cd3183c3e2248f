"""The options of the commands that open the screens."""

from __future__ import annotations

from typing import Annotated

import typer

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
