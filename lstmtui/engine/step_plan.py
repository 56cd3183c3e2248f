"""The plan of a run, stored in plan.json: its number of steps, from the settings or from a measured speed."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from lstmtui.common.files import NUMBER, NUMBER_OR_NONE, FormatError, check_types, read_json, to_json, write_atomically
from lstmtui.common.schedule import Turn
from lstmtui.config import RunSettings
from lstmtui.errors import CorruptError
from lstmtui.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Plan:
    """The length of the schedule, which is a function of the step."""

    steps: int
    """Number of steps first planned."""
    corpus: str
    """Digest of the tokenised corpus; a resumed run must have the same."""
    seconds_per_step: float | None = None
    """Measured seconds of a step, for a run with a time budget."""
    seconds: float | None = None
    """Remaining time budget before the first step, including the final evaluation."""
    turns: tuple[Turn, ...] = ()
    """Changes of the number of steps during training (`lstmtui.engine.training.time_budget`)."""

    @property
    def total(self) -> int:
        """The number of steps planned at present."""
        return self.turns[-1].steps if self.turns else self.steps

    def ending_at(self, steps: int) -> Plan:
        """Return a plan of `steps` steps with the same turns before."""
        if not self.turns:
            return replace(self, steps=steps)
        return replace(self, turns=(*self.turns[:-1], self.turns[-1]._replace(steps=steps)))


def stored(run: RunFolder) -> Plan | None:
    """Return the run's plan, None if it has none yet. Raises CorruptError for a damaged plan."""
    raw = read_json(run.plan)
    if raw is None:
        return None
    raw = {"seconds_per_step": None, "seconds": None, "turns": [], **raw}  # absent in older plans
    try:
        check_types(raw, _TYPES)
        turns = tuple(_turn(turn) for turn in raw.pop("turns"))
        return Plan(**raw, turns=turns)
    except (FormatError, TypeError) as error:
        raise CorruptError(f"{run.plan} is damaged; the run cannot continue as planned.") from error


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
    """Return the number of steps from the settings; None for a time budget."""
    if s.length.steps is not None:
        return s.length.steps
    if s.length.epochs is not None:
        return max(1, round(s.length.epochs * windows))
    return None


def steps_that_fit(seconds: float, *, step: float, evaluation: float, eval_every: int, final: float) -> int:
    """Return the number of steps that fit `seconds`, given the seconds of a step, an evaluation and the final one."""
    return max(1, int((seconds - final) / (step + evaluation / eval_every)))


def median_seconds(action: Any, *, at_least: float = 1.0, max_calls: int = 50) -> float:
    """Return the median seconds of `action()`, called for about `at_least` seconds, at most `max_calls` times."""
    times: list[float] = []
    while sum(times) < at_least and len(times) < max_calls:
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]
