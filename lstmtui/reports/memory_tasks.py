"""The classic tests of memory: what each asks, what its paper found, and the settings that reach it here in minutes.

A trial is one cell on one test from one seed, and its run is a run like any other, in the folder of runs: it can be
paused, resumed and watched. Its result stands in the run's status. Nothing here computes: sequences are made in
`lstmtui.data.memory_tasks`, and `lstmtui.engine.tasks.memory` trains on them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
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
"""What is the same in all tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One test of memory."""

    name: str
    title: str
    length: int
    """As it is set where nobody says otherwise."""
    symbol: str
    """How the literature writes the length."""
    meaning: str
    """What the length is."""
    criterion: str
    """What counts as learnt."""
    paper: str
    """What the paper found."""
    citation: str
    settings: Mapping[str, Any]
    """Settings of a run, beyond BASE."""
    every: int = 250
    """Steps between looks at whether it is learnt."""
    inits: tuple[str, ...] = ("forget",)
    """Ways to begin that are tried where nobody says otherwise."""


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
            paper="unitary recurrent weights learn it where LSTM is hard put to; beginning with long memories greatly "
            "improves what LSTM learns of long dependencies (Tallec and Ollivier 2018, arXiv:1804.11188)",
            citation="Arjovsky, Shah and Bengio 2016, arXiv:1511.06464; after " + HOCHREITER,
            settings={"hidden": 64, "batch": 20, "lr": 1e-2, "steps": 6000}, inits=("forget", "chrono"),
        ),
        Task(
            name="order", title="temporal order", length=100, symbol="T", meaning="least symbols in a sequence",
            criterion="at most 5 of 2560 sequences wrong",
            paper="LSTM without forget gate: 1 of 2560 wrong after 31,390 sequences (means of 20 trials, table 9)",
            citation=HOCHREITER + ", experiment 6a",
            settings={"hidden": 32, "batch": 20, "lr": 1e-2, "steps": 3000}, inits=("forget", "chrono"),
        ),
        Task(
            name="reber", title="embedded Reber grammar", length=40, symbol="T", meaning="longest string learnt from",
            criterion="every prediction legal, on strings up to twice as long",
            paper="LSTM: 97 to 100 % of trials learn it, after 8,440 to 39,740 sequences by size and learning rate; "
            "Elman nets had not after 200,000 (table 1)",
            citation=HOCHREITER + ", experiment 1",
            settings={"hidden": 16, "batch": 16, "lr": 1e-2, "steps": 6000},
        ),
        Task(
            name="anbn", title="a^n b^n", length=10, symbol="n", meaning="largest n learnt from",
            criterion="every set of next symbols right for all n up to three times those learnt",
            paper="LSTM learns it, and goes further beyond than the networks before it, also those made for counting",
            citation=GERS,
            settings={"hidden": 10, "batch": 10, "lr": 3e-2, "steps": 8000}, every=500,
        ),
        Task(
            name="anbncn", title="a^n b^n c^n", length=10, symbol="n", meaning="largest n learnt from",
            criterion="every set of next symbols right for all n up to three times those learnt",
            paper="variants of LSTM are the first recurrent networks to learn it; trained by Kalman filters on n up to "
            "10 they are right up to 1000 and more (Gers et al. 2002, ICANN)",
            citation=GERS,
            settings={"hidden": 10, "batch": 10, "lr": 3e-2, "steps": 8000}, every=500,
        ),
        Task(
            name="brackets", title="nested brackets (Dyck-2)", length=50, symbol="T",
            meaning="longest string learnt from",
            criterion="every set of next brackets right in 95 % of strings nearly twice as long",
            paper="recurrent networks do poorly on strings longer than those learnt from, but reach far beyond where "
            "the depth is bounded, as it is here: at most 8",
            citation="Bhattamishra, Ahuja and Goyal 2020, arXiv:2011.03965; see also Suzgun et al. 2019, "
            "arXiv:1906.03648, where none learns Dyck-2 well",
            settings={"hidden": 64, "batch": 20, "lr": 5e-3, "steps": 4000, "schedule": "cosine"}, every=500,
        ),
    )
}  # fmt: skip

INITS: dict[str, str] = {
    "forget": "as a run begins: forget bias 1, orthogonal recurrent weights",
    "chrono": "memories of 1 to as many steps as the task's length (Tallec and Ollivier 2018)",
    "zero": "forget bias 0",
    "uniform": "recurrent weights drawn evenly, not orthogonal",
}
"""Ways to begin."""


def initial(init: str, length: int) -> dict[str, Any]:
    """Return the settings of a way to begin."""
    changes: dict[str, dict[str, Any]] = {
        "chrono": {"init_span": max(3, length)},
        "zero": {"forget_bias": 0.0},
        "uniform": {"init_recurrent": "uniform"},
    }
    return changes.get(init, {})


@dataclass(frozen=True, slots=True)
class Trial:
    """One cell on one test, from one seed."""

    task: str
    length: int
    init: str
    settings: RunSettings

    @property
    def run_name(self) -> str:
        """What its run is called, where that name is free."""
        init = "" if self.init == "forget" else f"-{self.init}"
        return f"{self.task}-{self.length}-{self.settings.network.cell}{init}-s{self.settings.run.seed}"

    def find(self, root: Path) -> RunFolder | None:
        """Return the newest run of exactly these settings, however many threads it computes with; None without one."""
        wanted = self.settings.changed(threads=1)
        for run in list_runs(root):
            if not run.path.name.startswith(f"{self.task}-"):
                continue
            try:
                if config.load(run.config).changed(threads=1) == wanted:
                    return run
            except LstmtuiError:
                continue
        return None


def trials(
    task: Task, *, length: int, cells: Sequence[str], inits: Sequence[str], seeds: Sequence[int], **changes: Any
) -> Iterator[Trial]:
    """Yield every trial of a test; `changes` are settings that somebody asked for. Raises UsageError."""
    given = {name: value for name, value in changes.items() if value is not None}
    for seed in seeds:
        for init in inits:
            for cell in cells:
                chosen = {**BASE, **task.settings, **given, **initial(init, length), "cell": cell, "seed": seed}
                checked = {name: config.convert(name, value, config.option(name)) for name, value in chosen.items()}
                settings = Settings(
                    **{"eval_every": task.every, **checked}, purpose="memory", corpus=(task.name,),
                    memory_length=length, tokens="chars", valid_fraction=0.0, embedding=1, tied=False, bptt=length,
                )  # fmt: skip
                yield Trial(task.name, length, init, RunSettings.of(settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a trial."""

    trial: Trial = field(repr=False)
    run: str
    """The name of its run."""
    passed: bool
    figure: float | None
    verdict: str
    steps: int
    """Taken, until it was learnt or there were no more."""
    sequences: int
    seconds: float
    parameters: int

    def record(self) -> dict[str, Any]:
        """Return it for programs."""
        kept = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "trial"}
        s = self.trial.settings
        return {"cell": s.network.cell, "init": self.trial.init, "seed": s.run.seed, **kept, "settings": s.flat()}


def result(trial: Trial, snapshot: RunSnapshot) -> Result | None:
    """Return the result of a trial's run; None where it has not ended, or diverged without one."""
    said = snapshot.status.get("result")
    sequences = snapshot.step * trial.settings.length.batch
    if snapshot.state == "diverged":
        said = {"passed": False, "figure": None, "verdict": snapshot.message, "sequences": sequences}
    elif snapshot.state != "finished" or not isinstance(said, dict):
        return None
    return Result(
        trial=trial,
        run=snapshot.run.name,
        passed=said.get("passed") is True,
        figure=_number(said.get("figure")),
        verdict=str(said.get("verdict", "")),
        steps=snapshot.step,
        sequences=sequences,
        seconds=_number(snapshot.status.get("seconds")) or 0.0,
        parameters=int(_number(snapshot.status.get("parameters")) or 0),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


# --- in words ---------------------------------------------------------------------------------------------------------


def label(trial: Trial) -> str:
    """Return what tells a trial from others of its task but for the seed: the cell, and how it begins."""
    cell = trial.settings.network.cell
    return cell if trial.init == "forget" else f"{cell} ({trial.init})"


def grouped(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Return the results of one task by cell and way to begin."""
    groups: dict[str, list[Result]] = {}
    for one in results:
        groups.setdefault(label(one.trial), []).append(one)
    return groups


def found(task: Task, results: Sequence[Result]) -> str:
    """Return one honest sentence about the results of a task."""
    if not results:
        return f"{task.title}: nothing was tried."
    groups = grouped(results)
    learnt = [name for name, them in groups.items() if all(r.passed for r in them)]
    never = [name for name, them in groups.items() if not any(r.passed for r in them)]
    sometimes = [
        f"{name} ({sum(r.passed for r in them)} of {len(them)} seeds)"
        for name, them in groups.items()
        if name not in (*learnt, *never)
    ]
    parts = [f"learnt by {listed(learnt)}"] if learnt else []
    parts += [f"by {listed(sometimes)} at times"] if sometimes else []
    if never:
        most = max(r.sequences for name in never for r in groups[name])
        parts.append(f"not by {listed(never)} within {most:,} sequences (more might do)")
    trial = results[0].trial
    once = " One seed each: another may come out differently." if max(map(len, groups.values())) == 1 else ""
    return f"{task.title}, {task.symbol} = {trial.length}: {'; '.join(parts)}.{once}"


def listed(names: Sequence[str]) -> str:
    """Return names as prose lists them."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
