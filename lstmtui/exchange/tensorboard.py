"""What a run has measured, as event files of TensorBoard.

    train/loss, train/lr ...   scalars of each log interval       valid/nll, valid/perplexity ...   of each evaluation
    gates/layer 1/f            histograms of gate values          sample                            texts

A probe of the saturation says which part of a gate's values lie below, between and above two limits: a histogram of
three buckets. The newest window of activations has every value, and gets forty.
"""

from __future__ import annotations

import itertools
import math
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.common.closing import Closing
from lstmtui.common.files import read_json_lines
from lstmtui.config import CELLS
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.metrics import read_points, read_samples
from lstmtui.runs.probes import read_saturation, read_window
from lstmtui.runs.snapshot import Sample, Saturation, TrainPoint, ValidPoint

MISSING = "TensorBoard's files need the package tensorboardX; install it with: pip install 'lstmtui[tensorboard]'."
BUCKETS = 40
FLUSH_SECONDS = 10
"""Seconds of events that are lost at most where the process is killed."""


def require_package() -> None:
    """Raise UsageError where the package that writes event files is missing."""
    try:
        import tensorboardX  # noqa: F401
    except ImportError:
        raise UsageError(MISSING) from None


class EventLog(Closing):
    """Writes one event file; `close` completes it. Times are Unix seconds."""

    def __init__(self, folder: Path, cell: str, *, purge_step: int | None = None) -> None:
        """Begin a file in `folder`.

        cell          that of the run, which knows the bounds of its gates
        purge_step    TensorBoard drops what other files in the folder have from this step on
        Raises UsageError where the package is missing, OSError.
        """
        require_package()
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(
            str(folder), purge_step=purge_step, flush_secs=FLUSH_SECONDS,
            filename_suffix=f".{secrets.token_hex(4)}",  # the library names a file after the second
        )  # fmt: skip
        self._gates = {gate.name: gate for gate in CELLS[cell].gates}

    def close(self) -> None:
        """Write everything, and end the file."""
        self._writer.close()

    def point(self, point: TrainPoint | ValidPoint, at: float) -> None:
        """Add the figures of a log interval or an evaluation that are finite."""
        is_train = isinstance(point, TrainPoint)
        figures: dict[str, Any] = asdict(point) if isinstance(point, TrainPoint) else dict(point.figures)
        for name, value in figures.items():
            if name != "step" and value is not None and math.isfinite(value):
                self._writer.add_scalar(f"{'train' if is_train else 'valid'}/{name}", value, point.step, at)

    def sample(self, sample: Sample, at: float) -> None:
        """Add a generated text, as it is."""
        indented = "".join(f"    {line}\n" for line in sample.text.splitlines())  # a block of code in Markdown
        self._writer.add_text("sample", indented, sample.step, at)

    def saturation(self, probe: Saturation, at: float) -> None:
        """Add a histogram of three buckets for each gate of each layer."""
        for k in range(len(probe.left)):
            for g, name in enumerate(probe.gates):
                if (bounds := self._bounds(name)) is not None:
                    low, high = self._gates[name].saturates_beyond
                    left, right = float(probe.left[k, g].sum()), float(probe.right[k, g].sum())
                    counts = [left, max(0.0, probe.left.shape[2] - left - right), right]
                    self._histogram(
                        _tag(k, name, probe.layer_names), (bounds[0], low, high, bounds[1]), counts, probe.step, at
                    )

    def window(self, window: dict[str, Any], at: float) -> None:
        """Add a histogram of every value in a window of `runs.probes.read_window`, for each gate of each layer."""
        for k, of_layer in enumerate(window["values"]):
            for name, values in zip(window["gates"], of_layer, strict=True):
                finite = values[np.isfinite(values)].astype(np.float64)
                if finite.size and name in self._gates:
                    counts, edges = np.histogram(finite, BUCKETS, self._bounds(name))
                    tag = f"{_tag(k, name, window['layer_names'])}/newest"
                    self._histogram(tag, edges.tolist(), counts.tolist(), window["step"], at)

    def _bounds(self, name: str) -> tuple[float, float] | None:
        return self._gates[name].bounds if name in self._gates else None

    def _histogram(self, tag: str, edges: Any, counts: list[float], step: int, at: float) -> None:
        middles = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
        total = sum(n * x for n, x in zip(counts, middles, strict=True))
        squares = sum(n * x * x for n, x in zip(counts, middles, strict=True))
        self._writer.add_histogram_raw(
            tag, edges[0], edges[-1], sum(counts), total, squares, list(edges[1:]), counts, step, at
        )


def _tag(layer: int, gate: str, names: tuple[str, ...]) -> str:
    return f"gates/{names[layer] if names else f'layer {layer + 1}'}/{gate}"


def write_events(folder: Path, run: RunFolder) -> None:
    """Write everything that a run has measured into the empty `folder`.

    Raises UsageError where the package is missing, CorruptError for a damaged run, OSError.
    """
    settings = config.load(run.config)
    points = list(read_points(run))
    began = _began(run)
    times = _Times([(point.step, began + point.seconds) for point in points], began)
    with EventLog(folder, settings.network.cell) as log:
        for point in points:
            log.point(point, began + point.seconds)
        for sample in read_samples(run):
            log.sample(sample, times.at(sample.step))
        for probe in read_saturation(run, newest=MAX_PROBES):
            log.saturation(probe, times.at(probe.step))
        if (window := read_window(run)) is not None:
            log.window(window, times.at(window["step"]))


MAX_PROBES = 1000


class _Times:
    """When a step was taken, as far as its neighbours tell."""

    def __init__(self, known: list[tuple[int, float]], began: float) -> None:
        known = sorted(known) or [(0, began)]
        self._steps, self._seconds = zip(*known, strict=True)

    def at(self, step: int) -> float:
        """Return the Unix time of a step."""
        return float(np.interp(step, self._steps, self._seconds))


def _began(run: RunFolder) -> float:
    """Return when the run was started, 0 where that is unknown."""
    events, _ = read_json_lines(run.events)
    found = next((event.get("at") for event in events), 0.0)
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else 0.0
