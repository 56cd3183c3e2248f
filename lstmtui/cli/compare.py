"""`lstmtui compare [FILE...]`: the same text and budget for several cells, one run after the other, and a table."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lstmtui import config
from lstmtui.cli.options import (
    BudgetEpochs,
    BudgetMinutes,
    BudgetSteps,
    ConfigFile,
    Corpus,
    Encoding,
    Exact,
    Field,
    Hidden,
    KeepEverything,
    Layers,
    Purpose,
    RunsDir,
    Split,
    Threads,
    Tokens,
    Valid,
)
from lstmtui.cli.output import cell, notify, stdout_console, write, write_json
from lstmtui.cli.signature import settings_among, takes
from lstmtui.common.paths import runs_root
from lstmtui.common.units import format_duration
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.reports import comparison as comparing
from lstmtui.reports.comparison import Figures, Group
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.names import check_run_name, free_run_name

MAX_HIDDEN = 4096
"""Units of a layer up to which a match is searched."""
TOLERANCE = 0.05
"""Relative difference from the requested parameters that counts as a match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareArguments:
    """Arguments and options of the command."""

    corpus: Corpus = None
    purpose: Purpose = None
    cells: Annotated[str, typer.Option("--cells", metavar="NAMES", help="Cells, separated by commas.")] = ",".join(
        config.CELLS
    )
    minutes: BudgetMinutes = None
    epochs: BudgetEpochs = None
    steps: BudgetSteps = None
    parameters: Annotated[
        int | None,
        typer.Option("--parameters", min=100, metavar="INTEGER", help="Choose each cell's size for about this many."),
    ] = None
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=99, metavar="INTEGER", help="Runs of each cell.")] = 1
    hidden: Hidden = None
    layers: Layers = None
    tokens: Tokens = None
    valid: Valid = None
    split: Split = None
    encoding: Encoding = None
    field: Field = None
    keep_everything: KeepEverything = None
    exact: Exact = None
    threads: Threads = None
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="What to call the group (auto).")] = None
    config_file: ConfigFile = None
    screen: Annotated[bool, typer.Option("--screen", metavar="", help="Open the group's screen without training.")] = (
        False
    )
    json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object with the results.")] = False
    runs_dir: RunsDir = None


@takes(CompareArguments)
def compare(args: CompareArguments) -> int:
    """Train each cell on the same text under the same budget, and recommend one.

    Runs are ordinary ones, named after the group. Ctrl-C saves and leaves; the same command continues from there.
    """
    from lstmtui.data.corpus import open_corpus
    from lstmtui.data.notes import corpus_notes

    root = args.runs_dir.expanduser() if args.runs_dir else runs_root()
    wanted = _cells(args.cells)
    base = config.resolve(settings_among(args), config_file=args.config_file, user_file=config.user_file())
    if base.minutes is base.epochs is base.steps is None:
        base = dataclasses.replace(base, minutes=2.0)
    group_name = check_run_name(args.name) if args.name is not None else free_name_of(base)
    if args.screen:
        return _open(root, group_name)
    if args.parameters is not None and base.hidden is not None:
        raise UsageError("Give either --parameters, which chooses each cell's size, or --hidden.")
    known = comparing.load_group(root, group_name)
    for note in corpus_notes(open_corpus(config.DataSettings.of(base))):
        notify(note)
    if known is None:
        planned = _plan(base, wanted, args.parameters, args.seeds, group_name)
        group = Group(group_name, _budget(base, args.parameters), tuple(run for run, _ in planned))
        _create(root, group, planned)
    else:
        group = _same(known, base, wanted, args.parameters, args.seeds)
        notify(f"Group {group.name}: continuing.")
    notify(f"{len(group.runs)} runs, {group.budget}.")
    code = _train(root, group)
    found = [
        comparing.run_figures(s)
        for s in comparing.read_snapshots([run.path for run in comparing.group_runs(root, group)])
    ]
    if args.json:
        write_json(as_json(group, found))
    else:
        _print(found)
    return code


def _cells(given: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    return [str(config.convert("cell", name, "--cells")) for name in names] or list(config.CELLS)


def free_name_of(base: config.Settings) -> str:
    """Return the default name of a group: the same for the same text, so that the same command continues it."""
    stem = Path(base.corpus[0]).stem if base.corpus else "text"
    return free_run_name(Path("/nonexistent"), f"{stem}-cells")


def _budget(base: config.Settings, parameters: int | None) -> str:
    if base.minutes is not None:
        time_ = f"equal time ({base.minutes:g} minutes each)"
    elif base.epochs is not None:
        time_ = f"equal tokens ({base.epochs:g} passes each)"
    else:
        time_ = f"equal tokens ({base.steps} steps each)"
    size = f"about {parameters:,} parameters each" if parameters else "layers of equal size, so parameters differ"
    return f"{time_}, {size}"


def _plan(
    base: config.Settings, cells: Sequence[str], parameters: int | None, seeds: int, group: str
) -> list[tuple[str, config.Settings]]:
    """Return name and settings of every run: all cells with the first seed, then with the second, and so on."""
    sized = {name: dataclasses.replace(base, cell=name) for name in cells}
    if parameters is not None:
        sized = {name: matched(s, parameters) for name, s in sized.items()}
    tail = "-s{}" if seeds > 1 else ""
    return [
        (check_run_name(f"{group}-{name}{tail.format(seed)}"), dataclasses.replace(s, seed=base.seed + seed - 1))
        for seed in range(1, seeds + 1)
        for name, s in sized.items()
    ]


def matched(s: config.Settings, parameters: int) -> config.Settings:
    """Return `s` with the layer size closest to `parameters`. Raises UsageError if none is within TOLERANCE."""
    from lstmtui.client.forecast import Forecaster
    from lstmtui.data.corpus import open_corpus

    corpus = open_corpus(config.DataSettings.of(s))
    forecaster = Forecaster()

    def count(hidden: int) -> int:
        chosen = dataclasses.replace(s, hidden=hidden)
        return int(forecaster.ask(corpus.resolve(chosen))["parameters"])

    try:
        low, high = 1, MAX_HIDDEN
        while low < high:  # bisection for the smallest with at least as many
            middle = (low + high) // 2
            low, high = (low, middle) if count(middle) >= parameters else (middle + 1, high)
        nearest = min((h for h in (low - 1, low) if h >= 1), key=lambda h: abs(count(h) - parameters))
        reached = count(nearest)
    finally:
        forecaster.close()
    if abs(reached - parameters) > max(TOLERANCE * parameters, 50):
        raise UsageError(
            f"No size of a {s.cell} with these settings has about {parameters:,} parameters (the closest has "
            f"{reached:,}); choose another number, or other tokens."
        )
    return dataclasses.replace(s, hidden=nearest)


def _create(root: Path, group: Group, planned: Sequence[tuple[str, config.Settings]]) -> None:
    from lstmtui.client import runs

    taken = [name for name, _ in planned if (root / name).exists()]
    if taken:
        raise UsageError(f"There is already a run '{taken[0]}'; choose another --name for the group.")
    for name, settings in planned:
        runs.create(settings, name=name, root=root)
    try:
        comparing.store_group(root, group)
    except OSError as error:
        raise LstmtuiError(f"{root} cannot be written ({error.strerror or error}).") from error


def _same(known: Group, base: config.Settings, cells: Sequence[str], parameters: int | None, seeds: int) -> Group:
    """Return the stored group if this command made it. Raises UsageError otherwise."""
    tail = "-s{}" if seeds > 1 else ""
    names = tuple(f"{known.name}-{name}{tail.format(seed)}" for seed in range(1, seeds + 1) for name in cells)
    if known.budget != _budget(base, parameters) or known.runs != names:
        raise UsageError(
            f"There is already a group '{known.name}' ({known.budget}; {len(known.runs)} runs); "
            "repeat its command to continue it, or choose another --name."
        )
    return known


def _train(root: Path, group: Group) -> int:
    """Train the runs that have not finished, one after the other; return the exit code."""
    from lstmtui.cli.follow import watch
    from lstmtui.client import runs
    from lstmtui.runs.reader import RunReader

    failed = 0
    for number, run in enumerate(comparing.group_runs(root, group), 1):
        snapshot = RunReader(run).refresh()
        head = f"[{number}/{len(group.runs)}] {run.name}"
        if snapshot.state == "finished":
            notify(f"{head}: already finished.")
            continue
        if engine_alive(run):
            raise LstmtuiError(f"Run '{run.name}' is training already; wait for it, or stop it first.")
        notify(f"{head}: training.")
        begun = time.monotonic()
        snapshot, by_signal = watch(run, runs.start(run), before=snapshot)
        if by_signal:
            notify("Stopped and saved; the same command continues from here.")
            return by_signal
        figures = comparing.run_figures(snapshot)
        if snapshot.state == "finished" and figures.quality is not None:
            took = format_duration(time.monotonic() - begun)
            notify(f"{head}: {figures.quality:.4g} {comparing.unit_of(figures)} after {took}.")
        else:
            failed = 1
            notify(f"{head}: {snapshot.state}. {snapshot.message or 'Its engine.log may have the reason.'}")
    return failed


# --- results --------------------------------------------------------------------------------------------------------


def as_json(group: Group, found: Sequence[Figures]) -> dict[str, Any]:
    """Return the results of a group as a JSON object."""
    cells = {name: dict(_means(runs)) for name, runs in comparing.by_cell(found).items()}
    return {
        "group": group.name,
        "budget": group.budget,
        "cells": cells,
        "runs": [comparing.figures_record(one) for one in found],
        "recommendation": comparing.recommendation(found),
    }


MEASURED = (
    "quality",
    "nll",
    "tokens_per_second",
    "parameters",
    "memory_mb",
    "saturated",
    "half_life",
    "reach",
    "seconds",
)


def _means(runs: Sequence[Figures]) -> Iterator[tuple[str, Any]]:
    for name in MEASURED:
        spread = comparing.spread(getattr(one, name) for one in runs)
        yield name, None if spread is None else dataclasses.asdict(spread)


def _print(found: Sequence[Figures]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    unit = comparing.unit_of(found[0]) if found else "quality"
    for heading in ("cell", "runs"):
        table.add_column(heading, no_wrap=True)
    for heading in (unit, "tokens/s", "parameters", "memory", "saturated", "half-life", "reach"):
        table.add_column(heading, no_wrap=True, justify="right")
    for row in rows_of(found):
        table.add_row(*(cell(text) for text in row))
    stdout_console().print(table)
    write(f"{comparing.recommendation(found)} {comparing.left_out(found)}".strip())


def rows_of(found: Sequence[Figures]) -> list[tuple[str, ...]]:
    """Return a row for each cell, the best first: means, and the spread of quality over seeds."""
    rows = []
    for name, runs in comparing.by_cell(found).items():
        done = [one for one in runs if one.state == "finished"]
        quality, best = comparing.spread(one.quality for one in done), comparing.spread(one.cost for one in done)
        rows.append((
            best.mean if best else math.inf,
            (
                name, f"{len(done)}/{len(runs)}", quality.text() if quality else "–",
                _mean(runs, "tokens_per_second", "{:,.0f}"), _mean(runs, "parameters", "{:,.0f}"),
                _mean(runs, "memory_mb", "{:,.0f} MB"), _mean(runs, "saturated", "{:.0%}"),
                _mean(runs, "half_life", "{:.1f}"), _mean(runs, "reach", "{:.0f}"),
            ),
        ))  # fmt: skip
    return [row for _, row in sorted(rows, key=lambda entry: entry[0])]


def _mean(runs: Sequence[Figures], name: str, form: str) -> str:
    spread = comparing.spread(getattr(one, name) for one in runs)
    return form.format(spread.mean) if spread is not None else "–"


def _open(root: Path, name: str) -> int:
    """Open the compare screen on a group."""
    from lstmtui.tui.compare_runs import run

    group = comparing.load_group(root, name)
    if group is None:
        raise UsageError(f"There is no group '{name}' in {root}; 'lstmtui compare FILE --name {name}' makes it.")
    return run([one.path for one in comparing.group_runs(root, group)], root)
