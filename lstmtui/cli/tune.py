"""`lstmtui tune [FILE...]`: search for the best settings, with workers on machines that share a folder."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from lstmtui.common.files import list_names, read_json
from lstmtui.common.hardware import cpu_count
from lstmtui.common.paths import runs_root
from lstmtui.common.units import format_duration
from lstmtui.errors import UsageError
from lstmtui.recipe import search_space
from lstmtui.recipe.search_space import Choices, Range, Space, format_value
from lstmtui.reports import comparison
from lstmtui.reports import search as searching
from lstmtui.reports.search import Search, Trial
from lstmtui.runs.claims import Claims
from lstmtui.runs.search_journal import PARTS, SearchJournal, require_package

if TYPE_CHECKING:
    from lstmtui.data.corpus import Corpus as Text

MAX_SHOWN = 10
"""Trials in the table."""
OVER = "hidden,lr,dropout,cell"
COMPILING_MINUTES = 0.02
"""The budget of a run that is there for its kernels, which are compiled however little it is."""
_REGULARISERS = [name for name, field in config.FIELDS.items() if field.metadata["group"] == "Regularisation"]


def search_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of searches that begin with `incomplete`, for the shell's completion."""
    given = ctx.params.get("runs_dir")
    names = list_names((Path(given) if given else runs_root()) / comparison.GROUPS)
    return [
        name.removesuffix(".journal") for name in names if name.endswith(".journal") and name.startswith(incomplete)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneArguments:
    """Arguments and options of the command."""

    corpus: Corpus = None
    over: Annotated[
        str | None,
        typer.Option(
            "--over", metavar="SETTINGS",
            help=f"What to search, separated by commas: lr, lr=0.001..0.01 or 'cell=lstm|gru' (default {OVER}).",
        ),
    ] = None  # fmt: skip
    trials: Annotated[
        int | None,
        typer.Option("--trials", min=1, max=searching.MAX_TRIALS, metavar="INTEGER", help="Runs in all (default 20)."),
    ] = None
    minutes: BudgetMinutes = None
    epochs: BudgetEpochs = None
    steps: BudgetSteps = None
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, metavar="INTEGER", help="Trials side by side on this machine.")
    ] = 1
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="What to call the search (auto).")] = None
    join: Annotated[
        str | None,
        typer.Option(
            "--join", metavar="NAME", help="Work on a search that exists: more workers, or after an interruption.",
            autocompletion=search_names,
        ),
    ] = None  # fmt: skip
    show: Annotated[
        str | None,
        typer.Option(
            "--show", metavar="NAME", help="Show the results of a search so far.", autocompletion=search_names
        ),
    ] = None
    purpose: Purpose = None
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
    config_file: ConfigFile = None
    json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object with the results.")] = False
    runs_dir: RunsDir = None


@takes(TuneArguments)
def tune(args: TuneArguments) -> int:
    """Search for the best settings: many short runs on the same text, hopeless ones ended early.

    Trials are ordinary runs, named after the search. Ctrl-C saves and leaves; --join goes on, also on other machines
    with the same folder of runs.
    """
    from lstmtui.cli.progress import progress_bar
    from lstmtui.cli.tune_trials import TrialWorker

    require_package()
    root = args.runs_dir.expanduser() if args.runs_dir else runs_root()
    if args.show is not None:
        if args.join is not None or args.corpus:
            raise UsageError("--show NAME takes no FILE and no --join: it shows a search that exists.")
        found = _existing(root, args.show)
        _print(found, _journal(found), as_json=args.json)
        return 0
    found, data = _joined(root, args) if args.join is not None else _begun(root, args)
    journal = _journal(found)
    with Claims(found.claims) as claims:
        speeds = claims.prepared() if found.settings.minutes is not None else {}
        if speeds is None:
            claims.note_prepared(speeds := _compile(found, data))
        with progress_bar() as shown:
            code = TrialWorker(found, journal, claims, data=data, slots=args.workers, shown=shown, speeds=speeds).work()
    if code:
        notify(f"The trials are saved; 'lstmtui tune --join {found.name}' goes on.")
        return code
    _print(found, journal, as_json=args.json)
    return 0


# --- the search -------------------------------------------------------------------------------------------------------


def _existing(root: Path, name: str) -> Search:
    found = searching.load_search(root, name)
    if found is None:
        raise UsageError(f"There is no search '{name}' in {root}; 'lstmtui tune FILE --name {name}' begins it.")
    return found


def _joined(root: Path, args: TuneArguments) -> tuple[Search, Text]:
    """Return a search that exists, and its text. Raises UsageError for options that would change it."""
    found = _existing(root, str(args.join))
    own = ("over", "trials", "name", "config_file", *(name for name in settings_among(args) if name != "corpus"))
    for name in own:
        if getattr(args, name) is not None:
            option = {"purpose": "--for", "config_file": "--config"}.get(name, f"--{name.replace('_', '-')}")
            raise UsageError(f"{option} is part of the search '{found.name}'; leave it out to join, or begin another.")
    if args.corpus and _absolute(args.corpus) != found.settings.corpus:
        named = ", ".join(Path(name).name for name in found.settings.corpus)
        raise UsageError(f"The search '{found.name}' is of {named}; leave FILE out to join it.")
    data = _open(found.settings)
    if data.bytes != found.bytes:
        raise UsageError(
            f"The text of the search '{found.name}' has changed: it had {found.bytes:,} bytes and has {data.bytes:,}; "
            "begin another search."
        )
    notify(f"Search {found.name}: {found.group.budget}; joined.")
    return found, data


def _begun(root: Path, args: TuneArguments) -> tuple[Search, Text]:
    """Return a new search, or the one that the same command has begun, and its text."""
    from lstmtui.data.notes import corpus_notes

    base = config.resolve(settings_among(args), config_file=args.config_file, user_file=config.user_file())
    if base.minutes is base.epochs is base.steps is None:
        base = dataclasses.replace(base, minutes=2.0)
    base = dataclasses.replace(
        base, corpus=_absolute(base.corpus), valid=_absolute(base.valid), test=_absolute(base.test),
        threads=base.threads or max(1, cpu_count() // args.workers),
    )  # fmt: skip
    data = _open(base)
    chosen = data.resolve(base)
    given = {name for name in search_space.searchable() if getattr(args, name, None) is not None}
    space = search_space.parse(OVER if args.over is None else args.over, chosen, given)
    name = args.name if args.name is not None else f"{Path(base.corpus[0]).stem[:40]}-tune"
    wanted = searching.new_search(root, name, base, space, trials=args.trials or 20, size=data.bytes)
    known = searching.load_search(root, wanted.name)
    if known is None:
        taken = [run.name for run in wanted.runs if run.path.exists()]
        if taken:
            raise UsageError(f"There is already a run '{taken[0]}'; choose another --name for the search.")
        for note in corpus_notes(data):
            notify(note)
        if not searching.store_search(wanted):  # another machine was first
            known = _existing(root, wanted.name)
    if known is not None and (other := searching.difference(known, wanted)):
        raise UsageError(
            f"There is already a search '{known.name}', {other}; 'lstmtui tune --join {known.name}' goes on with it, "
            "or choose another --name."
        )
    notify(f"Search {wanted.name}: {wanted.group.budget}{'; joined' if known else ''}.")
    if known is None:
        for line in search_space.describe(space, chosen):
            notify(f"  {line}")
        notify(f"  {base.threads} threads each; {args.workers} at a time here")
    return known or wanted, data


def _absolute(names: Sequence[str]) -> tuple[str, ...]:
    from lstmtui.data.reading import absolute_names

    return tuple(absolute_names(tuple(names)))


def _open(settings: config.Settings) -> Text:
    """Return the text of a search. Raises UsageError for one that nothing can be validated on."""
    from lstmtui.data.corpus import open_corpus

    data = open_corpus(config.DataSettings.of(settings))
    if not data.ranges["valid"].length:
        raise UsageError("A search compares trials on validation text, of which there is none; see --valid.")
    return data


def _journal(search: Search) -> SearchJournal:
    return SearchJournal(search.journal, search.space, seed=search.settings.seed, trials=len(search.group.runs))


def _compile(search: Search, data: Text) -> dict[str, float]:
    """Train a moment with each cell, so that no trial spends its time on compiling; return the seconds of a step each.

    The text is prepared by that, too. A cell of which the run fails has no seconds.
    """
    from lstmtui.client import runs

    cells: tuple[Any, ...] = next(
        (one.values for one in search.space if isinstance(one, Choices) and one.name == "cell"),
        (search.settings.cell,),
    )
    notify(f"Compiling what is new on this machine ({', '.join(cells)}), so that no trial waits for it.")
    # With every regulariser on, so that its kernels are among them.
    on = {one.name: one.high for one in search.space if isinstance(one, Range) and one.name in _REGULARISERS}
    speeds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="lstmtui-tune-") as folder:
        for name in cells:
            brief = dataclasses.replace(search.settings, cell=name, minutes=COMPILING_MINUTES, **on)  # type: ignore[arg-type]
            run = runs.create(brief, name=name, root=Path(folder), data=data)
            process = runs.start(run)
            try:
                process.wait()  # what is wrong with it, its trial says
            finally:
                process.kill()
            seconds = (read_json(run.plan) or {}).get("seconds_per_step")
            if isinstance(seconds, float):
                speeds[name] = seconds
    return speeds


# --- results ----------------------------------------------------------------------------------------------------------


def _print(search: Search, journal: SearchJournal, *, as_json: bool) -> None:
    records = journal.records()
    trials, importance = searching.results(search, records), journal.importance()
    if as_json:
        write_json(searching.as_json(search, trials, importance))
        return
    if not trials:
        write("No trial has begun.")
        return
    stdout_console().print(_table(search.space, trials))
    if len(trials) > MAX_SHOWN:
        write(f"... and {len(trials) - MAX_SHOWN} more.")
    write(f"{searching.counts(search, records)}.".capitalize())
    if importance:
        listed = ", ".join(f"{name} {share:.0%}" for name, share in importance.items())
        write(f"What differences are due to: {listed} (PED-ANOVA over finished trials; few trials make it rough).")
    if trials[0].record.state == "complete":
        unit, amount = search.spent
        write(f"The best settings, trained longer ({searching.LONGER * amount:g} {unit}):")
        write(f"  {searching.command(search, trials[0].record.values)}")


def _table(space: Space, trials: Sequence[Trial]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    unit = next((comparison.unit_of(one.figures) for one in trials if one.figures is not None), "cost")
    table.add_column("run", no_wrap=True)
    table.add_column(unit, no_wrap=True, justify="right")
    for one in space:
        table.add_column(one.name.replace("_", " "), no_wrap=True, justify="right")
    table.add_column("time", no_wrap=True, justify="right")
    table.add_column("")
    for trial in trials[:MAX_SHOWN]:
        values = trial.record.values
        seconds = trial.figures.seconds if trial.figures is not None else None
        row = (
            trial.name, _quality(trial), *(format_value(values[one.name]) for one in space),
            format_duration(seconds) if seconds is not None else "–", _remark(trial),
        )  # fmt: skip
        table.add_row(*map(cell, row))
    return table


def _quality(trial: Trial) -> str:
    """Return the figure of a trial that has finished; of another one its last evaluation is of less text."""
    if trial.record.state != "complete":
        return "–"
    quality = trial.figures.quality if trial.figures is not None else trial.record.cost
    return f"{quality:.4f}" if quality is not None else "–"


def _remark(trial: Trial) -> str:
    if trial.record.state == "running":
        return f"unfinished, {trial.part / PARTS:.0%} seen"
    return trial.record.outcome
