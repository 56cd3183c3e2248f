"""The classic memory tasks: definition, result in the literature, and settings that learn them in minutes.

A trial trains one cell on one task from one seed. It is an ordinary run in the folder of runs, which can be paused,
resumed and watched; its result is in the run's status. This module does not compute: `lstmtui.data.memory_tasks`
generates the sequences, and `lstmtui.engine.tasks.memory` trains on them.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.config import RunSettings, Settings
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.listing import list_runs
from lstmtui.runs.snapshot import RunSnapshot

BASE: dict[str, Any] = {
    "layers": 1, "weight_decay": 0.0, "ema": 0.0, "schedule": "constant", "warmup": 50, "precision": "float32",
    "clip": 1.0,
    "eval_tokens": 0, "sample_length": 1, "log_every": 50, "threads": 1,
}  # fmt: skip
"""Settings shared by all tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One memory task."""

    name: str
    title: str
    length: int
    """The default length."""
    symbol: str
    """The symbol of the length in the literature."""
    meaning: str
    """Meaning of the length."""
    criterion: str
    """The criterion of success."""
    paper: str
    """The result in the literature."""
    citation: str
    settings: Mapping[str, Any]
    """Settings of a run, in addition to BASE."""
    every: int = 250
    """Steps between evaluations."""
    inits: tuple[str, ...] = ("forget",)
    """The default initialisations, keys of INITS."""


HOCHREITER = "Hochreiter and Schmidhuber 1997, Long short-term memory, Neural Computation 9(8)"
GERS = (
    "Gers and Schmidhuber 2001, LSTM recurrent networks learn simple context-free and context-sensitive languages, "
    "IEEE Transactions on Neural Networks 12(6)"
)

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="adding", title="adding problem", length=200, symbol="T", meaning="numbers in a sequence, two marked",
            criterion="mean squared error below 0.01 (0.1667 for always guessing 1)",
            paper="LSTM learns T = 100 after 74,000 sequences and T = 500 after 209,000 (means of 10 trials, table 7)",
            citation=HOCHREITER + ", experiment 4; here in the form of Le et al. 2015, arXiv:1504.00941",
            settings={"hidden": 32, "batch": 20, "lr": 1e-2, "steps": 6000},
        ),
        Task(
            name="copy", title="copy memory", length=30, symbol="T", meaning="blanks between ten symbols and the cue",
            criterion="99 % of the symbols recalled (12.5 % by chance)",
            paper="unitary recurrent weights learn it where LSTM has difficulty; initialising LSTM with long "
            "memories greatly improves its learning of long dependencies (Tallec and Ollivier 2018, arXiv:1804.11188)",
            citation="Arjovsky, Shah and Bengio 2016, arXiv:1511.06464; after " + HOCHREITER,
            settings={"hidden": 64, "batch": 20, "lr": 1e-2, "steps": 6000}, inits=("forget", "chrono"),
        ),
        Task(
            name="order", title="temporal order", length=100, symbol="T", meaning="minimum symbols in a sequence",
            criterion="at most 5 of 2560 sequences wrong",
            paper="LSTM without forget gate: 1 of 2560 wrong after 31,390 sequences (means of 20 trials, table 9)",
            citation=HOCHREITER + ", experiment 6a",
            settings={"hidden": 32, "batch": 20, "lr": 1e-2, "steps": 3000}, inits=("forget", "chrono"),
        ),
        Task(
            name="reber", title="embedded Reber grammar", length=40, symbol="T", meaning="longest training string",
            criterion="every prediction legal, on strings up to twice as long",
            paper="LSTM: 97 to 100 % of trials learn it, after 8,440 to 39,740 sequences by size and learning rate; "
            "Elman nets had not after 200,000 (table 1)",
            citation=HOCHREITER + ", experiment 1",
            settings={"hidden": 16, "batch": 16, "lr": 1e-2, "steps": 6000},
        ),
        Task(
            name="anbn", title="a^n b^n", length=10, symbol="n", meaning="largest n in training",
            criterion="every set of next symbols right for all n up to three times the largest in training",
            paper="LSTM learns it and generalises further than earlier networks, including those designed for counting",
            citation=GERS,
            settings={"hidden": 10, "batch": 10, "lr": 3e-2, "steps": 8000}, every=500,
        ),
        Task(
            name="anbncn", title="a^n b^n c^n", length=10, symbol="n", meaning="largest n in training",
            criterion="every set of next symbols right for all n up to three times the largest in training",
            paper="variants of LSTM are the first recurrent networks to learn it; trained by Kalman filters on n up to "
            "10 they are right up to 1000 and more (Gers et al. 2002, ICANN)",
            citation=GERS,
            settings={"hidden": 10, "batch": 10, "lr": 3e-2, "steps": 8000}, every=500,
        ),
        Task(
            name="brackets", title="nested brackets (Dyck-2)", length=50, symbol="T",
            meaning="longest training string",
            criterion="every set of next brackets right in 95 % of strings nearly twice as long",
            paper="recurrent networks generalise poorly to strings longer than in training, but well if the depth "
            "is bounded, as it is here: at most 8",
            citation="Bhattamishra, Ahuja and Goyal 2020, arXiv:2011.03965; see also Suzgun et al. 2019, "
            "arXiv:1906.03648, where none learns Dyck-2 well",
            settings={"hidden": 64, "batch": 20, "lr": 5e-3, "steps": 4000, "schedule": "cosine"}, every=500,
        ),
    )
}  # fmt: skip

INITS: dict[str, str] = {
    "forget": "the default: forget bias 1, orthogonal recurrent weights",
    "chrono": "memories of 1 step to the length of the task (Tallec and Ollivier 2018)",
    "zero": "forget bias 0",
    "uniform": "uniform instead of orthogonal recurrent weights",
}
"""Initialisations by name, with their description."""


def init_settings(init: str, length: int) -> dict[str, Any]:
    """Return the settings of an initialisation."""
    changes: dict[str, dict[str, Any]] = {
        "chrono": {"init_span": max(3, length)},
        "zero": {"forget_bias": 0.0},
        "uniform": {"init_recurrent": "uniform"},
    }
    return changes.get(init, {})


@dataclass(frozen=True, slots=True)
class Trial:
    """One cell on one task, from one seed."""

    task: str
    length: int
    init: str
    settings: RunSettings

    @property
    def run_name(self) -> str:
        """The name of its run, if that name is free."""
        init = "" if self.init == "forget" else f"-{self.init}"
        return f"{self.task}-{self.length}-{self.settings.network.cell}{init}-s{self.settings.run.seed}"


def find_runs(root: Path, wanted: Iterable[Trial]) -> dict[Trial, RunFolder]:
    """Return the newest run of each trial that has one, with exactly its settings, except threads."""
    runs: dict[RunSettings, RunFolder] = {}
    for run in list_runs(root):
        if run.path.name.startswith(tuple(f"{task}-" for task in TASKS)):
            with contextlib.suppress(LstmtuiError):  # a damaged run is the run of no trial
                runs.setdefault(config.load(run.config).changed(threads=1), run)
    keys = {trial: trial.settings.changed(threads=1) for trial in wanted}
    return {trial: runs[key] for trial, key in keys.items() if key in runs}


def trials(
    task: Task, *, length: int, cells: Sequence[str], inits: Sequence[str], seeds: Sequence[int], **changes: Any
) -> Iterator[Trial]:
    """Yield every trial of a task; `changes` override its settings, except those that are None. Raises UsageError."""
    overrides = {name: value for name, value in changes.items() if value is not None}
    for seed in seeds:
        for init in inits:
            for cell in cells:
                chosen = {
                    **BASE,
                    **task.settings,
                    **overrides,
                    **init_settings(init, length),
                    "cell": cell,
                    "seed": seed,
                }
                checked = {name: config.convert(name, value, config.option(name)) for name, value in chosen.items()}
                settings = Settings(
                    **{"eval_every": task.every, **checked}, purpose="memory", corpus=(task.name,),
                    memory_length=length, tokens="chars", valid_fraction=0.0, embedding=1, tied=False, bptt=length,
                )  # fmt: skip
                yield Trial(task.name, length, init, RunSettings.of(settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Result of a trial."""

    trial: Trial = field(repr=False)
    run: str
    """The name of its run."""
    passed: bool
    figure: float | None
    verdict: str
    steps: int
    """Number of steps taken, until the task was learnt or the run ended."""
    sequences: int
    seconds: float
    parameters: int

    def record(self) -> dict[str, Any]:
        """Return the result as a dictionary for JSON."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "trial"}
        s = self.trial.settings
        return {"cell": s.network.cell, "init": self.trial.init, "seed": s.run.seed, **fields, "settings": s.flat()}


def result(trial: Trial, snapshot: RunSnapshot) -> Result | None:
    """Return the result of a trial's run; None if it has not finished."""
    outcome = snapshot.status.get("result")
    sequences = snapshot.step * trial.settings.length.batch
    if snapshot.state == "diverged":
        outcome = {"passed": False, "figure": None, "verdict": snapshot.message, "sequences": sequences}
    elif snapshot.state != "finished" or not isinstance(outcome, dict):
        return None
    return Result(
        trial=trial,
        run=snapshot.run.name,
        passed=outcome.get("passed") is True,
        figure=_number(outcome.get("figure")),
        verdict=str(outcome.get("verdict", "")),
        steps=snapshot.step,
        sequences=sequences,
        seconds=_number(snapshot.status.get("seconds")) or 0.0,
        parameters=int(_number(snapshot.status.get("parameters")) or 0),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


# --- text ------------------------------------------------------------------------------------------------------------


def label(trial: Trial) -> str:
    """Return the label of a trial in its task, without the seed: cell and initialisation."""
    cell = trial.settings.network.cell
    return cell if trial.init == "forget" else f"{cell} ({trial.init})"


def group_results(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Group the results of one task by cell and initialisation."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(label(result.trial), []).append(result)
    return groups


def summary(task: Task, results: Sequence[Result]) -> str:
    """Return one sentence that summarises the results of a task."""
    if not results:
        return f"{task.title}: no trials."
    groups = group_results(results)
    learnt = [name for name, trials_of_label in groups.items() if all(r.passed for r in trials_of_label)]
    never = [name for name, trials_of_label in groups.items() if not any(r.passed for r in trials_of_label)]
    sometimes = [
        f"{name} ({sum(r.passed for r in trials_of_label)} of {len(trials_of_label)} seeds)"
        for name, trials_of_label in groups.items()
        if name not in (*learnt, *never)
    ]
    parts = [f"learnt by {join_names(learnt)}"] if learnt else []
    parts += [f"sometimes by {join_names(sometimes)}"] if sometimes else []
    if never:
        limit = max(r.sequences for name in never for r in groups[name])
        parts.append(f"not by {join_names(never)} within {limit:,} sequences (more training may succeed)")
    trial = results[0].trial
    caveat = " One seed each: other seeds may differ." if max(map(len, groups.values())) == 1 else ""
    return f"{task.title}, {task.symbol} = {trial.length}: {'; '.join(parts)}.{caveat}"


def join_names(names: Sequence[str]) -> str:
    """Return names joined by commas and a final 'and'."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
