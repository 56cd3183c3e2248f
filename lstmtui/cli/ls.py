"""`lstmtui ls`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lstmtui.cli.options import AsJson, RunsDir
from lstmtui.cli.output import cell, emit_json, say, stdout_console
from lstmtui.places import runs_root
from lstmtui.runs.folder import all_runs, disk_usage
from lstmtui.runs.reader import RunReader, RunSnapshot
from lstmtui.units import age, size


def ls(
    long: Annotated[
        bool, typer.Option("--long", "-l", metavar="", help="Also how much room each takes on the disk.")
    ] = False,
    json: AsJson = False,
    runs_dir: RunsDir = None,
) -> int:
    """List the runs, the latest first."""
    root = runs_dir.expanduser() if runs_dir else runs_root()
    snapshots = [RunReader(run).refresh() for run in all_runs(root)]
    if json:
        emit_json([{**_record(s), **({"bytes": disk_usage(s.run)} if long else {})} for s in snapshots])
        return 0
    if not snapshots:
        say(f"There are no runs yet in {root}; start one with 'lstmtui train' or 'lstmtui train FILE'.")
        return 0
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "state", "network", "corpus"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for heading in ("step", "validation", "seen", *(("size",) if long else ())):
        table.add_column(heading, no_wrap=True, justify="right")
    for s in snapshots:
        table.add_row(*(cell(text) for text in (*_row(s), *((size(disk_usage(s.run)),) if long else ()))))
    stdout_console().print(table)
    return 0


def _row(s: RunSnapshot) -> tuple[str, ...]:
    settings, best = s.settings, s.best
    network = f"{settings.cell} {settings.layers}x{settings.hidden}" if settings else "?"
    corpus = ", ".join(name.rstrip("/").rsplit("/", 1)[-1] for name in settings.corpus) if settings else "?"
    steps = f"{s.step}/{s.steps}" if s.steps else str(s.step)
    figure = "-"
    if best is not None and best.bits_per_char is not None and settings and settings.tokens != "words":
        figure = f"{best.bits_per_char:.3f} bits/char"
    elif best is not None:
        figure = f"perplexity {best.perplexity:.1f}"
    seen = s.status.get("heartbeat")
    return s.run.name, s.state, network, corpus, steps, figure, age(seen) if isinstance(seen, int | float) else "-"


def _record(s: RunSnapshot) -> dict[str, Any]:
    best = s.best
    return {
        "run": s.run.name,
        "path": str(s.run.path),
        "state": s.state,
        "message": s.message,
        "cell": s.settings.cell if s.settings else None,
        "layers": s.settings.layers if s.settings else None,
        "hidden": s.settings.hidden if s.settings else None,
        "tokens": s.settings.tokens if s.settings else None,
        "corpus": list(s.settings.corpus) if s.settings else None,
        "step": s.step,
        "steps": s.steps,
        "nll": best.nll if best else None,
        "perplexity": best.perplexity if best else None,
        "bits_per_char": best.bits_per_char if best else None,
        "heartbeat": s.status.get("heartbeat"),
    }
