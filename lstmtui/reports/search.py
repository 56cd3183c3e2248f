"""A search: what it varies under which budget, what became of its trials, and the command that trains the best longer.

runs/.groups/NAME.json       the group of its runs, NAME-001, NAME-002 ..., with what is searched under "search"
runs/.groups/NAME.journal    its trials (`lstmtui.runs.search_journal`)
runs/.groups/NAME.search/    which worker works on which (`lstmtui.runs.claims`)
"""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.common.files import create_exclusively, read_json, to_json
from lstmtui.config import FIELDS, LENGTHS, Settings
from lstmtui.errors import CorruptError, LstmtuiError, UsageError
from lstmtui.recipe import search_space
from lstmtui.recipe.search_space import Space, format_value
from lstmtui.reports import comparison
from lstmtui.reports.comparison import Figures, Group
from lstmtui.runs.folder import RunFolder, is_run
from lstmtui.runs.names import check_run_name
from lstmtui.runs.reader import RunReader
from lstmtui.runs.search_journal import Record

MAX_TRIALS = 999
LONGER = 10
"""How many times as long as a trial the best settings are to be trained."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched. Every worker reads it from the folder of runs, so that all agree."""

    root: Path
    group: Group
    settings: Settings
    """Those that all trials share, with absolute names of texts; the recipe chooses what is open."""
    space: Space
    bytes: int
    """The size of the text."""

    @property
    def name(self) -> str:
        return self.group.name

    @property
    def runs(self) -> list[RunFolder]:
        """The run of each trial, from the first on; it may not exist yet."""
        return [RunFolder(self.root / name) for name in self.group.runs]

    @property
    def journal(self) -> Path:
        return self.root / comparison.GROUPS / f"{self.name}.journal"

    @property
    def claims(self) -> Path:
        return self.root / comparison.GROUPS / f"{self.name}.search"

    @property
    def spent(self) -> tuple[str, float]:
        """The budget of a trial: unit and amount."""
        return _spent(self.settings)


def new_search(root: Path, name: str, settings: Settings, space: Space, *, trials: int, size: int) -> Search:
    """Return a search that is not stored yet. Raises UsageError for a name that runs cannot have."""
    names = tuple(check_run_name(f"{check_run_name(name)}-{number:03d}") for number in range(1, trials + 1))
    unit, amount = _spent(settings)
    budget = f"{amount:g} {unit.removesuffix('s') if amount == 1 else unit} each"
    return Search(root, Group(name, f"a search, {trials} trials of {budget}", names), settings, space, size)


def _spent(settings: Settings) -> tuple[str, float]:
    return next((unit, value) for unit in LENGTHS if (value := getattr(settings, unit)) is not None)


def store_search(search: Search) -> bool:
    """Write a search, and return whether there was none of its name. Raises LstmtuiError."""
    shared = {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(search.settings).items()}
    record = comparison.group_record(search.group) | {
        "search": {"settings": shared, "over": search_space.record(search.space), "bytes": search.bytes}
    }
    path = comparison.group_path(search.root, search.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return create_exclusively(path, to_json(record).encode())
    except OSError as error:
        raise LstmtuiError(f"{search.root} cannot be written ({error.strerror or error}).") from error


def load_search(root: Path, name: str) -> Search | None:
    """Return a search; None where there is none of this name.

    Raises UsageError for a group of 'lstmtui compare', CorruptError for a damaged one.
    """
    group = comparison.load_group(root, name)
    if group is None:
        return None
    path = comparison.group_path(root, name)
    found = (read_json(path) or {}).get("search")
    if found is None:
        raise UsageError(f"'{name}' is a group of 'lstmtui compare', not a search; choose another name.")
    try:
        values = {key: config.convert(key, value, str(path)) for key, value in found["settings"].items()}
        space = search_space.from_record(found["over"])
        search = Search(root, group, Settings(**values), space, int(found["bytes"]))
        if not space or not group.runs or sum(getattr(search.settings, unit) is not None for unit in LENGTHS) != 1:
            raise ValueError("something is missing")
    except (UsageError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptError(
            f"{path} is damaged, or of another version ({error}); move it away, the runs themselves are untouched."
        ) from error
    return search


def difference(search: Search, other: Search) -> str:
    """Return in which respect `other` is another search than `search` of the same name; empty where it is the same."""
    if other.settings.corpus != search.settings.corpus:
        return f"of {', '.join(Path(name).name for name in search.settings.corpus)}"
    if other.bytes != search.bytes:
        return f"of a text of {search.bytes:,} bytes, which now has {other.bytes:,}"
    if len(other.group.runs) != len(search.group.runs) or other.spent != search.spent:
        return search.group.budget.removeprefix("a search, ")
    if other.space != search.space:
        return "over " + "; ".join(f"{one.name} {one.text()}" for one in search.space)
    for name in FIELDS:
        if getattr(other.settings, name) != getattr(search.settings, name):
            return f"with {name} {format_value(getattr(search.settings, name))}"
    return ""


# --- results ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial and what became of it."""

    number: int
    """From 1."""
    record: Record
    figures: Figures | None
    """Of its run; None where that is gone."""

    @property
    def name(self) -> str:
        return self.record.run

    @property
    def part(self) -> int:
        """Tenths of the budget after which its cost is known."""
        return max(self.record.parts, default=0)

    @property
    def order(self) -> tuple[int, float]:
        """What trials are sorted by, the best first: finished ones by their cost, others by how far they came."""
        if self.record.state == "complete":
            return 0, math.inf if self.record.cost is None else self.record.cost
        return 1 + ("pruned", "running", "failed").index(self.record.state), -self.part


def results(search: Search, records: Mapping[str, Record]) -> list[Trial]:
    """Return the trials that have begun, the best first. Reads their runs."""
    found = []
    for number, run in enumerate(search.runs, 1):
        if (one := records.get(run.name)) is not None:
            figures = comparison.run_figures(RunReader(run).refresh()) if is_run(run.path) else None
            found.append(Trial(number=number, record=one, figures=figures))
    return sorted(found, key=lambda trial: trial.order)


def counts(search: Search, records: Mapping[str, Record]) -> str:
    """Return how many trials are in which state, as text."""
    states = [one.state for one in records.values()]
    words = {"complete": "finished", "pruned": "ended early", "failed": "failed", "running": "unfinished"}
    parts = [f"{states.count(state)} {word}" for state, word in words.items() if states.count(state)]
    missing = len(search.group.runs) - len(states)
    return ", ".join([*parts, *([f"{missing} not begun"] if missing else [])])


def search_of(runs: Sequence[RunFolder]) -> Search | None:
    """Return the search of which all these runs are trials; None where they are of none, or it is damaged."""
    if not runs or len({run.path.parent for run in runs}) > 1:
        return None
    name, dash, _ = runs[0].name.rpartition("-")
    try:
        found = load_search(runs[0].path.parent, name) if dash else None
    except LstmtuiError:
        return None
    return found if found is not None and {run.name for run in runs} <= set(found.group.runs) else None


def best_trial(runs: Sequence[Figures]) -> Figures | None:
    """Return the best of the trials that have finished; unlike seeds, each stands for itself."""
    done = [run for run in runs if run.state == "finished" and run.quality is not None]
    return min(done, key=lambda run: run.cost, default=None)


def progress(search: Search, runs: Sequence[Figures], begun: int) -> str:
    """Return in a sentence how far a search is, and its best trial.

    runs     the figures of its runs
    begun    how many trials there are so far, of which `runs` may be a part
    """
    states = [run.state for run in runs]
    parts = [f"{begun} of {len(search.group.runs)} trials begun", f"{states.count('finished')} finished"]
    parts += [f"{count} {word}" for word in ("training", "stopped") if (count := states.count(word))]
    best = best_trial(runs)
    if best is None:
        return f"Search {search.name}: {', '.join(parts)}."
    return (
        f"Search {search.name}: {', '.join(parts)}; {best.run.name} is the best with {best.quality:.3f} "
        f"{comparison.unit_of(best)}."
    )


def command(search: Search, values: Mapping[str, Any]) -> str:
    """Return the command line that trains the settings `values` of a trial longer."""
    unit, amount = search.spent
    words = ["lstmtui", "train", *search.settings.corpus]
    shared = {
        name: value
        for name, field in FIELDS.items()
        if name not in ("corpus", "threads", *LENGTHS)
        and name not in values
        and (value := getattr(search.settings, name)) != field.default
    }
    for name, value in {**shared, **values, unit: LONGER * amount}.items():
        if isinstance(value, bool):
            words.append(config.option(name) if value else f"--no-{config.option(name)[2:]}")
            continue
        for one in value if isinstance(value, tuple) else [value]:
            words += [config.option(name), format_value(one)]
    return shlex.join([*words, "--name", f"{search.name}-best"])


def as_json(search: Search, trials: Sequence[Trial], importance: Mapping[str, float]) -> dict[str, Any]:
    """Return the results of a search as a JSON object."""
    best = next((trial for trial in trials if trial.record.state == "complete"), None)
    return {
        "search": search.name,
        "budget": search.group.budget,
        "over": search_space.record(search.space),
        "trials": [
            {
                "trial": trial.number, "run": trial.name, "state": trial.record.state, "values": trial.record.values,
                "cost": trial.record.cost, "outcome": trial.record.outcome, "parts": trial.record.parts,
                "figures": comparison.figures_record(trial.figures) if trial.figures is not None else None,
            }
            for trial in trials
        ],
        "best": best.name if best is not None else None,
        "importance": dict(importance),
        "command": command(search, best.record.values) if best is not None else None,
    }  # fmt: skip
