"""The comparison of runs of one group: their figures, and a recommendation with the uncertainty over seeds.

runs/.groups/NAME.json     {"format", "name", "budget", "runs": [names]}; the runs are ordinary ones
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lstmtui.common.files import read_json, to_json, write_atomically
from lstmtui.config import FIELDS, RunSettings
from lstmtui.errors import CorruptError, UsageError
from lstmtui.reports.gradient_flow import judge, read_flows
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.names import check_run_name
from lstmtui.runs.probes import read_saturation
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot, cost

FORMAT = 1
GROUPS = ".groups"
MAX_NAMED = 3
"""Runs that a sentence names."""
T_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Student's t for 95 % by degrees of freedom, from 1; beyond, 2 is close enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one run; None where a figure is unknown or does not apply to the cell."""

    run: RunFolder
    state: str
    cell: str
    layers: int | None
    hidden: int | None
    parameters: int | None
    nll: float | None
    """Nats per token on all of the validation text once the run has finished, else at its best evaluation."""
    text: tuple[object, ...] = ()
    """What the figures are of: the corpus and how its validation text is chosen."""
    is_part: bool = False
    """Whether they are of a part of the validation text, as evaluations during training read it."""
    perplexity: float | None
    bits_per_char: float | None
    wer: float | None = None
    """Of speech: the part of the words that is wrong, on the same recordings; 1 is all."""
    cer: float | None = None
    """The same of characters."""
    f1: float | None = None
    """Of captions: word F1 on the same pictures; 1 is the best."""
    words: bool
    """Whether runs are compared by perplexity."""
    tokens_per_second: float | None
    seconds: float | None
    steps: int
    memory_mb: float | None
    saturated: float | None
    """The fraction of all gate values that are left- or right-saturated."""
    half_life: float | None
    """Median over all units, in steps."""
    reach: int | None
    """The largest lag at which 1 % of dL/dh at lag 1 remains, in the top layer."""

    @property
    def compared_by(self) -> str:
        """The name of the figure to compare: WER or word F1, or perplexity of words, bits per character, or nats."""
        if self.wer is not None:
            return "wer"
        if self.f1 is not None:
            return "f1"
        if self.words:
            return "perplexity"
        return "bits_per_char" if self.bits_per_char is not None else "nll"

    @property
    def quality(self) -> float | None:
        """The figure to compare."""
        value: float | None = getattr(self, self.compared_by)
        return value

    @property
    def cost(self) -> float:
        """The figure to compare, such that lower is better; infinite where it is unknown."""
        return math.inf if self.quality is None else cost(self.compared_by, self.quality)


def run_figures(snapshot: RunSnapshot) -> Figures:
    """Return the figures of a run; reads its newest probes."""
    run, s, status = snapshot.run, snapshot.settings, snapshot.status
    losses = dict(snapshot.result.figures) if snapshot.result is not None else {}
    speeds = [p.tokens_per_second for p in snapshot.train[len(snapshot.train) // 4 :]]
    flow = next(iter(read_flows(run, newest=1)), None)
    probe = next(iter(read_saturation(run, newest=1)), None)
    return Figures(
        run=run,
        state=snapshot.state,
        cell=s.network.cell if s else "?",
        layers=s.network.layers if s else None,
        hidden=s.network.hidden if s else None,
        parameters=_whole(status.get("parameters")),
        text=_text(s) if s else (),
        is_part=snapshot.final is None and snapshot.evaluated_part is not None,
        nll=_number(losses.get("nll")),
        perplexity=_number(losses.get("perplexity")),
        bits_per_char=_number(losses.get("bits_per_char")),
        wer=_number(losses.get("wer")),
        cer=_number(losses.get("cer")),
        f1=_number(losses.get("f1")),
        words=s is not None and s.data.tokens == "words",
        tokens_per_second=statistics.median(speeds) if speeds else None,
        seconds=_number(status.get("seconds")),
        steps=snapshot.step,
        memory_mb=max((p.memory_mb for p in snapshot.train), default=None),
        saturated=float((probe.left + probe.right).mean()) if probe is not None and probe.left.size else None,
        half_life=_median(flow.half_life) if flow is not None else None,
        reach=judge(flow.h[-1]).reach if flow is not None else None,
    )


def _text(s: RunSettings) -> tuple[object, ...]:
    d = s.data
    return d.corpus, d.valid, d.valid_fraction, d.test_fraction, d.split, d.purpose


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _median(values: Any) -> float | None:
    return statistics.median(float(v) for v in values.reshape(-1)) if values.size else None


def setting_differences(snapshots: Sequence[RunSnapshot]) -> list[tuple[str, list[str]]]:
    """Return each setting in which the runs differ, with its value in every run."""
    found = []
    for name in FIELDS:
        values = [_format_value(s.settings.value(name)) if s.settings else "?" for s in snapshots]
        if len(set(values)) > 1:
            found.append((name, values))
    return found


def _format_value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(Path(name).name for name in value)
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


# --- groups -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that are compared, by name, in the order in which they are trained."""

    name: str
    budget: str
    """The budget that all share, as text."""
    runs: tuple[str, ...]


def store_group(root: Path, group: Group) -> None:
    """Write a group. Raises OSError."""
    path = group_path(root, group.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, to_json(group_record(group)).encode())


def group_path(root: Path, name: str) -> Path:
    """Return the file of a group. Raises UsageError for a name that no group can have."""
    return root / GROUPS / f"{check_run_name(name)}.json"


def group_record(group: Group) -> dict[str, Any]:
    """Return a group as its file has it."""
    return {"format": FORMAT, "name": group.name, "budget": group.budget, "runs": list(group.runs)}


def load_group(root: Path, name: str) -> Group | None:
    """Return a group; None where there is none of this name. Raises CorruptError for a damaged one."""
    path = group_path(root, name)
    raw = read_json(path)
    if raw is None:
        return None
    runs = raw.get("runs")
    if raw.get("format") != FORMAT or not isinstance(runs, list) or not all(isinstance(run, str) for run in runs):
        raise CorruptError(f"{path} is damaged, or of another version; remove it, the runs themselves are untouched.")
    return Group(str(raw.get("name", name)), str(raw.get("budget", "")), tuple(check_run_name(run) for run in runs))


def group_runs(root: Path, group: Group) -> list[RunFolder]:
    """Return the runs of a group that exist."""
    return [RunFolder(root / name) for name in group.runs if (root / name / "config.toml").is_file()]


# --- the table and the sentence ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation over seeds; the deviation is None for one seed."""

    mean: float
    deviation: float | None
    count: int

    def text(self, digits: int = 3) -> str:
        """Return it as text: 1.704 ± 0.006."""
        shown = f"{self.mean:,.{digits}f}"
        return shown if self.deviation is None else f"{shown} ± {self.deviation:.{digits}f}"


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return mean and deviation of the known values; None without one."""
    known = [v for v in values if v is not None]
    if not known:
        return None
    return Spread(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known))


def by_cell(runs: Sequence[Figures]) -> dict[str, list[Figures]]:
    """Return the runs of each cell, cells in the order of their first run."""
    cells: dict[str, list[Figures]] = {}
    for run in runs:
        cells.setdefault(run.cell, []).append(run)
    return cells


UNITS = {
    "wer": "word error rate", "f1": "word F1", "perplexity": "perplexity", "bits_per_char": "bits per character",
    "nll": "nats per token",
}  # fmt: skip
"""Of each figure that runs are compared by."""


def unit_of(run: Figures) -> str:
    """Return the unit of `quality`."""
    return UNITS[run.compared_by]


def incomparable(runs: Sequence[Figures]) -> str:
    """Return why no run of these can be called the best; empty where one can."""
    known = [run for run in runs if run.quality is not None]
    if len({run.text for run in known}) > 1:
        return "The runs are of different texts, so none of them is the best."
    if len({unit_of(run) for run in known}) > 1:
        return "The runs are measured in different units, so none of them is the best."
    return ""


def best_run(runs: Sequence[Figures]) -> Figures | None:
    """Return the best of the finished runs of the cell that `recommendation` names; None where there is none."""
    ranked = [] if incomparable(runs) else _ranked(_finished(runs))
    of_best = [run for run in _finished(runs) if ranked and run.cell == ranked[0].cell]
    return min(of_best, key=lambda run: run.cost, default=None)


def left_out(runs: Sequence[Figures]) -> str:
    """Return which runs have no part in the recommendation, and why; empty where all have."""
    others = [run for run in runs if run not in _finished(runs)]
    if not others or len(others) == len(runs):
        return ""
    named = _listed([f"'{run.run.name}' ({run.state})" for run in others[:MAX_NAMED]])
    more = f" and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
    return f"Left out: {named}{more}."


def _finished(runs: Sequence[Figures]) -> list[Figures]:
    return [run for run in runs if run.state == "finished" and run.quality is not None]


def _ranked(finished: Sequence[Figures]) -> list[_Ranked]:
    """Return the cells with the spread of their quality, the best first."""
    spreads = {cell: spread(run.quality for run in of_cell) for cell, of_cell in by_cell(finished).items()}
    ranked = [_Ranked(cell, quality) for cell, quality in spreads.items() if quality is not None]
    by = finished[0].compared_by if finished else ""
    return sorted(ranked, key=lambda entry: (cost(by, entry.quality.mean), entry.cell))


class _Ranked(NamedTuple):
    """A cell with the spread of its quality over seeds."""

    cell: str
    quality: Spread


def recommendation(runs: Sequence[Figures]) -> str:
    """Return which cell to take and whether the difference is significant, by the `quality` of finished runs."""
    if reason := incomparable(runs):
        return reason
    finished = _finished(runs)
    ranked = _ranked(finished)
    if not ranked:
        return "No run has finished yet, so nothing can be recommended."
    unit, best = unit_of(finished[0]), ranked[0]
    if len(ranked) == 1:
        return f"Only {best.cell} has finished ({best.quality.text()} {unit}); there is nothing to compare it with yet."
    single = [entry.cell for entry in ranked[:2] if entry.quality.deviation is None]
    if single:
        second = ranked[1]
        ahead = abs(second.quality.mean - best.quality.mean)
        seeds = "one seed each" if len(single) == 2 else f"one seed of {single[0]}"
        return (
            f"{best.cell} is best with {best.quality.text()} {unit}, {ahead:.3f} "
            f"before {second.cell}; with {seeds}, how much of that is chance is unknown: --seeds 3 would show it."
        )
    return _significance(finished, ranked, unit)


def _significance(finished: Sequence[Figures], ranked: Sequence[_Ranked], unit: str) -> str:
    """Return which cells the best one differs from significantly, and which of the others to take."""
    best = ranked[0]
    differences = {entry.cell: abs(entry.quality.mean - best.quality.mean) for entry in ranked[1:]}
    limits = {entry.cell: least_significant_difference(best.quality, entry.quality) for entry in ranked[1:]}
    behind = {cell: difference for cell, difference in differences.items() if difference > limits[cell]}
    level = [best.cell, *(cell for cell in differences if cell not in behind)]
    if len(level) == 1:
        cell, difference = next(iter(behind.items()))
        return (
            f"Take {best.cell}: {best.quality.text()} {unit}, {difference:.3f} before {cell}, more than seeds explain."
        )
    speeds = {cell: spread(run.tokens_per_second for run in by_cell(finished)[cell]) for cell in level}
    fastest = max(level, key=lambda cell: speed.mean if (speed := speeds[cell]) is not None else 0.0)
    widest = max(differences[cell] for cell in level[1:])
    listed = _listed([f"{cell} by {difference:.3f}" for cell, difference in behind.items()])
    return (
        f"{_listed(level)} do not differ significantly here ({best.cell} leads by {widest:.3f} {unit} at most, within "
        f"what {best.quality.count} seeds vary); {fastest} is the fastest of them, so take that, or give more time or "
        "seeds." + (f" Behind by more than seeds explain: {listed}." if behind else "")
    )


def least_significant_difference(one: Spread, other: Spread) -> float:
    """Return the smallest significant difference of two means over seeds: Welch's t-test at 95 %.

    It is not corrected for the number of comparisons.
    """
    if one.deviation is None or other.deviation is None:
        return math.inf
    parts = one.deviation**2 / one.count, other.deviation**2 / other.count
    error = sum(parts)
    if error == 0:
        return 0.0
    freedom = error**2 / (parts[0] ** 2 / (one.count - 1) + parts[1] ** 2 / (other.count - 1))
    t = T_95[max(1, int(freedom)) - 1] if int(freedom) <= len(T_95) else 2.0
    return t * math.sqrt(error)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def read_snapshots(paths: Sequence[Path]) -> list[RunSnapshot]:
    """Read each run once. Raises UsageError where there is none."""
    if not paths:
        raise UsageError("There is nothing to compare; name two runs or more.")
    return [RunReader(RunFolder(path)).refresh() for path in paths]


def figures_record(one: Figures) -> dict[str, Any]:
    """Return the figures of a run as a JSON object."""
    found = {f.name: getattr(one, f.name) for f in dataclasses.fields(one) if f.name != "run"}
    return {"run": one.run.name, "path": str(one.run.path), **found, "quality": one.quality}
