"""Progress of a run: the state stored in a checkpoint beside tensors, so that resuming is exact."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from lstmtui import config
from lstmtui.common.files import NUMBER, NUMBER_OR_NONE, FormatError, check_types
from lstmtui.engine.checkpoint import Checkpoint
from lstmtui.errors import CorruptError, UsageError
from lstmtui.runs.snapshot import LANGUAGE_FIGURE, cost

MAX_ANCHORS = 2
"""Maximum number of checkpoints reserved for rollbacks."""


@dataclass(slots=True)
class Interval:
    """Sums over the steps since the last line of metrics."""

    steps: int = 0
    loss: float = 0.0
    norm: float = 0.0
    clipped: int = 0

    def add(self, loss: float, norm: float, clipped: bool) -> None:
        self.steps += 1
        self.loss += loss
        self.norm += norm
        self.clipped += clipped


@dataclass(slots=True)
class Progress:
    """Counters of the training loop."""

    step: int = 0
    """Steps taken."""
    tokens: int = 0
    """Tokens trained on."""
    seconds: float = 0.0
    """Seconds of all steps, summed over all engines of the run."""
    elapsed: float = 0.0
    """Seconds of the training loop, including evaluations and saves, without pauses."""
    evaluated: int = -1
    """The step of the last evaluation."""
    decides: str = ""
    """The name of the decisive figure; empty before the first evaluation."""
    best_value: float = math.inf
    """The decisive figure at `best_step`; infinite before there is one."""
    best_step: int = -1
    worse: int = 0
    """Evaluations since the best."""
    lr_scale: float = 1.0
    """Halved by each rollback."""
    rollbacks: int = 0
    live: dict[str, Any] = field(default_factory=dict)
    """Settings changed during training."""
    changes: list[tuple[str, Any]] = field(default_factory=list)
    """Changed settings with their previous values, the newest last, for undo."""
    anchors: list[int] = field(default_factory=list)
    """Steps of the checkpoints reserved for rollbacks, the newest first; evaluations choose them."""
    shift: int = 0
    """Offset of the task's data position after changes of the window length."""
    reached: bool = False
    """Whether the task was learnt at the last evaluation, which ends the run."""
    interval: Interval = field(default_factory=Interval)

    def anchor(self) -> None:
        """Reserve this step for rollbacks, along with the previous one."""
        self.anchors = [self.step, *(step for step in self.anchors if step != self.step)][:MAX_ANCHORS]

    def judge(self, values: Mapping[str, float | None], decides: str, *, reached: bool = False) -> bool:
        """Take the figures of an evaluation at this step, and return whether they are the best so far.

        decides   the figure that decides in a run that has not been evaluated yet; one that began before checkpoints
                  named it goes on with nats, where there are any
        reached   whether the task is learnt
        """
        if not self.decides:
            began = self.best_step >= 0 and LANGUAGE_FIGURE in values
            self.decides = LANGUAGE_FIGURE if began else decides
        value = values[self.decides]
        assert value is not None
        best = math.inf if self.best_step < 0 else cost(self.decides, self.best_value)
        better = reached or cost(self.decides, value) < best
        self.worse, self.reached = 0 if better else self.worse + 1, reached
        if better:
            self.best_value, self.best_step = value, self.step
        return better

    def returned_to(self, then: Progress) -> Progress:
        """Return the progress after returning to `then`; later live changes remain in force.

        Only the window length is restored, because the position in the text depends on it.
        """
        window = {"bptt": then.live["bptt"]} if "bptt" in then.live else {}
        return replace(
            then,
            live={**{key: value for key, value in self.live.items() if key != "bptt"}, **window},
            changes=[change for change in self.changes if change[0] != "bptt"],
            lr_scale=self.lr_scale,
            rollbacks=self.rollbacks,
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Progress:
        """Undo `as_dict` after JSON, which has no infinity. Raises FormatError for invalid data."""
        check_types(stored, {"seconds": NUMBER, "best_step": (int,)})
        best = [stored["best_step"]] if stored["best_step"] >= 0 else []
        if "best_nll" in stored:  # of a checkpoint that did not name its figure
            stored = {"best_value": stored["best_nll"], **stored}
        # Fields that older checkpoints lack.
        defaults: dict[str, Any] = {
            "changes": [],
            "decides": "",
            "shift": 0,
            "elapsed": stored["seconds"],
            "anchors": best,
            "reached": False,
        }
        values = {**defaults, **stored}
        check_types(values, _TYPES)
        check_types(values["interval"], _INTERVAL_TYPES)
        _check_numbers(values)
        _check_numbers(values["interval"])
        values["interval"] = Interval(**{name: values["interval"][name] for name in _INTERVAL_TYPES})
        values["live"] = {key: _live(key, value) for key, value in values["live"].items()}
        values["changes"] = [_change(change) for change in values["changes"]]
        if not all(type(step) is int and 0 <= step <= MAX_COUNT for step in values["anchors"]):
            raise FormatError("'anchors' is of a wrong type")
        if values["best_value"] is None:
            values["best_value"] = math.inf
        return cls(**{f.name: values[f.name] for f in fields(cls)})


_TYPES: dict[str, tuple[type, ...]] = {
    "step": (int,), "tokens": (int,), "seconds": NUMBER, "elapsed": NUMBER, "evaluated": (int,),
    "decides": (str,), "best_value": NUMBER_OR_NONE, "best_step": (int,),
    "worse": (int,), "lr_scale": NUMBER, "rollbacks": (int,),
    "live": (dict,), "changes": (list,), "anchors": (list,), "shift": (int,), "interval": (dict,),
    "reached": (bool,),
}  # fmt: skip
_INTERVAL_TYPES: dict[str, tuple[type, ...]] = {"steps": (int,), "loss": NUMBER, "norm": NUMBER, "clipped": (int,)}


MAX_COUNT = 1 << 53
"""Upper bound of all counters; larger integers are not exact as floats."""
_MINIMUMS = {"step": 0, "tokens": 0, "worse": 0, "rollbacks": 0, "steps": 0, "evaluated": -1, "best_step": -1}


def _check_numbers(values: dict[str, Any]) -> None:
    """Raise FormatError for a number outside the range of a run."""
    for name, value in values.items():
        if isinstance(value, int | float) and not _MINIMUMS.get(name, -MAX_COUNT) <= value <= MAX_COUNT:
            raise FormatError(f"'{name}' is out of range")


def progress_from(source: Checkpoint) -> Progress:
    """Return the progress in a checkpoint. Raises CorruptError if it is incomplete."""
    try:
        check_types(source.about, {"progress": (dict,), "offsets": (dict,)})
        offsets = source.about["offsets"]
        check_types(offsets, dict.fromkeys(offsets, (int,)))
        progress = Progress.from_dict(source.about["progress"])
        if progress.step != source.step or not all(0 <= size <= MAX_COUNT for size in offsets.values()):
            raise FormatError("its parts do not agree")
    except FormatError as error:
        raise CorruptError(
            f"The checkpoint of step {source.step} is incomplete, so the run cannot continue ({error})."
        ) from error
    return progress


def _live(key: str, value: Any) -> Any:
    """Return the stored value of a setting, checked."""
    if key not in config.LIVE:
        raise FormatError(f"'{key}' cannot be changed while a run trains")
    try:
        return config.convert(key, value, "progress")
    except UsageError as error:
        raise FormatError(str(error)) from error


def _change(stored: Any) -> tuple[str, Any]:
    if not isinstance(stored, list) or len(stored) != 2 or not isinstance(stored[0], str):
        raise FormatError("'changes' is of a wrong type")
    return stored[0], _live(*stored)
