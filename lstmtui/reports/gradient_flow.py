"""How far gradients reach back in time: the measurements of a run, and a verdict on each.

The loss is that of one prediction. The value at lag k is the gradient with respect to the state of a layer k steps
before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstmtui.common.npz import read_arrays
from lstmtui.runs.folder import RunFolder

PATTERN = "gradient-*.npz"
VANISHED_BELOW = 0.01
"""The fraction of its value at lag 1 below which a gradient has vanished."""
ATTENDED = ("encoder", "rows", "columns")
"""How the names of layers begin whose every step is read by attention, or by layers that are."""
EXPLODED_ABOVE = 100.0
"""The multiple of its value at lag 1 above which a gradient explodes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays are neither equal nor unequal
class Flow:
    """One measurement: means over sequences of the norm over units, in float64, lag 1 first.

    `h`, `c` (L, K): norms of dL/dh and dL/dc; `c` is (L, 0) for cells without a cell state. `half_life` (L, H): steps
    after which a unit has forgotten half of its memory, from the mean of its memory gate; (L, 0) without one.
    """

    step: int
    cell: str
    h: Any
    c: Any
    half_life: Any
    layer_names: tuple[str, ...] = ()
    """The name of each layer, of a network whose layers have names; else they are numbered."""

    @property
    def lags(self) -> int:
        """The largest lag."""
        return int(self.h.shape[1])

    @property
    def layers(self) -> int:
        """The number of layers."""
        return int(self.h.shape[0])

    def name(self, layer: int) -> str:
        """Return the name of a layer, layer 1 or encoder 1 forward."""
        return self.layer_names[layer] if self.layer_names else f"layer {layer + 1}"

    def norms(self, state: str) -> Any:
        """Return `h` or `c`, by name."""
        return self.c if state == "c" else self.h

    def verdict(self, layer: int, state: str) -> Verdict:
        """Return the verdict on one layer and state."""
        norms = self.norms(state)[layer]
        return judge_attended(norms) if self.name(layer).startswith(ATTENDED) else judge(norms)

    def arrays(self) -> dict[str, Any]:
        """Return the arrays of its file."""
        named = {"layer_names": self.layer_names} if self.layer_names else {}
        return {"step": self.step, "cell": self.cell, "h": self.h, "c": self.c, "half_life": self.half_life, **named}


def measurement_files(run: RunFolder) -> list[Path]:
    """Return the files of all measurements, oldest first."""
    return sorted(run.probes.glob(PATTERN))


def read_flows(run: RunFolder, *, newest: int = 64) -> list[Flow]:
    """Return the newest measurements, oldest first; damaged ones are skipped."""
    return [flow for path in measurement_files(run)[-newest:] if (flow := read_flow(path)) is not None]


def read_flow(path: Path) -> Flow | None:
    """Return the measurement in a file; None where it is missing or damaged."""
    stored = read_arrays(path, "step", "cell", "h", "c", "half_life", optional=("layer_names",))
    return None if stored is None else parse_flow(stored)


def parse_flow(stored: Any) -> Flow | None:
    """Return the measurement of a mapping with arrays or lists; None where fields are missing or invalid."""
    import numpy as np

    try:
        arrays = [np.asarray(stored[name]) for name in ("h", "c", "half_life")]
        if any(values.dtype.kind not in "fiu" for values in arrays):
            return None
        h, c, half_life = (values.astype(np.float64) for values in arrays)
        step, cell = int(stored["step"]), str(stored["cell"])
        names = tuple(str(name) for name in stored.get("layer_names", ()))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not (h.ndim == c.ndim == half_life.ndim == 2 and len(h) == len(c) == len(half_life) and h.size):
        return None
    if len(names) not in (0, len(h)):
        return None
    return Flow(step=step, cell=cell, h=h, c=c, half_life=half_life, layer_names=names)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on the norms of one layer and state."""

    kind: str
    """"explodes", "vanishes" or "holds"."""
    reach: int
    """The largest lag up to which at least VANISHED_BELOW of lag 1 remains."""
    words: str

    @property
    def short(self) -> str:
        """The verdict in three words."""
        return f"vanishes after {format_steps(self.reach)}" if self.kind == "vanishes" else self.kind


def judge(norms: Any) -> Verdict:
    """Judge the norms (K,) of one layer and state, lag 1 first."""
    values = [float(v) for v in norms]
    first, last, lags = values[0], values[-1], len(values)
    if not all(math.isfinite(v) for v in values):
        bad = next(k for k, v in enumerate(values, 1) if not math.isfinite(v))
        return Verdict("explodes", lags, f"explodes: no longer a number at lag {bad}")
    if first <= 0:
        return Verdict("vanishes", 0, "vanishes: nothing arrives at all")
    highest = max(values)
    reach = next((k for k, v in enumerate(values) if v < VANISHED_BELOW * first), lags)
    if highest > EXPLODED_ABOVE * first:
        at = values.index(highest) + 1
        return Verdict("explodes", reach, f"explodes: {highest / first:,.0f} times lag 1 at lag {at}")
    if reach < lags:
        return Verdict(
            "vanishes", reach, f"vanishes: below 1 % after {format_steps(reach)}, {_part(last / first)} at lag {lags}"
        )
    return Verdict("holds", reach, f"holds: {_part(last / first)} of lag 1 still arrives from lag {lags}")


def judge_attended(norms: Any) -> Verdict:
    """Judge the norms (K,) of a layer whose every step is read by attention, lag 1 first.

    Gradients enter at each step, so that lag 1 is no measure: what arrives is compared with the largest of all.
    """
    values = [float(v) for v in norms]
    highest, lags = max(values), len(values)
    if not all(math.isfinite(v) for v in values) or highest <= 0:
        return judge(norms)
    at = values.index(highest) + 1
    reach = max(k for k, v in enumerate(values, 1) if v >= VANISHED_BELOW * highest)
    if reach < lags:
        return Verdict("vanishes", reach, f"vanishes: below 1 % of the largest (lag {at}) after {format_steps(reach)}")
    if at == lags:
        return Verdict("holds", reach, f"holds: the largest of all arrives from lag {lags}")
    part = _part(values[-1] / highest)
    return Verdict("holds", reach, f"holds: {part} of the largest (lag {at}) still arrives from lag {lags}")


def _part(share: float) -> str:
    if share <= 0:
        return "nothing"
    return f"{share:.0e}" if share < 0.0005 else f"{100 * share:.2g} %" if share < 1 else f"{share:.1f} times"


def format_steps(count: float) -> str:
    """Return a number of steps as text."""
    if count >= 10_000:
        return "over 10,000 steps"
    shown = f"{count:,.0f}" if count >= 10 or float(count).is_integer() else f"{count:.1f}"
    return f"{shown} step{'s' * (shown != '1')}"


def describe_half_life(half_life: Any) -> str:
    """Return the half-lives (H,) of one layer as text; empty for a cell without a memory gate."""
    import numpy as np

    if not half_life.size:
        return ""
    middle, long = np.percentile(half_life, (50, 90))
    return f"half-life {format_steps(middle)}, and {format_steps(long)} or more in the longest tenth"
