"""`lstmtui memory [TASK...]`: train cells on the classic memory tasks, and compare with the literature."""

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
from lstmtui.reports import memory_tasks as report
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
            help=f"{', '.join(TASKS)}; or {ALL}. Without one: list the tasks.",
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
            help="Initialisations, separated by commas (default: the task's): "
            + "; ".join(f"{name}, {description}" for name, description in INITS.items())
            + ".",
        ),
    ] = None
    length: Annotated[
        int | None,
        typer.Option("-T", "--length", min=1, metavar="INTEGER", help="Length: T, or n (default: the task's)."),
    ] = None
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=99, metavar="INTEGER", help="Number of seeds for each cell.")
    ] = 1
    seed: Annotated[str, typer.Option("--seed", metavar="INTEGER", help="The first seed.")] = "1"
    steps: Annotated[
        str | None, typer.Option("--steps", metavar="INTEGER", help="Maximum number of steps (default: the task's).")
    ] = None
    hidden: Annotated[
        str | None, typer.Option("--hidden", metavar="INTEGER", help="Units in each layer (default: the task's).")
    ] = None
    layers: Annotated[str | None, typer.Option("--layers", metavar="INTEGER", help="Recurrent layers (1).")] = None
    batch: Annotated[
        str | None, typer.Option("--batch", metavar="INTEGER", help="Sequences in each step (default: the task's).")
    ] = None
    lr: Annotated[str | None, typer.Option("--lr", metavar="NUMBER", help="Learning rate (default: the task's).")] = (
        None
    )
    clip: Annotated[str | None, typer.Option("--clip", metavar="NUMBER", help="Maximum gradient norm (1).")] = None
    threads: Annotated[str, typer.Option("--threads", metavar="INTEGER", help="Number of threads.")] = "1"
    again: Annotated[bool, typer.Option("--again", metavar="", help="Repeat trials that already have a result.")] = (
        False
    )
    json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object with the results.")] = False
    runs_dir: RunsDir = None


@takes(MemoryArguments)
def memory(args: MemoryArguments) -> int:
    """Train cells on the classic memory tasks: adding, copying, order, grammars, counting, brackets.

    Each trial is a run that ends when the task is learnt: it can be watched, paused and resumed like any other.
    After Ctrl-C, the same command continues and reuses the results so far.
    """
    tasks = _tasks(args.names or [])
    if not tasks:
        _print_list(args.json)
        return 0
    root = args.runs_dir.expanduser() if args.runs_dir else runs_root()
    first_seed = config.convert("seed", args.seed, "--seed")
    cells = _parse_names("--cells", args.cells, tuple(config.CELLS))
    inits = _parse_names("--inits", args.inits, tuple(INITS)) if args.inits is not None else None
    names = ("steps", "hidden", "layers", "batch", "lr", "clip", "threads")
    changes = {name: getattr(args, name) for name in names}
    trials = [
        trial
        for task in tasks
        for trial in report.trials(
            task, length=args.length or task.length, cells=cells, inits=inits or task.inits,
            seeds=range(first_seed, first_seed + args.seeds), **changes,
        )
    ]  # fmt: skip
    results, code = _run_trials(root, trials, again=args.again)
    if code:
        return code
    if args.json:
        write_json({"tasks": [_as_json(task, results) for task in tasks]})
        return 0
    for task in tasks:
        _print(task, [r for r in results if r.trial.task == task.name])
    return 0


def _tasks(names: Sequence[str]) -> list[Task]:
    for name in names:
        if name not in (*TASKS, ALL):
            raise UsageError(
                f"There is no task {one_line(repr(name), 40)}{config.nearest(name, tuple(TASKS))}; "
                f"there are {', '.join(TASKS)}, and {ALL}."
            )
    return list(TASKS.values()) if ALL in names else [TASKS[name] for name in dict.fromkeys(names)]


def _parse_names(option: str, text: str, known: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(filter(None, (name.strip() for name in text.split(",")))))
    for name in names:
        if name not in known:
            raise UsageError(
                f"{option}: there is no {one_line(repr(name), 40)}{config.nearest(name, known)}; "
                f"choose from {', '.join(known)}."
            )
    if not names:
        raise UsageError(f"{option}: choose from {', '.join(known)}.")
    return names


# --- trials -----------------------------------------------------------------------------------------------------------


def _run_trials(root: Path, trials: Sequence[Trial], *, again: bool) -> tuple[list[Result], int]:
    """Return the result of every trial, new or from an earlier run, and 0 or the exit code of a signal."""
    runs = {} if again else report.find_runs(root, trials)
    known = {trial: result for trial, run in runs.items() if (result := _result(trial, run)) is not None}
    if known:
        notify(f"{len(known)} of {len(trials)} trials already have a result (--again repeats them).")
    results: list[Result] = []
    for number, trial in enumerate(trials, 1):
        if trial in known:
            results.append(known[trial])
            continue
        head = f"[{number}/{len(trials)}] {_title(trial)}"
        run = runs.get(trial) or _create(root, trial)
        signalled = _train(run, head, trial)
        if signalled:
            notify("Stopped; the same command continues from here.")
            return results, signalled
        result = _result(trial, run)
        if result is None:
            raise _failure(run)
        notify(
            f"{head}: {'learnt' if result.passed else 'not learnt'} after {result.sequences:,} sequences "
            f"({format_duration(result.seconds)}); {result.verdict}."
        )
        results.append(result)
    return results, 0


def _result(trial: Trial, run: RunFolder) -> Result | None:
    return report.result(trial, RunReader(run).refresh())


def _create(root: Path, trial: Trial) -> RunFolder:
    from lstmtui.client import runs
    from lstmtui.runs.names import free_run_name

    return runs.write(trial.settings, RunFolder(root / free_run_name(root, trial.run_name)))


def _train(run: RunFolder, head: str, trial: Trial) -> int:
    """Train a trial's run to its end, and return 0 or the exit code of the signal that stopped it."""
    from lstmtui.client import runs

    if engine_alive(run):
        raise UsageError(
            f"Run '{run.name}' is already training; 'lstmtui' shows it. Repeat this command when it has ended."
        )
    with progress_bar() as bar:
        _, signalled = watch(run, runs.start(run), before=None, shown=_TrialProgress(bar, head, trial))
    return signalled


def _failure(run: RunFolder) -> LstmtuiError:
    """Return the error with which a run's engine ended."""
    snapshot = RunReader(run).refresh()
    error = ERROR_BY_EXIT_CODE.get(snapshot.exit_code, LstmtuiError)
    return error(snapshot.message or f"The engine of run '{run.name}' ended early; {run.log} may show why.")


def _title(trial: Trial) -> str:
    symbol = TASKS[trial.task].symbol
    return f"{trial.task} {symbol}={trial.length} {report.label(trial)} seed {trial.settings.run.seed}"


class _TrialProgress:
    """Shows the progress of a trial's run, as a bar or as lines."""

    def __init__(self, bar: Progress, head: str, trial: Trial) -> None:
        self._bar, self._head, self._steps = bar, head, int(trial.settings.length.amount)

    def note(self, line: str) -> None:
        """Print a permanent line."""
        self._bar.note(line)

    def update(self, snapshot: RunSnapshot) -> None:
        """Show a newer snapshot."""
        figures, fraction = [f"step {snapshot.step}/{self._steps}"], snapshot.step / self._steps
        if isinstance(kernel := snapshot.status.get("compiling"), str) and snapshot.state == "compiling":
            figures = [f"compiling {kernel}"]
        if snapshot.seconds_left is not None and snapshot.state == "training":
            figures.append(f"at most {format_duration(snapshot.seconds_left)} left")
        if isinstance(verdict := snapshot.status.get("verdict"), str):
            figures.append(verdict)
        elif snapshot.train:
            figures.append(f"loss {snapshot.train[-1].loss:.4f}")
        self._bar.show(self._head, fraction, figures, line=f"{self._head}: {'; '.join(figures)}")


# --- results --------------------------------------------------------------------------------------------------------


def _as_json(task: Task, results: Sequence[Result]) -> dict[str, Any]:
    own = [r for r in results if r.trial.task == task.name]
    return {
        "task": task.name,
        "length": own[0].trial.length if own else task.length,
        "criterion": task.criterion,
        "paper": task.paper,
        "citation": task.citation,
        "trials": [r.record() for r in own],
        "found": report.summary(task, own),
    }


def _print(task: Task, results: Sequence[Result]) -> None:
    """Print the results of one task as a table, then its criterion, source and a summary."""
    trial = results[0].trial
    s = trial.settings
    table = _table(("", "cell", "seed", "learnt", "sequences", "time", "parameters", "result"), right=(4, 5, 6))
    groups = report.group_results(results)
    for name, results_of_label in groups.items():
        for result in results_of_label:
            table.add_row(
                "", name, str(result.trial.settings.run.seed), "yes" if result.passed else "no",
                f"{result.sequences:,}", format_duration(result.seconds), f"{result.parameters:,}", result.verdict,
            )  # fmt: skip
    layers = "" if s.network.layers == 1 else f"{s.network.layers} x "
    description = f"{layers}{s.network.hidden} units, batch {s.length.batch}, lr {s.optimisation.lr:g}"
    _write_line(f"{task.title}, {task.symbol} = {trial.length} ({task.meaning}); {description}")
    stdout_console().print(table)
    inits = [name for name in dict.fromkeys(r.trial.init for r in results) if name != "forget"]
    stdout_console().print(
        _definitions(
            ("learnt", task.criterion), ("paper", task.paper), ("source", task.citation),
            *((name, INITS[name]) for name in inits),
        )
    )  # fmt: skip
    _write_line(f"{report.summary(task, results)}\n")


def _write_line(text: str) -> None:
    """Print a line, wrapped between words."""
    from rich.text import Text

    stdout_console().print(Text(text))


def _definitions(*rows: tuple[str, str]) -> Table:
    """Return a table of names and their descriptions."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, description in rows:
        table.add_row(f"  {name}", description)
    return table


def _print_list(json: bool) -> None:
    """Print the list of tasks."""
    if json:
        write_json({"tasks": [
            {"task": t.name, "title": t.title, "length": t.length, "length_means": t.meaning, "criterion": t.criterion,
             "paper": t.paper, "citation": t.citation, "settings": {**report.BASE, **t.settings}}
            for t in TASKS.values()
        ]})  # fmt: skip
        return
    for task in TASKS.values():
        s = task.settings
        _write_line(f"{task.name}: {task.title}, {task.symbol} = {task.length} ({task.meaning})")
        size = f"{s['hidden']} units, at most {s['steps'] * s['batch']:,} sequences"
        stdout_console().print(
            _definitions(
                ("default", size), ("learnt", task.criterion), ("paper", task.paper), ("source", task.citation)
            )
        )  # fmt: skip
    write("\nlstmtui memory adding --cells rnn,lstm,gru runs one task; lstmtui memory all runs every task (slow).")


def _table(headings: tuple[str, ...], *, right: Sequence[int]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, heading in enumerate(headings):
        justify: Any = "right" if at in right else "left"
        table.add_column(heading, no_wrap=at < len(headings) - 1, justify=justify)
    return table
