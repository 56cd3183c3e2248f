"""Options of the search that turns what a recogniser hears into text, of `transcribe` and `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from lstmtui.cli.options import resolve_run
from lstmtui.errors import UsageError


def language_model_option(panel: str) -> Any:
    """Return the option --lm, in a panel of the help."""
    words = "A run trained on text, which helps to choose between words."
    return typer.Option("--lm", metavar="RUN", rich_help_panel=panel, show_default=False, help=words)


def language_model_weight_option(panel: str) -> Any:
    """Return the option --lm-weight, in a panel of the help."""
    words = "How much it counts beside what is heard (default 0.5)."
    return typer.Option(
        "--lm-weight", min=0, max=10, metavar="NUMBER", rich_help_panel=panel, show_default=False, help=words
    )


def search_options(beam: int | None, lm: str | None, weight: float | None, runs_dir: Path | None) -> dict[str, Any]:
    """Return the options of a search as `Transcriber` takes them. Raises UsageError."""
    if lm is None and weight is not None:
        raise UsageError("--lm-weight is the weight of a language model; name one with --lm.")
    if lm is not None and beam == 1:
        raise UsageError("A language model needs a search with --beam 2 or more.")
    model = None if lm is None else resolve_run(lm, runs_dir).path
    return {name: value for name, value in (("beam", beam), ("lm", model), ("weight", weight)) if value is not None}
