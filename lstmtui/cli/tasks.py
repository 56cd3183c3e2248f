"""`lstmtui tasks [TASK...]`: which cell remembers what, by the classic tests, beside what their papers found."""

from __future__ import annotations

import contextlib
import json as json_module
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmtui import config
from lstmtui.cli.options import RunsDir
from lstmtui.cli.output import notify, stdout_console, write, write_json
from lstmtui.client.process import command
from lstmtui.common.paths import runs_root
from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.errors import ERROR_BY_EXIT_CODE, LstmtuiError, UsageError
from lstmtui.reports import memory_tasks as testing
from lstmtui.reports.memory_tasks import INITS, TASKS, Result, Task, Trial

if TYPE_CHECKING:
    from rich.table import Table

ALL = "all"
PLAIN_EVERY = 10.0
"""Seconds between lines of progress where there is no terminal."""


def tasks(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TASK", help=f"{', '.join(TASKS)}; or {ALL}. Without one: what there is.", show_default=False,
            autocompletion=lambda incomplete: [n for n in (*TASKS, ALL) if n.startswith(incomplete)],
        ),
    ] = None,
    cells: Annotated[str, typer.Option("--cells", metavar="NAMES", help="Cells, separated by commas.")] = ",".join(
        config.CELLS
    ),
    inits: Annotated[
        str | None, typer.Option("--inits", metavar="NAMES", help="Ways to begin, separated by commas (by the task): "
        + "; ".join(f"{name}, {words}" for name, words in INITS.items()) + ".")
    ] = None,
    length: Annotated[
        int | None,
        typer.Option("-T", "--length", min=1, metavar="INTEGER", help="Length of the task: T, or n (by the task)."),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=99, metavar="INTEGER", help="Trials of each cell.")] = 1,
    seed: Annotated[str, typer.Option("--seed", metavar="INTEGER", help="The first seed.")] = "1",
    steps: Annotated[str | None, typer.Option("--steps", metavar="INTEGER", help="Most steps (by the task).")] = None,
    hidden: Annotated[str | None, typer.Option("--hidden", metavar="INTEGER", help="Units (by the task).")] = None,
    layers: Annotated[str | None, typer.Option("--layers", metavar="INTEGER", help="Recurrent layers (1).")] = None,
    batch: Annotated[
        str | None, typer.Option("--batch", metavar="INTEGER", help="Sequences a step (by the task).")
    ] = None,
    lr: Annotated[str | None, typer.Option("--lr", metavar="NUMBER", help="Learning rate (by the task).")] = None,
    clip: Annotated[str | None, typer.Option("--clip", metavar="NUMBER", help="Largest gradient norm (1).")] = None,
    threads: Annotated[str, typer.Option("--threads", metavar="INTEGER", help="Threads that compute.")] = "1",
    again: Annotated[bool, typer.Option("--again", metavar="", help="Try again what was tried before.")] = False,
    json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object with the results.")] = False,
    runs_dir: RunsDir = None,
) -> int:  # fmt: skip
    """Try cells on the classic tests of memory: adding, copying, order, grammars, counting, brackets.

    Each trial ends as soon as the task is learnt. Results are kept, so that the same command goes on after Ctrl-C.
    """
    wanted = _tasks(names or [])
    if not wanted:
        _print_list(json)
        return 0
    root = runs_dir.expanduser() if runs_dir else runs_root()
    first = config.convert("seed", seed, "--seed")
    chosen = _listed("--cells", cells, tuple(config.CELLS))
    begun = _listed("--inits", inits, tuple(INITS)) if inits is not None else None
    changes = {"steps": steps, "hidden": hidden, "layers": layers, "batch": batch, "lr": lr, "clip": clip}
    trials = [
        trial
        for task in wanted
        for trial in testing.trials(
            task, length=length or task.length, cells=chosen, inits=begun or task.inits,
            seeds=range(first, first + seeds), **changes,
        )
    ]  # fmt: skip
    found = _try(root, trials, config.convert("threads", threads, "--threads"), again)
    if json:
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


def _try(root: Path, trials: Sequence[Trial], threads: int, again: bool) -> list[Result]:
    """Return the result of every trial, from the engine or from an earlier time; keep each as it comes."""
    known = {} if again else {trial: one for trial in trials if (one := testing.stored(root, trial)) is not None}
    if known:
        notify(f"{len(known)} of {len(trials)} trials are known from before (--again tries them anew).")
    found, left = [], [trial for trial in trials if trial not in known]
    with contextlib.closing(_Engine(threads)) if left else contextlib.nullcontext() as engine, _progress() as shown:
        for trial in trials:
            if trial in known:
                found.append(known[trial])
                continue
            assert engine is not None
            head = f"[{len(found) + 1}/{len(trials)}] {_title(trial)}"
            shown.begin(head, trial.settings.steps or 1)
            try:
                one = testing.result(trial, engine.learn(trial, shown))
            except KeyboardInterrupt:
                shown.note("Stopped; the same command goes on from here.")
                raise
            shown.note(f"{head}: {'learnt' if one.passed else 'not learnt'} after {one.sequences:,} sequences "
                       f"({format_duration(one.seconds)}); {one.told}.")  # fmt: skip
            found.append(one)
            with contextlib.suppress(OSError):  # a result that cannot be kept is still a result
                testing.store(root, one)
    return found


def _title(trial: Trial) -> str:
    symbol = TASKS[trial.task].symbol
    return f"{trial.task} {symbol}={trial.length} {testing.label(trial)} seed {trial.settings.seed}"


class _Engine:
    """The process that learns."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._process = subprocess.Popen(
            command("lstmtui.engine.services.memory_tasks"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def learn(self, trial: Trial, shown: _Progress) -> dict[str, Any]:
        """Return the result of a trial. Raises the LstmtuiError that it ended with."""
        to, answers = self._process.stdin, self._process.stdout
        assert to is not None
        assert answers is not None
        asked = {**trial.record(), "every": TASKS[trial.task].every, "threads": self._threads}
        with contextlib.suppress(BrokenPipeError):
            to.write(json_module.dumps(asked) + "\n")
            to.flush()
        for line in answers:
            said: dict[str, Any] = json_module.loads(line)
            if "error" in said:
                raise ERROR_BY_EXIT_CODE.get(said["exit_code"], LstmtuiError)(said["error"])
            if "result" in said:
                return dict(said["result"])
            shown.hear(said)
        raise LstmtuiError(
            "The learning process ended early; 'python -P -m lstmtui.engine.services.memory_tasks' may show why."
        )

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()


# --- what is seen meanwhile -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _progress() -> Iterator[_Progress]:
    """Tell of progress on stderr while inside: in one line of a terminal, or now and then in lines."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _Progress()
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True, highlight=False, markup=False), transient=True, auto_refresh=False) as live:
        yield _Line(live)


class _Progress:
    """A line every PLAIN_EVERY seconds."""

    def __init__(self) -> None:
        self._head, self._steps, self._told, self._said_at = "", 1, "", time.monotonic()
        self._first: tuple[float, int] | None = None

    def begin(self, head: str, steps: int) -> None:
        """Stand at the first step of a trial."""
        self._head, self._steps, self._told, self._first = head, steps, "", None
        self.show("")

    def hear(self, said: dict[str, Any]) -> None:
        """Take in what the engine says."""
        if "compiling" in said:
            self.show(f"compiling {said['compiling']}, {said['done']:.0%}")
            return
        self._told = said.get("told", self._told)
        how, step = self._told or f"loss {said['loss']:.4f}", said["step"]
        begun, first = self._first = self._first or (time.monotonic(), step)
        left = ""
        if step > first:  # what came before may have waited for the compiler
            each = (time.monotonic() - begun) / (step - first)
            left = f", at most {format_duration(each * (self._steps - step))} more"
        self.show(f"step {step}/{self._steps}{left}; {how}")

    def show(self, words: str) -> None:
        """Show where the trial is."""
        if time.monotonic() - self._said_at >= PLAIN_EVERY and words:
            self._said_at = time.monotonic()
            notify(f"{self._head}: {words}")

    def note(self, line: str) -> None:
        """Tell what stays."""
        notify(line)


class _Line(_Progress):
    """The last line of a terminal."""

    def __init__(self, live: Any) -> None:
        super().__init__()
        self._live = live

    def show(self, words: str) -> None:
        from rich.text import Text

        self._live.update(Text(one_line(f"{self._head}  {words}"), overflow="ellipsis", no_wrap=True), refresh=True)

    def note(self, line: str) -> None:
        from rich.text import Text

        self._live.console.print(Text(one_line(line)))


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
                "", name, str(one.trial.settings.seed), "yes" if one.passed else "no",
                f"{one.sequences:,}", format_duration(one.seconds), f"{one.parameters:,}", one.told,
            )  # fmt: skip
    units = f"{s.hidden} units" if s.layers == 1 else f"{s.layers} x {s.hidden} units"
    _tell(f"{task.title}, {task.symbol} = {trial.length} ({task.meaning}); {units}, batch {s.batch}, lr {s.lr:g}")
    stdout_console().print(table)
    begun = [name for name in dict.fromkeys(r.trial.init for r in results) if name != "forget"]
    stdout_console().print(
        _beside(
            ("learnt", task.criterion), ("paper", task.paper), ("source", task.citation),
            *((name, INITS[name]) for name in begun),
        )
    )  # fmt: skip
    _tell(f"{testing.found(task, results)}\n")


def _tell(text: str) -> None:
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
        _tell(f"{task.name}: {task.title}, {task.symbol} = {task.length} ({task.meaning})")
        size = f"{s['hidden']} units, at most {s['steps'] * s['batch']:,} sequences"
        stdout_console().print(
            _beside(
                ("tried", size), ("learnt", task.criterion), ("paper", task.paper), ("source", task.citation)
            )
        )  # fmt: skip
    write("\nlstmtui tasks adding --cells rnn,lstm,gru tries one; lstmtui tasks all tries everything, for long.")


def _table(headings: tuple[str, ...], *, right: Sequence[int]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, heading in enumerate(headings):
        justify: Any = "right" if at in right else "left"
        table.add_column(heading, no_wrap=at < len(headings) - 1, justify=justify)
    return table
