"""What a screen shows of a run: one frozen snapshot with its points and samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lstmtui import config
from lstmtui.runs.folder import ENDED, RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPoint:
    """Means over one log interval, ending at `step`. Loss in nats per token."""

    step: int
    tokens: int
    seconds: float
    loss: float
    lr: float
    grad_norm: float
    clipped: float
    tokens_per_second: float
    memory_mb: float
    update_ratio: float = float("nan")
    """Norm of the last update divided by that of the weights; NaN in older runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidPoint:
    """One evaluation.

    `nll` is in nats per token; `bits_per_char` is None where the number of characters is unknown; `unknown` is the
    fraction of tokens that are `<unk>`.
    """

    step: int
    seconds: float
    nll: float
    perplexity: float
    bits_per_char: float | None
    best: bool
    unknown: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Text that the model generated at `step`."""

    step: int
    temperature: float
    prompt: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays are neither equal nor unequal
class Saturation:
    """One probe: per layer, gate and unit the fraction of activations below 0.1 (left) and above 0.9 (right).

    For tanh gates: below -0.9 and above 0.9. `left` and `right` are (L, G, H) float32 arrays.
    """

    step: int
    gates: tuple[str, ...]
    left: Any
    right: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot:
    """Everything a screen shows of one run at one moment."""

    run: RunFolder
    state: str
    """One of `folder.STATES`, or "crashed" (the engine died without a last status), or "new" (never started)."""
    message: str = ""
    exit_code: int = 0
    settings: config.RunSettings | None = None
    status: dict[str, Any] = field(default_factory=dict)
    train: tuple[TrainPoint, ...] = ()
    valid: tuple[ValidPoint, ...] = ()
    samples: tuple[Sample, ...] = ()
    events: tuple[dict[str, Any], ...] = ()

    @property
    def step(self) -> int:
        """Steps done."""
        return whole_number(self.status.get("step"))

    @property
    def steps(self) -> int:
        """Steps of the schedule; 0 until it is known."""
        return whole_number(self.status.get("steps"))

    @property
    def seconds_left(self) -> float | None:
        """The forecast of the remaining time; None where it is unknown."""
        value = self.status.get("seconds_left")
        return float(value) if isinstance(value, int | float) else None

    @property
    def best(self) -> ValidPoint | None:
        """The evaluation with the lowest loss."""
        return min(self.valid, key=lambda p: p.nll, default=None)

    @property
    def ended(self) -> bool:
        """Whether no engine works on the run."""
        return self.state in ENDED or self.state in ("crashed", "new")


def whole_number(value: object) -> int:
    """Return `value`, which anyone may have edited, if it is a whole number, else 0."""
    return value if isinstance(value, int) else 0
