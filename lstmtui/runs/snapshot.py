"""What a screen shows of a run: one frozen snapshot with its points and samples."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lstmtui import config
from lstmtui.runs.folder import ENDED, RunFolder

LANGUAGE_FIGURE = "nll"
"""The figure that decides among the evaluations of a language model, and of any whose record names none."""
RISING_FIGURES = frozenset(("bleu", "cider", "concept_f1", "exact", "f1"))
"""Figures of which the highest is the best; of any other, the lowest is."""


def cost(figure: str, value: float) -> float:
    """Return the value of a figure such that lower is better."""
    return -value if figure in RISING_FIGURES else value


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
    processors: float = float("nan")
    """Processors that were busy with it, as many as threads at best; NaN in older runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidPoint:
    """One evaluation: its figures by name, whatever the task calls them, and which of them decides."""

    step: int
    seconds: float
    best: bool
    figures: Mapping[str, float | None]
    """Of a language model: nll in nats per token, perplexity, bits_per_char (None where the number of characters is
    unknown) and unknown, the fraction of tokens that are `<unk>`."""
    decides: str = LANGUAGE_FIGURE
    """The figure that says which weights are the best."""

    @property
    def value(self) -> float:
        """The figure that decides."""
        value = self.figures.get(self.decides)
        return float("nan") if value is None else value

    @property
    def cost(self) -> float:
        """The figure that decides, such that lower is better."""
        return cost(self.decides, self.value)

    @property
    def is_language(self) -> bool:
        """Whether there are figures of predicted tokens: nats per token and perplexity."""
        return self.figures.get(LANGUAGE_FIGURE) is not None

    @property
    def loss(self) -> float:
        """Nats per token; of a task without them the figure that decides."""
        value = self.figures.get(LANGUAGE_FIGURE)
        return self.value if value is None else value

    @property
    def perplexity(self) -> float:
        """Per token; NaN where there is none."""
        value = self.figures.get("perplexity")
        return float("nan") if value is None else value

    @property
    def bits_per_char(self) -> float | None:
        """None where the number of characters is unknown."""
        return self.figures.get("bits_per_char")

    @property
    def bleu(self) -> float | None:
        """Of translations of validation sources; None for another task."""
        return self.figures.get("bleu")

    @property
    def wer(self) -> float | None:
        """The error rate of words in transcripts of validation recordings; None for another task."""
        return self.figures.get("wer")

    @property
    def cer(self) -> float | None:
        """That of characters."""
        return self.figures.get("cer")

    @property
    def f1(self) -> float | None:
        """The word F1 of captions of validation pictures, 1 is the best; None for another task."""
        return self.figures.get("f1")

    @property
    def unknown(self) -> float:
        """The fraction of tokens that are `<unk>`."""
        return self.figures.get("unknown") or 0.0

    def record(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"step": self.step, "seconds": self.seconds, **self.figures, "best": self.best}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Text that the model generated at `step`."""

    step: int
    temperature: float
    prompt: str
    text: str
    surprise: tuple[tuple[int, float], ...] = ()
    """Characters and bits of each token of the text, in order: -log2 of the probability that the network gave it.
    Empty for older samples, and for tasks other than text."""
    copied: tuple[int, int] | None = None
    """Where the longest passage of the training text begins in the text, and its characters; None without one."""
    usual: float | None = None
    """Characters that unseen text of this length shares with the training text; None where it is unknown."""


QUANTILES = (0.0, 0.0668, 0.1587, 0.3085, 0.5, 0.6915, 0.8413, 0.9332, 1.0)
"""Those of the values of a gate: of a normal distribution, half a standard deviation apart, and both ends."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays are neither equal nor unequal
class Saturation:
    """One probe: per layer, gate and unit the fraction of activations below 0.1 (left) and above 0.9 (right).

    For tanh gates: below -0.9 and above 0.9. `left` and `right` are (L, G, H) float32 arrays.
    """

    step: int
    gates: tuple[str, ...]
    left: Any
    right: Any
    layer_names: tuple[str, ...] = ()
    """The name of each layer, of a network whose layers have names; else they are numbered."""
    quantiles: Any = None
    """(L, G, Q) float32, QUANTILES of the values of a gate over units, sequences and steps; None in older runs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttentionProbe:
    """What each target token of one pair of sentences read of its source at `step`; the same pair in all of a run."""

    step: int
    source: tuple[str, ...]
    target: tuple[str, ...]
    """The tokens of both sides, with their ends."""
    weights: Any
    """(target, source) float32 between 0 and 1; each row adds up to 1."""
    part: str = "validation"
    """What the pair is of: "validation", or "training" in a run without validation pairs."""


@dataclass(frozen=True, slots=True, eq=False)
class Posteriors:
    """What a speech model makes of one recording: the probability of each label at each step."""

    step: int
    values: Any
    """(T, V)"""
    labels: tuple[str, ...]
    """The text of each, the first the empty one of the blank."""
    reference: str
    transcript: str


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
        """The best evaluation by the figure that decides."""
        return best_of(self.valid)

    @property
    def final(self) -> ValidPoint | None:
        """The figures of the best weights on validation data once a run has finished; None before."""
        result = self.status.get("result")
        figures = result.get("valid") if isinstance(result, dict) else None
        if self.state != "finished" or not isinstance(figures, dict):
            return None
        best = self.best or ValidPoint(step=self.step, seconds=0.0, best=True, figures={})
        known = {name: v for name, v in figures.items() if name not in ("tokens", "whole")}
        numbers = {name: float(v) for name, v in known.items() if isinstance(v, int | float) and math.isfinite(v)}
        return dataclasses.replace(best, figures=numbers) if best.decides in numbers else None

    @property
    def result(self) -> ValidPoint | None:
        """The figures by which a run is compared: the final ones, and before they are known those of the best step."""
        return self.final or self.best

    @property
    def evaluated_part(self) -> tuple[int, int] | None:
        """How many validation tokens an evaluation during training reads, and of how many; None where it reads all."""
        whole, s = self.status.get("valid_tokens"), self.settings
        part = s.run.eval_tokens if s is not None else 0
        return (part, whole) if isinstance(whole, int) and 0 < part < whole else None

    @property
    def ended(self) -> bool:
        """Whether no engine works on the run."""
        return self.state in ENDED or self.state in ("crashed", "new")


def best_of(points: Sequence[ValidPoint]) -> ValidPoint | None:
    """Return the best evaluation of a run; None of none.

    Those whose figure is another than that of the newest, as in a run that began in an older version, do not count.
    """
    return min((p for p in points if p.decides == points[-1].decides), key=lambda p: p.cost, default=None)


def whole_number(value: object) -> int:
    """Return `value`, which anyone may have edited, if it is a whole number, else 0."""
    return value if isinstance(value, int) else 0
