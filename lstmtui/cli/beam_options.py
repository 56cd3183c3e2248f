"""Options of beam search over words, of `translate` and `caption`."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.errors import UsageError
from lstmtui.protocol import MAX_BEAM

BEAM = 5
"""Hypotheses that the search keeps, where nothing else is asked for."""

Beam = Annotated[
    int | None,
    typer.Option(
        min=1, max=MAX_BEAM, metavar="INTEGER", show_default=False,
        help=f"Hypotheses that the search keeps; 1: greedy (default {BEAM}, or --nbest).",
    ),
]  # fmt: skip
Alpha = Annotated[
    float,
    typer.Option(min=0, max=10, metavar="NUMBER", help="Length penalty; a higher one is for longer ones."),
]


def beam_of(beam: int | None, nbest: int) -> int:
    """Return how many hypotheses the search keeps. Raises UsageError for fewer than are wanted."""
    if beam is not None and nbest > beam:
        raise UsageError(f"--nbest {nbest} needs a beam of {nbest} or more, and --beam is {beam}.")
    return beam or max(BEAM, nbest)
