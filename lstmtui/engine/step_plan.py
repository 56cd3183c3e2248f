"""How many steps a run takes: by its settings, or from a measured speed where time was asked for; and written down."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from lstmtui.common.files import NUMBER, NUMBER_OR_NONE, FormatError, check_types, read_json, to_json, write_atomically
from lstmtui.config import RunSettings
from lstmtui.engine.nn.schedule import Turn
from lstmtui.errors import CorruptError
from lstmtui.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Plan:
    """The schedule is a function of the step, and this is its length."""

    steps: int
    """As it was planned first."""
    corpus: str
    """Digest of the tokenised corpus; a resume on another text would not be the same run."""
    seconds_per_step: float | None = None
    """What minutes were turned into steps with."""
    seconds: float | None = None
    """What was left of the minutes before the first step, last figures included."""
    turns: tuple[Turn, ...] = ()
    """Where the clock had the steps chosen anew (`lstmtui.engine.training.time_budget`)."""

    @property
    def total(self) -> int:
        """How many steps are to be taken, as far as is known now."""
        return self.turns[-1].steps if self.turns else self.steps

    def ending_at(self, steps: int) -> Plan:
        """Return a plan of so many steps with the same beginning."""
        if not self.turns:
            return replace(self, steps=steps)
        return replace(self, turns=(*self.turns[:-1], self.turns[-1]._replace(steps=steps)))


def stored(run: RunFolder) -> Plan | None:
    """Return the run's plan, or None when none was made yet. Raises CorruptError for one that cannot be read."""
    raw = read_json(run.plan)
    if raw is None:
        return None
    raw = {"seconds_per_step": None, "seconds": None, "turns": [], **raw}  # older plans lack some
    try:
        check_types(raw, _TYPES)
        turns = tuple(_turn(turn) for turn in raw.pop("turns"))
        return Plan(**raw, turns=turns)
    except (FormatError, TypeError) as error:
        raise CorruptError(f"{run.plan} is damaged; the run cannot go on as it began.") from error


_TYPES = {
    "steps": (int,), "corpus": (str,), "seconds_per_step": NUMBER_OR_NONE, "seconds": NUMBER_OR_NONE, "turns": (list,),
}  # fmt: skip


def _turn(stored: Any) -> Turn:
    if not isinstance(stored, list) or len(stored) != len(Turn._fields):
        raise FormatError("a turn is of a wrong type")
    turn = Turn(*stored)
    check_types(turn._asdict(), {"step": (int,), "behind": NUMBER, "steps": (int,)})
    return turn


def store(run: RunFolder, plan: Plan) -> None:
    """Write plan.json. Raises OSError."""
    write_atomically(run.plan, to_json(asdict(plan)).encode())


def steps_for(s: RunSettings, *, windows: int) -> int | None:
    """Return the number of steps where it follows from the settings; None where time decides."""
    if s.length.steps is not None:
        return s.length.steps
    if s.length.epochs is not None:
        return max(1, round(s.length.epochs * windows))
    return None


def steps_that_fit(seconds: float, *, step: float, evaluation: float, eval_every: int, final: float) -> int:
    """Return how many steps fit `seconds`, given those of a step, of an evaluation on the way, and of the last one."""
    return max(1, int((seconds - final) / (step + evaluation / eval_every)))


def median_seconds(action: Any, *, at_least: float = 1.0, max_calls: int = 50) -> float:
    """Return the median seconds of `action()`, called for about `at_least` seconds, at most `max_calls` times."""
    times: list[float] = []
    while sum(times) < at_least and len(times) < max_calls:
        begun = time.perf_counter()
        action()
        times.append(time.perf_counter() - begun)
    return sorted(times)[len(times) // 2]
