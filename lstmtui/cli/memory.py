"""`lstmtui memory [TASK...]`: which cell remembers what, by the classic tests, beside what their papers found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmtui import config
from lstmtui.cli.follow import watch
from lstmtui.cli.options import RunsDir
from lstmtui.cli.output import notify, stdout_console, write, write_json
from lstmtui.cli.progress import Progress, progress_bar
from lstmtui.cli.signature import takes
from lstmtui.common.paths import runs_root
from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.errors import ERROR_BY_EXIT_CODE, LstmtuiError, UsageError
from lstmtui.reports import memory_tasks as testing
from lstmtui.reports.memory_tasks import INITS, TASKS, Result, Task, Trial
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot

if TYPE_CHECKING:
    from rich.table import Table

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryArguments:
    """Arguments and options of the command."""

    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TASK",
            help=f"{', '.join(TASKS)}; or {ALL}. Without one: what there is.",
            show_default=False,
            autocompletion=lambda incomplete: [n for n in (*TASKS, ALL) if n.startswith(incomplete)],
        ),
    ] = None
    cells: Annotated[str, typer.Option("--cells", metavar="NAMES", help="Cells, separated by commas.")] = ",".join(
        config.CELLS
    )
    inits: Annotated[
        str | None,
        typer.Option(
            "--inits",
            metavar="NAMES",
            help="Ways to begin, separated by commas (by the task): "
            + "; ".join(f"{name}, {words}" for name, words in INITS.items())
            + ".",
        ),
    ] = None
    length: Annotated[
        int | None,
        typer.Option("-T", "--length", min=1, metavar="INTEGER", help="Length of the task: T, or n (by the task)."),
    ] = None
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=99, metavar="INTEGER", help="Trials of each cell.")] = 1
    seed: Annotated[str, typer.Option("--seed", metavar="INTEGER", help="The first seed.")] = "1"
    steps: Annotated[str | None, typer.Option("--steps", metavar="INTEGER", help="Most steps (by the task).")] = None
    hidden: Annotated[str | None, typer.Option("--hidden", metavar="INTEGER", help="Units (by the task).")] = None
    layers: Annotated[str | None, typer.Option("--layers", metavar="INTEGER", help="Recurrent layers (1).")] = None
    batch: Annotated[str | None, typer.Option("--batch", metavar="INTEGER", help="Sequences a step (by the task).")] = (
        None
    )
    lr: Annotated[str | None, typer.Option("--lr", metavar="NUMBER", help="Learning rate (by the task).")] = None
    clip: Annotated[str | None, typer.Option("--clip", metavar="NUMBER", help="Largest gradient norm (1).")] = None
    threads: Annotated[str, typer.Option("--threads", metavar="INTEGER", help="Threads that compute.")] = "1"
    again: Annotated[bool, typer.Option("--again", metavar="", help="Try again what was tried before.")] = False
    json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object with the results.")] = False
    runs_dir: RunsDir = None


@takes(MemoryArguments)
def memory(args: MemoryArguments) -> int:
    """Try cells on the classic tests of memory: adding, copying, order, grammars, counting, brackets.

    Each trial is a run that ends as soon as the test is learnt: it can be watched, paused and resumed like any other.
    The same command goes on after Ctrl-C, and tells what is known from before.
    """
    wanted = _tasks(args.names or [])
    if not wanted:
        _print_list(args.json)
        return 0
    root = args.runs_dir.expanduser() if args.runs_dir else runs_root()
    first = config.convert("seed", args.seed, "--seed")
    chosen = _listed("--cells", args.cells, tuple(config.CELLS))
    inits = _listed("--inits", args.inits, tuple(INITS)) if args.inits is not None else None
    names = ("steps", "hidden", "layers", "batch", "lr", "clip", "threads")
    changes = {name: getattr(args, name) for name in names}
    trials = [
        trial
        for task in wanted
        for trial in testing.trials(
            task, length=args.length or task.length, cells=chosen, inits=inits or task.inits,
            seeds=range(first, first + args.seeds), **changes,
        )
    ]  # fmt: skip
    found, code = _try(root, trials, again=args.again)
    if code:
        return code
    if args.json:
        write_json({"tasks": [_as_json(task, found) for task in wanted]})
        return 0
    for task in wanted:
        _print(task, [r for r in found if r.trial.task == task.name])
    return 0


def _tasks(names: Sequence[str]) -> list[Task]:
    for name in names:
        if name not in (*TASKS, ALL):
            raise UsageError(
                f"There is no task {one_line(repr(name), 40)}{config.nearest(name, tuple(TASKS))}; "
                f"there are {', '.join(TASKS)}, and {ALL}."
            )
    return list(TASKS.values()) if ALL in names else [TASKS[name] for name in dict.fromkeys(names)]


def _listed(option: str, given: str, known: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(filter(None, (name.strip() for name in given.split(",")))))
    for name in names:
        if name not in known:
            raise UsageError(
                f"{option}: there is no {one_line(repr(name), 40)}{config.nearest(name, known)}; "
                f"give some of {', '.join(known)}."
            )
    if not names:
        raise UsageError(f"{option}: give some of {', '.join(known)}.")
    return names


# --- trials -----------------------------------------------------------------------------------------------------------


def _try(root: Path, trials: Sequence[Trial], *, again: bool) -> tuple[list[Result], int]:
    """Return the result of every trial, from its run or from an earlier one, and 0 or the exit code of a signal."""
    runs = {trial: None if again else trial.find(root) for trial in trials}
    known = {trial: found for trial, run in runs.items() if run and (found := _result(trial, run)) is not None}
    if known:
        notify(f"{len(known)} of {len(trials)} trials are known from before (--again tries them anew).")
    results: list[Result] = []
    for number, trial in enumerate(trials, 1):
        if trial in known:
            results.append(known[trial])
            continue
        head = f"[{number}/{len(trials)}] {_title(trial)}"
        run = runs[trial] or _create(root, trial)
        signalled = _train(run, head, trial)
        if signalled:
            notify("Stopped; the same command goes on from here.")
            return results, signalled
        found = _result(trial, run)
        if found is None:
            raise _failure(run)
        notify(
            f"{head}: {'learnt' if found.passed else 'not learnt'} after {found.sequences:,} sequences "
            f"({format_duration(found.seconds)}); {found.verdict}."
        )
        results.append(found)
    return results, 0


def _result(trial: Trial, run: RunFolder) -> Result | None:
    return testing.result(trial, RunReader(run).refresh())


def _create(root: Path, trial: Trial) -> RunFolder:
    from lstmtui.client import runs
    from lstmtui.runs.names import free_run_name

    return runs.write(trial.settings, RunFolder(root / free_run_name(root, trial.run_name)))


def _train(run: RunFolder, head: str, trial: Trial) -> int:
    """Train a trial's run to its end, and return 0 or the exit code of the signal that stopped it."""
    from lstmtui.client import runs

    if engine_alive(run):
        raise UsageError(f"Run '{run.name}' trains already; 'lstmtui' shows it, and the same command goes on after it.")
    with progress_bar() as bar:
        _, signalled = watch(run, runs.start(run), before=None, shown=_TrialProgress(bar, head, trial))
    return signalled


def _failure(run: RunFolder) -> LstmtuiError:
    """Return the error that a run's engine ended with."""
    seen = RunReader(run).refresh()
    error = ERROR_BY_EXIT_CODE.get(seen.exit_code, LstmtuiError)
    return error(seen.message or f"The engine of run '{run.name}' ended early; {run.log} may show why.")


def _title(trial: Trial) -> str:
    symbol = TASKS[trial.task].symbol
    return f"{trial.task} {symbol}={trial.length} {testing.label(trial)} seed {trial.settings.run.seed}"


class _TrialProgress:
    """Shows where a trial's run is, in a bar or in lines."""

    def __init__(self, bar: Progress, head: str, trial: Trial) -> None:
        self._bar, self._head, self._steps = bar, head, int(trial.settings.length.amount)

    def note(self, line: str) -> None:
        """Print a line that stays."""
        self._bar.note(line)

    def update(self, snapshot: RunSnapshot) -> None:
        """Show a newer snapshot."""
        figures, fraction = [f"step {snapshot.step}/{self._steps}"], snapshot.step / self._steps
        if isinstance(kernel := snapshot.status.get("compiling"), str) and snapshot.state == "compiling":
            figures = [f"compiling {kernel}"]
        if snapshot.seconds_left is not None and snapshot.state == "training":
            figures.append(f"at most {format_duration(snapshot.seconds_left)} more")
        if isinstance(verdict := snapshot.status.get("verdict"), str):
            figures.append(verdict)
        elif snapshot.train:
            figures.append(f"loss {snapshot.train[-1].loss:.4f}")
        self._bar.show(self._head, fraction, figures, line=f"{self._head}: {'; '.join(figures)}")


# --- what came out ----------------------------------------------------------------------------------------------------


def _as_json(task: Task, results: Sequence[Result]) -> dict[str, Any]:
    mine = [r for r in results if r.trial.task == task.name]
    return {
        "task": task.name,
        "length": mine[0].trial.length if mine else task.length,
        "criterion": task.criterion,
        "paper": task.paper,
        "citation": task.citation,
        "trials": [r.record() for r in mine],
        "found": testing.found(task, mine),
    }


def _print(task: Task, results: Sequence[Result]) -> None:
    """Print the table of one task, with criterion and paper below, and what was found."""
    trial = results[0].trial
    s = trial.settings
    table = _table(("", "cell", "seed", "learnt", "sequences", "time", "parameters", "found"), right=(4, 5, 6))
    groups = testing.grouped(results)
    for name, them in groups.items():
        for one in them:
            table.add_row(
                "", name, str(one.trial.settings.run.seed), "yes" if one.passed else "no",
                f"{one.sequences:,}", format_duration(one.seconds), f"{one.parameters:,}", one.verdict,
            )  # fmt: skip
    layers = "" if s.network.layers == 1 else f"{s.network.layers} x "
    how = f"{layers}{s.network.hidden} units, batch {s.length.batch}, lr {s.optimisation.lr:g}"
    _write_line(f"{task.title}, {task.symbol} = {trial.length} ({task.meaning}); {how}")
    stdout_console().print(table)
    begun = [name for name in dict.fromkeys(r.trial.init for r in results) if name != "forget"]
    stdout_console().print(
        _beside(
            ("learnt", task.criterion), ("paper", task.paper), ("source", task.citation),
            *((name, INITS[name]) for name in begun),
        )
    )  # fmt: skip
    _write_line(f"{testing.found(task, results)}\n")


def _write_line(text: str) -> None:
    """Print a line, which a terminal breaks between words."""
    from rich.text import Text

    stdout_console().print(Text(text))


def _beside(*rows: tuple[str, str]) -> Table:
    """Return names with what is said of each beside them."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, words in rows:
        table.add_row(f"  {name}", words)
    return table


def _print_list(json: bool) -> None:
    """Print what there is to try."""
    if json:
        write_json({"tasks": [
            {"task": t.name, "title": t.title, "length": t.length, "length_means": t.meaning, "criterion": t.criterion,
             "paper": t.paper, "citation": t.citation, "settings": {**testing.BASE, **t.settings}}
            for t in TASKS.values()
        ]})  # fmt: skip
        return
    for task in TASKS.values():
        s = task.settings
        _write_line(f"{task.name}: {task.title}, {task.symbol} = {task.length} ({task.meaning})")
        size = f"{s['hidden']} units, at most {s['steps'] * s['batch']:,} sequences"
        stdout_console().print(
            _beside(
                ("tried", size), ("learnt", task.criterion), ("paper", task.paper), ("source", task.citation)
            )
        )  # fmt: skip
    write("\nlstmtui memory adding --cells rnn,lstm,gru tries one; lstmtui memory all tries everything, for long.")


def _table(headings: tuple[str, ...], *, right: Sequence[int]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, heading in enumerate(headings):
        justify: Any = "right" if at in right else "left"
        table.add_column(heading, no_wrap=at < len(headings) - 1, justify=justify)
    return table
