"""One run for other programs: its settings and metrics, and what its network computes over a text.

import lstmtui

with lstmtui.Run.load("diary") as run:
    run.train["loss"]                       # NumPy arrays
    run.evaluate("Dear Anna, ...")
    run.read("Dear ").layers[0].gates["f"]  # (N, H)
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from lstmtui.client.model import Model
from lstmtui.common.closing import Closing
from lstmtui.errors import UsageError
from lstmtui.runs.metrics import read_points, read_samples
from lstmtui.runs.snapshot import RunSnapshot, Sample, TrainPoint, ValidPoint

if TYPE_CHECKING:
    from lstmtui.config import RunSettings
    from lstmtui.runs.folder import RunFolder

Columns = dict[str, NDArray[Any]]
"""Arrays of one length, by name."""


@dataclass(frozen=True, slots=True, eq=False)  # arrays are neither equal nor unequal
class LayerReading:
    """What one layer computed while it read N tokens."""

    name: str
    """Such as "layer 1", or "encoder 1 forward" of a translation."""
    pieces: tuple[str, ...]
    """The tokens that it read, as text."""
    bits: NDArray[np.float64]
    """(N,) the surprise of each token; NaN where a token is not predicted."""
    gates: Mapping[str, NDArray[np.float16]]
    """(N, H) each: the gates after their nonlinearity."""
    states: Mapping[str, NDArray[np.float16]]
    """(N, H) each: h, and the cell's memories, such as c."""


@dataclass(frozen=True, slots=True, eq=False)
class TextReading:
    """What the network computed while it read a text."""

    layers: tuple[LayerReading, ...]
    cut: bool
    """Whether the text was longer than what is read at once, and its rest was left out."""

    @property
    def pieces(self) -> tuple[str, ...]:
        """The tokens of the first layer, as text."""
        return self.layers[0].pieces

    @property
    def bits(self) -> NDArray[np.float64]:
        """(N,) the surprise of each of them; NaN for the first."""
        return self.layers[0].bits


class Run(Closing):
    """A run: what it was started with, what it has measured, and its network.

    Settings, metrics and samples are read from the run folder when they are first asked for; `refresh` reads them
    again. The network is loaded, in a process of its own, when it is first asked for; `close` ends that process.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        """The paths of its files."""
        self._model: Model | None = None

    @classmethod
    def load(cls, run: str | Path, *, runs_dir: str | Path | None = None) -> Self:
        """Find a run by its name, 'latest' or the path of its folder.

        Raises UsageError for a run that does not exist, CorruptError for a damaged one.
        """
        from lstmtui import config
        from lstmtui.runs.listing import run_named

        folder = run_named(run, runs_dir)
        config.load(folder.config)  # raises for a damaged run
        return cls(folder)

    def __repr__(self) -> str:
        return f"<lstmtui.Run {self.name!r}, {self.state}, step {self.step}>"

    def close(self) -> None:
        """End the process of the network; the next question starts it again."""
        if self._model is not None:
            self._model.close()
            self._model = None

    def refresh(self) -> None:
        """Read settings, metrics and samples again when they are next asked for, as of a run that trains."""
        for name in ("snapshot", "train", "evaluations", "samples"):
            self.__dict__.pop(name, None)

    # --- what the run folder has ----------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.folder.name

    @cached_property
    def snapshot(self) -> RunSnapshot:
        """What the screens show of the run; its series are thinned, those of this class are not."""
        from lstmtui.runs.reader import RunReader

        return RunReader(self.folder).refresh()

    @property
    def settings(self) -> RunSettings:
        """Every setting, resolved and grouped: `settings.network.hidden`, or `settings.value("hidden")`."""
        assert self.snapshot.settings is not None  # `load` has read them
        return self.snapshot.settings

    @property
    def state(self) -> str:
        """Such as "training" or "finished"; "crashed" where the engine died, "new" where it never started."""
        return self.snapshot.state

    @property
    def step(self) -> int:
        """Steps done."""
        return self.snapshot.step

    @cached_property
    def train(self) -> Columns:
        """A float64 array for each figure of a log interval, `step` and `tokens` int64; NaN where one is missing.

        `step`, `tokens`, `seconds`, `loss` (nats per token), `lr`, `grad_norm`, `clipped` (fraction of steps),
        `tokens_per_second`, `memory_mb`, `update_ratio`, `processors`.
        """
        points = [point for point in read_points(self.folder) if isinstance(point, TrainPoint)]
        return {f.name: _column(f.name, (getattr(point, f.name) for point in points)) for f in fields(TrainPoint)}

    @cached_property
    def evaluations(self) -> Columns:
        """The same of the evaluations: `step`, `seconds`, `best` (bool), and every figure of the task.

        Of a language model `nll` (nats per token), `perplexity`, `bits_per_char` and `unknown`.
        """
        points = [point for point in read_points(self.folder) if isinstance(point, ValidPoint)]
        names = dict.fromkeys(["step", "seconds", *(name for point in points for name in point.figures), "best"])
        records = [point.record() for point in points]
        return {name: _column(name, (record.get(name) for record in records)) for name in names}

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """Every text that the network generated during training, oldest first."""
        return tuple(read_samples(self.folder))

    # --- what the network computes --------------------------------------------------------------------------------

    @property
    def model(self) -> Model:
        """The network in its process, for everything that `lstmtui.Completer` can do.

        Raises UsageError for a run that has no checkpoint yet or was trained for something else, CorruptError for a
        damaged checkpoint.
        """
        if self._model is None or not self._model.alive:
            self._model = Model(self.folder)
        return self._model

    def evaluate(self, text: str) -> dict[str, Any]:
        """Return how well the network predicts `text`: `nll` (nats per token), `perplexity`, `bits_per_char`, `tokens`.

        Raises UsageError for an empty text, or one of a single token.
        """
        if not text:
            raise UsageError("An empty text cannot be evaluated; give some hundred characters or more.")
        with tempfile.TemporaryDirectory(prefix="lstmtui-") as folder:
            path = Path(folder, "text.txt")
            path.write_bytes(text.encode("utf-8", "replace"))
            return self.model.ask("evaluate", files=[str(path)])

    def read(self, text: str = "") -> TextReading:
        """Return the gates and states of every layer while the network reads `text`, some thousand tokens at most.

        Without a text, the beginning of the run's validation text is read. A run trained for translation takes lines of
        source, tab and target. Raises UsageError.
        """
        about = self.model.ask("inspect", text=text)
        return TextReading(tuple(self._layer(about, text, k) for k in range(about["layers"])), about["cut"])

    def _layer(self, about: dict[str, Any], text: str, k: int) -> LayerReading:
        side = about["sides"][about["reads"][k]] if "sides" in about else about
        bits = np.array([np.nan if value is None else value for value in side["bits"]])
        values = {part: self._values(text, k, part) for part in about["parts"]}
        states = {part: array for part, array in values.items() if part not in about["gates"] or part == "h"}
        gates = {part: values[part] for part in about["gates"]}
        name = about["layer_names"][k] if "layer_names" in about else f"layer {k + 1}"
        return LayerReading(name, tuple(side["pieces"]), bits, gates, states)

    def _values(self, text: str, layer: int, part: str) -> NDArray[np.float16]:
        answer = self.model.ask("inspect_values", text=text, layer=layer, part=part)
        return np.frombuffer(base64.b64decode(answer["values"]), np.float16).reshape(answer["shape"])

    def gates(self, text: str = "") -> tuple[Mapping[str, NDArray[np.float16]], ...]:
        """Return the gates of each layer over `text`, {name: (N, H)}; see `read`."""
        return tuple(layer.gates for layer in self.read(text).layers)

    def states(self, text: str = "") -> tuple[Mapping[str, NDArray[np.float16]], ...]:
        """Return the states of each layer over `text`, {name: (N, H)}; see `read`."""
        return tuple(layer.states for layer in self.read(text).layers)


def _column(name: str, values: Iterable[Any]) -> NDArray[Any]:
    if name == "best":
        return np.array(list(values), bool)
    if name in ("step", "tokens"):
        return np.array(list(values), np.int64)
    return np.array([np.nan if value is None else value for value in values], np.float64)
