"""Whether a run is healthy: what is wrong with it, the likely cause, and what to change.

judge            the worst that is known of a run, in one or two words and in sentences
advice           the same and what to do about overfitting, for a person
saturation       the fraction of saturated gate values

A run is called sick only where its own figures leave no doubt: a wrong alarm costs more trust than a late one.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lstmtui.config import CELLS
from lstmtui.reports import overfitting
from lstmtui.runs.snapshot import RunSnapshot, TrainPoint

UNKNOWN, GOOD, DOUBTFUL, SICK = "unknown", "good", "doubtful", "sick"
"""Levels of health."""
USUAL_SATURATION = (0.05, 0.8)
"""Saturated fraction of the gate values of good runs, after the first hundred steps.

Measured, like USUAL_UPDATE, over runs of all seven cells with one layer of 64 or 128 units and two of 64, on
Shakespeare and C as characters and on a novel as words, 300 to 500 steps, and over longer ones of translation and
speech: 0.25 to 0.6 for characters, 0.1 to 0.4 for words, 0.05 to 0.15 for translation, up to 0.79 for speech. A
learning rate of 0.1 learns too, with 0.87; with 1 and with 10, all gates are at 0.99 or above within 50 steps.
"""
USUAL_UPDATE = (1e-3, 3e-2)
"""Norm of an update relative to that of the weights, at the peak of the learning rate, in good runs.

1e-3 for translation, 2e-3 to 3e-3 for words, 4e-3 to 1.3e-2 for characters and speech, up to 2.5e-2 in the first 30
steps; 2e-6 with a learning rate of 1e-6.
"""
MIN_STEPS = 20
"""Steps before which a loss says nothing."""
MIN_STEPS_TO_LEARN, MAX_STEPS_TO_LEARN = 200, 2000
"""Steps after which a network that has learnt nothing will hardly begin to: a tenth of all, within these limits."""
MIN_SATURATION = 0.95
"""Saturated fraction, of every gate, from which a network no longer learns through them."""
MIN_UPDATE = 1e-4
"""Relative update, at the peak of the learning rate, below which weights stay what they were."""
MARGIN = 0.1
"""Nats per token by which a loss differs clearly from that of token frequencies."""
MIN_RISE = 0.3
"""Nats per token by which a training loss has clearly risen."""
FEW_UNITS = 8
"""Units of a layer below which the size of the network is the likely limit."""
MIN_GAIN = 0.15
"""The part of the loss of token frequencies that a network of enough units has gained by then: 0.4 is usual."""
POINTS = 3
"""Training points whose median is compared."""
RECIPE_RATES = (2e-3, 12e-3)
"""The learning rates that the recipe chooses, the lowest and the highest."""


@dataclass(frozen=True, slots=True)
class Health:
    """A judgement of one run at one moment."""

    level: str
    """UNKNOWN, GOOD, DOUBTFUL or SICK."""
    word: str
    """A few words for a table: healthy, lr too high."""
    finding: str = ""
    """What was found, in a sentence; empty for a run that is not sick or doubtful."""
    change: str = ""
    """What to change, as the rest of a sentence; empty where that is not known."""

    @property
    def sentences(self) -> list[str]:
        """The finding and what to change."""
        return [part for part in (self.finding, f"To change: {self.change}." if self.change else "") if part]


OVERFITS = "overfits"
TOO_EARLY = Health(UNKNOWN, "too early to say")
HEALTHY = Health(GOOD, "healthy")


def judge(snapshot: RunSnapshot) -> Health:
    """Return the worst that is known of a run."""
    if snapshot.state == "diverged":
        return Health(SICK, "diverged", "The loss became infinite or not a number.", _lower_rate(snapshot))
    if snapshot.settings is None or snapshot.settings.data.purpose == "memory" or not snapshot.train:
        return Health(UNKNOWN, "")
    losses = _losses(snapshot.train)
    found = next(_findings(snapshot, losses), None)
    if found is not None:
        return found
    return HEALTHY if _has_learnt(snapshot, losses) else TOO_EARLY


def advice(snapshot: RunSnapshot) -> list[str]:
    """Return sentences on a run, the last of which proposes a change; empty while too little is known.

    A sick run is not told what would help a good one.
    """
    health = judge(snapshot)
    return health.sentences if health.finding and not health.word.startswith(OVERFITS) else overfitting.advice(snapshot)


def saturation(snapshot: RunSnapshot) -> float | None:
    """Return the saturated fraction of the values of gates with bounds, at the newest probe; None before one."""
    fractions = _saturated_gates(snapshot)
    return statistics.fmean(fractions) if fractions else None


def usual_saturation() -> str:
    """Return the usual range of `saturation` in words."""
    low, high = USUAL_SATURATION
    return f"usual {100 * low:.0f} to {100 * high:.0f} %"


def health_record(snapshot: RunSnapshot) -> dict[str, Any]:
    """Return the judgement and its figures as a JSON object."""
    return {
        **dataclasses.asdict(judge(snapshot)),
        "saturated": saturation(snapshot),
        "update_at_peak": _update_at_peak(snapshot.train),
        "uniform_nll": _uniform(snapshot),
        "unigram_nll": _unigram(snapshot),
    }


# --- findings, the worst first ----------------------------------------------------------------------------------------


def _findings(snapshot: RunSnapshot, losses: Sequence[float]) -> Iterator[Health]:
    if losses and snapshot.step >= MIN_STEPS:
        yield from _above_guessing(snapshot, losses)
        yield from _too_small(snapshot, losses)
    yield from _all_saturated(snapshot)
    if losses and snapshot.step >= MIN_STEPS:
        yield from _learnt_nothing(snapshot, losses)
    yield from _risen(snapshot, losses)
    yield from _overfits(snapshot)


def _above_guessing(snapshot: RunSnapshot, losses: Sequence[float]) -> Iterator[Health]:
    """Find a loss above that of a model that knows no more than which tokens there are, or how frequent they are."""
    uniform, unigram, now = _uniform(snapshot), _unigram(snapshot), losses[-1]
    if uniform is not None and now > uniform + MARGIN:
        what = f"its loss of {now:.2f} is above {uniform:.2f}, that of guessing every token alike"
    elif unigram is not None and min(now, _validation(snapshot)) > unigram + max(2 * MARGIN, 0.1 * unigram):
        what = f"its loss of {now:.2f} is above {unigram:.2f}, that of guessing by the frequencies of tokens"
    else:
        return
    fraction = saturation(snapshot) or 0.0
    gates = f", and {100 * fraction:.0f} % of its gate values are saturated" if fraction > MIN_SATURATION else ""
    yield Health(SICK, "lr too high", f"It does not learn: {what}{gates}.", _lower_rate(snapshot))


def _learnt_nothing(snapshot: RunSnapshot, losses: Sequence[float]) -> Iterator[Health]:
    """Find a loss that stays where the first step began, which is that of token frequencies."""
    unigram = _unigram(snapshot)
    if unigram is None or min(*losses, _validation(snapshot)) < unigram - MARGIN:
        return
    update = _update_at_peak(snapshot.train)
    if update is not None and update < MIN_UPDATE:
        finding = (
            f"It hardly moves: an update is {update:.0e} of the weights ({USUAL_UPDATE[0]:.0e} to "
            f"{USUAL_UPDATE[1]:.0e} is usual), and its loss is still that of guessing by the "
            f"frequencies of tokens, {unigram:.2f}."
        )
        yield Health(SICK, "lr too low", finding, _higher_rate(snapshot))
    elif _has_had_time(snapshot):
        finding = (
            f"After {snapshot.step:,} steps it has learnt nothing: its loss of {losses[-1]:.2f} is that of guessing by "
            f"the frequencies of tokens, {unigram:.2f}."
        )
        yield Health(SICK, "learns nothing", finding)


def _too_small(snapshot: RunSnapshot, losses: Sequence[float]) -> Iterator[Health]:
    """Find a network of a few units that has learnt little more than the frequencies of tokens."""
    unigram, s = _unigram(snapshot), snapshot.settings
    if unigram is None or s is None or s.network.hidden >= FEW_UNITS or not _has_had_time(snapshot):
        return
    if losses[-1] > (1 - MIN_GAIN) * unigram:
        units = f"{s.network.hidden} unit{'s' * (s.network.hidden != 1)} a layer"
        finding = (
            f"It is too small: with {units}, its loss after {snapshot.step:,} steps is {losses[-1]:.2f} nats, where "
            f"guessing by the frequencies of tokens has {unigram:.2f}."
        )
        larger = "a larger network (without --hidden, its size follows from the text)"
        yield Health(SICK, "too small", finding, larger)


def _all_saturated(snapshot: RunSnapshot) -> Iterator[Health]:
    fractions = _saturated_gates(snapshot)
    if fractions and min(fractions) >= MIN_SATURATION:
        finding = (
            f"{100 * statistics.fmean(fractions):.0f} % of all gate values are saturated ({usual_saturation()}): "
            "hardly a gradient passes through a saturated gate."
        )
        yield Health(SICK, "saturated", finding, _lower_rate(snapshot))


def _risen(snapshot: RunSnapshot, losses: Sequence[float]) -> Iterator[Health]:
    if not losses or snapshot.step < MIN_STEPS:
        return
    lowest, valid = min(losses), [point.loss for point in snapshot.valid]
    rises = losses[-1] > lowest + max(MIN_RISE, 0.15 * lowest)
    # A text whose parts differ has a loss that rises and falls; that of validation does not.
    if rises and (not valid or valid[-1] > min(valid) + MARGIN):
        finding = f"Its training loss has risen from {lowest:.2f} to {losses[-1]:.2f} nats."
        yield Health(DOUBTFUL, "loss rises", finding, _lower_rate(snapshot))


def _overfits(snapshot: RunSnapshot) -> Iterator[Health]:
    gap = overfitting.generalisation_gap(snapshot)
    if gap is not None and gap[1].startswith(OVERFITS):
        finding, change = [*overfitting.advice(snapshot), "", ""][:2]
        yield Health(DOUBTFUL, gap[1], finding, change.removeprefix("To change: ").removesuffix("."))


# --- figures of a run -------------------------------------------------------------------------------------------------


def _losses(train: Sequence[TrainPoint]) -> list[float]:
    """Return the medians of POINTS points in a row, which a single bad batch does not change."""
    losses = [point.loss if math.isfinite(point.loss) else math.inf for point in train]
    if len(losses) < POINTS:
        return [statistics.median(losses)] if losses else []
    # Screens judge every run again and again; statistics.median takes three times as long.
    return [sorted(losses[end - POINTS : end])[POINTS // 2] for end in range(POINTS, len(losses) + 1)]


def _has_learnt(snapshot: RunSnapshot, losses: Sequence[float]) -> bool:
    """Return whether a loss is clearly below that of guessing."""
    unigram, uniform = _unigram(snapshot), _uniform(snapshot)
    if not losses or snapshot.step < MIN_STEPS:
        return False
    if unigram is not None:
        return min(losses[-1], _validation(snapshot)) < unigram - MARGIN
    return losses[-1] < 0.7 * uniform if uniform is not None else len(losses) > POINTS and losses[-1] < losses[0]


def _validation(snapshot: RunSnapshot) -> float:
    """Return the newest validation loss; infinity before one is known."""
    value = snapshot.valid[-1].loss if snapshot.valid else math.inf
    return value if math.isfinite(value) else math.inf


def _has_had_time(snapshot: RunSnapshot) -> bool:
    """Return whether a run has taken enough steps to have learnt something."""
    return snapshot.step >= min(MAX_STEPS_TO_LEARN, max(MIN_STEPS_TO_LEARN, snapshot.steps // 10))


def _uniform(snapshot: RunSnapshot) -> float | None:
    """Return the loss in nats of guessing every token alike; None where tokens are not guessed one by one."""
    size = snapshot.status.get("vocabulary")
    purpose = snapshot.settings.data.purpose if snapshot.settings is not None else ""
    known = isinstance(size, int) and size > 1 and purpose in ("text", "autocomplete", "translation")
    return math.log(size) if known and isinstance(size, int) else None


def _unigram(snapshot: RunSnapshot) -> float | None:
    """Return the training loss in nats of guessing by the frequencies of tokens; None where it is not known."""
    value = snapshot.status.get("unigram_nll")
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value > 0 else None


def _saturated_gates(snapshot: RunSnapshot) -> list[float]:
    """Return the saturated fraction of each gate that has bounds."""
    of_gates: Any = snapshot.status.get("saturated")
    cell = CELLS.get(snapshot.settings.network.cell) if snapshot.settings is not None else None
    if not isinstance(of_gates, dict) or cell is None:
        return []
    unbounded = {gate.name for gate in cell.gates if gate.bounds is None}
    found = [value for gate, value in of_gates.items() if gate not in unbounded]
    return [float(value) for value in found if isinstance(value, int | float) and 0 <= value <= 1]


def _update_at_peak(train: Sequence[TrainPoint]) -> float | None:
    """Return the median relative update, as it would be at the highest learning rate so far."""
    peak = max((point.lr for point in train if math.isfinite(point.lr)), default=0.0)
    ratios = [p.update_ratio * peak / p.lr for p in train if p.lr > 0 and math.isfinite(p.update_ratio)]
    return statistics.median(ratios) if ratios else None


# --- changes ----------------------------------------------------------------------------------------------------------


def _lower_rate(snapshot: RunSnapshot) -> str:
    return _rate(snapshot, "lower", 0.1, above=RECIPE_RATES[1])


def _higher_rate(snapshot: RunSnapshot) -> str:
    return _rate(snapshot, "higher", 10.0, below=RECIPE_RATES[0])


def _rate(snapshot: RunSnapshot, word: str, factor: float, *, above: float = 0.0, below: float = math.inf) -> str:
    s = snapshot.settings
    if s is None:
        return ""
    live: Any = snapshot.status.get("live")
    given = live.get("lr") if isinstance(live, dict) else None
    lr = float(given) if isinstance(given, int | float) else s.optimisation.lr
    if s.optimisation.optimizer == "adamw" and above < lr < below:
        low, high = RECIPE_RATES
        return f"a {word} learning rate ({lr:g} now; {low:g} to {high:g} is chosen without --lr)"
    return f"a {word} learning rate ({lr:g} now; --lr {factor * lr:.2g})"
