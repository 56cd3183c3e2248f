"""The list of runs as plain functions: which match a filter, in which order, and how several are named."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import wording

ORDERS = ("newest", "name", "best", "steps", "parameters")
"""Orders of the list; the first one begins with the runs whose engine is running."""
MAX_LINES = 8
"""Runs that a question names in a line each, with what would be lost; more are named one after the other."""
_KEYS: dict[str, Callable[[RunSnapshot], object]] = {
    "name": lambda run: run.run.name,
    "best": lambda run: run.result.cost if run.result else math.inf,
    "steps": lambda run: -run.step,
    "parameters": lambda run: -wording.parameters(run),
}


def listed(runs: Sequence[RunSnapshot], pattern: str, order: str) -> tuple[RunSnapshot, ...]:
    """Return the runs that match a regular expression, or contain it where it is none, in one of ORDERS."""
    if pattern:
        try:
            expression = re.compile(pattern, re.IGNORECASE)
            runs = [run for run in runs if expression.search(wording.searchable_text(run))]
        except re.error:
            runs = [run for run in runs if pattern.lower() in wording.searchable_text(run).lower()]
    return tuple(sorted(runs, key=_KEYS[order])) if order in _KEYS else tuple(runs)  # type: ignore[arg-type]


def summary(runs: Sequence[RunSnapshot], *, shown: int, marked: int, order: str) -> str:
    """Return how many runs there are, train, are shown and marked, and the order where it is not the first."""
    running = sum(not run.ended for run in runs)
    parts = [f"{len(runs)} run{'s' * (len(runs) != 1)}"]
    parts += [f"{running} training"] if running else []
    parts += [f"{shown} shown"] if shown != len(runs) else []
    parts += [f"{marked} marked"] if marked else []
    parts += [f"by {order}"] if order != ORDERS[0] else []
    return ", ".join(parts)


def question_before_deletion(runs: Sequence[RunSnapshot]) -> str:
    """Return the question that names every run that would be deleted, and what would be lost."""
    about = [
        f"'{run.run.name}' ({wording.network(run)}, step {wording.count(run.step)}, {wording.quality(run, run.result)})"
        for run in runs
    ]
    if len(runs) == 1:
        return f"Delete {about[0]} with its checkpoints? This cannot be undone."
    names = ", ".join(f"'{run.run.name}'" for run in runs)
    named = "\n".join(about) if len(runs) <= MAX_LINES else names
    return f"Delete {len(runs)} runs with their checkpoints? This cannot be undone.\n\n{named}"
