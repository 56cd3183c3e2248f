"""Probes of a run: gate saturation by step, and the newest window of activations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lstmtui.common.npz import read_arrays
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.snapshot import Posteriors, Saturation


def read_saturation(run: RunFolder, *, newest: int = 64) -> list[Saturation]:
    """Return the newest saturation probes of one shape, oldest first; damaged ones are skipped."""
    paths = sorted(run.probes.glob("saturation-*.npz"))[-newest:]
    found = [probe for path in paths if (probe := _saturation(path)) is not None]
    return [probe for probe in found if (probe.gates, probe.left.shape) == (found[-1].gates, found[-1].left.shape)]


def _saturation(path: Path) -> Saturation | None:
    stored = read_arrays(path, "step", "gates", "left", "right")
    if stored is None or stored["step"].size != 1 or stored["step"].dtype.kind not in "iu":
        return None
    gates, left, right = tuple(str(gate) for gate in stored["gates"].ravel()), stored["left"], stored["right"]
    if not (left.ndim == right.ndim == 3 and left.shape == right.shape and left.dtype.kind == right.dtype.kind == "f"):
        return None
    if not left.size or left.shape[1] != len(gates):
        return None
    return Saturation(step=int(stored["step"].item()), gates=gates, left=left, right=right)


def read_posteriors(run: RunFolder) -> Posteriors | None:
    """Return the newest posteriors of a recording; None where there are none, or only damaged ones."""
    for path in sorted(run.probes.glob("posteriors-*.npz"), reverse=True):
        if (found := _posteriors(path)) is not None:
            return found
    return None


def _posteriors(path: Path) -> Posteriors | None:
    stored = read_arrays(path, "step", "values", "labels", "reference", "transcript")
    if stored is None or stored["step"].size != 1 or stored["step"].dtype.kind not in "iu":
        return None
    values, labels = stored["values"], tuple(str(label) for label in stored["labels"].ravel())
    if values.ndim != 2 or values.dtype.kind != "f" or not values.size or values.shape[1] != len(labels):
        return None
    texts = [str(stored[name].item()) if stored[name].size == 1 else "" for name in ("reference", "transcript")]
    return Posteriors(int(stored["step"].item()), values, labels, *texts)


def read_window(run: RunFolder) -> dict[str, Any] | None:
    """Return the newest window of activations; None where it is missing or damaged.

    `step`, `gates`, `values` (L, G, T, H) float16 and `tokens` (T,) int32.
    """
    stored = read_arrays(run.probes / "window.npz", "step", "gates", "values", "tokens")
    if stored is None or stored["step"].size != 1 or stored["step"].dtype.kind not in "iu":
        return None
    values, tokens = stored["values"], stored["tokens"]
    gates = tuple(str(gate) for gate in stored["gates"].ravel())
    if not (values.ndim == 4 and values.size and values.dtype.kind == "f" and values.shape[1] == len(gates)):
        return None
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
        return None
    return {"step": int(stored["step"].item()), "gates": gates, "values": values, "tokens": tokens}
