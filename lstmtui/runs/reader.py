"""What a viewer sees of a run: one frozen snapshot, made by reading a bounded piece of the folder at a time."""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.common.files import parsed, read_json, read_lines
from lstmtui.common.npz import read_arrays
from lstmtui.common.opening import open_to_read
from lstmtui.errors import CorruptError, LstmtuiError
from lstmtui.runs.folder import ENDED, RunFolder, check, engine_alive


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
    """Length of the last update beside that of the weights; NaN in older runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidPoint:
    """One evaluation. `nll` in nats per token; `bits_per_char` None where tokens cannot be told in characters;
    `unknown` is the part of the tokens that are `<unk>`."""

    step: int
    seconds: float
    nll: float
    perplexity: float
    bits_per_char: float | None
    best: bool
    unknown: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Text the model wrote at `step`."""

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
    """Everything a screen shows of one run, as it was at one moment."""

    run: RunFolder
    state: str
    """One of `folder.STATES`, or "crashed" (the engine died without saying so), or "new" (never started)."""
    message: str = ""
    exit_code: int = 0
    settings: config.Settings | None = None
    status: dict[str, Any] = field(default_factory=dict)
    train: tuple[TrainPoint, ...] = ()
    valid: tuple[ValidPoint, ...] = ()
    samples: tuple[Sample, ...] = ()
    events: tuple[dict[str, Any], ...] = ()

    @property
    def step(self) -> int:
        return _whole(self.status.get("step"))

    @property
    def steps(self) -> int:
        """Steps of the whole schedule; 0 until it is known."""
        return _whole(self.status.get("steps"))

    @property
    def seconds_left(self) -> float | None:
        value = self.status.get("seconds_left")
        return float(value) if isinstance(value, int | float) else None

    @property
    def best(self) -> ValidPoint | None:
        return min(self.valid, key=lambda p: p.nll, default=None)

    @property
    def ended(self) -> bool:
        return self.state in ENDED or self.state in ("crashed", "new")


def _whole(value: object) -> int:
    """Return a whole number from a file that anyone may have edited; 0 for anything else."""
    return value if isinstance(value, int) else 0


MOST = float(1 << 53)
"""No count of a run is larger; whole numbers beyond it cannot be told from each other as floats."""


MAX_FLOAT = 3.5e38
"""No figure is larger, since all are computed from single precision; arithmetic with larger ones would overflow."""


def _usable(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without the numbers that nothing can be done with: NaN, infinite, beyond MOST."""
    return {k: v for k, v in record.items() if not isinstance(v, int | float) or -MOST <= v <= MOST}


_STATUS_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("step", "steps", "pid", "exit_code", "parameters", "vocabulary", "tokens"), (int,)),
    "valid_tokens": (int,),
    **dict.fromkeys(("epoch", "seconds", "seconds_left", "steps_per_second", "tokens_per_second"), (int, float)),
    **dict.fromkeys(("heartbeat", "started", "preparing_done", "compiling_done", "compiling_kernels"), (int, float)),
    **dict.fromkeys(("state", "message", "host", "beginning", "preparing", "compiling"), (str,)),
    **dict.fromkeys(("live", "copied", "result"), (dict,)),
}  # fmt: skip
_RESULT_TYPES: dict[str, tuple[type, ...]] = {
    "best_step": (int,), "seconds": (int, float), "sample": (str,), "copied": (dict, type(None)), "valid": (dict,),
    "test": (dict,),
}  # fmt: skip
_FIGURE_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("nll", "perplexity", "bits_per_char", "unknown"), (int, float, type(None))), "tokens": (int,),
    "whole": (bool,),
}  # fmt: skip


def _sound(record: dict[str, Any]) -> dict[str, Any]:
    """Return a status with what it should hold: a field of a wrong type is left out, in its result too."""
    status = _typed(record, _STATUS_TYPES)
    if "result" in status:
        result = _typed(status["result"], _RESULT_TYPES)
        for split in ("valid", "test"):
            if split in result:
                figures = _typed(result[split], _FIGURE_TYPES)
                result[split] = figures if "tokens" in figures or figures.get("whole", True) else {}
        status["result"] = result
    return status


def _typed(record: dict[str, Any], types: dict[str, tuple[type, ...]]) -> dict[str, Any]:
    return {name: value for name, value in _usable(record).items() if type(value) in types.get(name, (type(value),))}


def state_of(run: RunFolder, status: dict[str, Any] | None) -> tuple[str, str]:
    """Return the state to show and its message, telling a dead engine from a live one."""
    if status is None:
        return ("starting", "") if engine_alive(run) else ("new", "Never started.")
    state, message = str(status.get("state", "failed")), str(status.get("message", ""))
    if state not in ENDED and not engine_alive(run):
        # The engine writes its last status before it lets go of the lock: look once more before calling it dead.
        again = _status(run) or status
        state, message = str(again.get("state", "failed")), str(again.get("message", ""))
        if state not in ENDED:
            why = last_words(run) or "it left no word; was it killed, or the machine restarted?"
            return "crashed", f"The engine died at step {_whole(again.get('step')):,} ({why})."
    return state, message


def _status(run: RunFolder) -> dict[str, Any] | None:
    """Return the run's status; None where there is none that can be read."""
    with contextlib.suppress(CorruptError):
        return read_json(run.status)
    return None


def last_words(run: RunFolder) -> str:
    """Return the last line that an engine which died has left in its log since it last reported; nothing for none."""
    try:
        with open_to_read(run.log) as file:
            told = os.fstat(file.fileno())
            file.seek(max(0, told.st_size - 2000))
            lines = file.read().decode(errors="replace").strip().splitlines()
        since = told.st_mtime - run.status.stat().st_mtime
    except OSError:
        return ""
    return lines[-1].strip() if lines and since > -1 else ""


PLACES = ("step", "tokens", "seconds")
"""What a point is drawn by, which no number that is not finite can be."""
_NAMES = {kind: tuple(f.name for f in fields(kind)) for kind in (TrainPoint, ValidPoint, Sample)}


def _point(kind: Any, record: dict[str, Any]) -> Any:
    """Build a TrainPoint, ValidPoint or Sample from a JSON record; None for one that lacks what it needs."""
    values = {}
    for name in _NAMES[kind]:
        value = record.get(name)
        if value is None and name != "bits_per_char":
            if kind is TrainPoint and name in ("loss", "grad_norm", "update_ratio"):
                value = float("nan")
            elif name == "unknown":
                value = 0.0
            else:
                return None
        wanted = str if name in ("prompt", "text") else int | float
        if value is not None and not isinstance(value, wanted):
            return None
        if isinstance(value, int) and abs(value) > MOST:
            return None
        if isinstance(value, float) and abs(value) > MAX_FLOAT:
            value = math.copysign(math.inf, value)
        if name in PLACES and not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
            return None
        values[name] = value
    return kind(**values)


class RunReader:
    """Follows one run. `refresh` reads what is new since the last call and returns a snapshot.

    Keeps at most `keep` points of each series: when there are more, every second older one is dropped, so a run of a
    million lines costs a bounded memory. Safe to use from one thread at a time.
    """

    def __init__(self, run: RunFolder, *, keep: int = 4000) -> None:
        self._run = run
        self._keep = keep
        self._offsets = {"metrics": 0, "events": 0, "samples": 0}
        self._snapshot = RunSnapshot(run=run, state="new")

    @property
    def snapshot(self) -> RunSnapshot:
        return self._snapshot

    def refresh(self) -> RunSnapshot:
        """Read on. Never raises for a damaged or vanished folder: the snapshot's state and message say it."""
        run, old = self._run, self._snapshot
        if not run.path.is_dir():
            self._snapshot = replace(old, state="failed", message=f"The run folder {run.path} is gone.")
            return self._snapshot
        settings = old.settings
        if settings is None:
            try:
                check(run)
                settings = config.load(run.config)
            except LstmtuiError as error:
                self._snapshot = replace(old, state="failed", message=str(error), exit_code=error.exit_code)
                return self._snapshot
        try:
            status = read_json(run.status)
        except CorruptError as error:  # what was seen last still tells more than nothing
            status = old.status or {"state": "failed", "message": str(error), "exit_code": error.exit_code}
        status = None if status is None else _sound(status)
        state, message = state_of(run, status)
        train, valid = list(old.train), list(old.valid)
        if self._shrunk():  # a resume cut metrics back to its checkpoint
            train, valid = [], []
            self._offsets["metrics"] = 0
        for record in self._read_metrics():
            points: list[Any] = train if record.get("split") == "train" else valid
            point = _point(TrainPoint if record.get("split") == "train" else ValidPoint, record)
            if point is not None:
                points.append(point)
        samples = [*old.samples, *filter(None, (_point(Sample, r) for r in self._read("samples")))]
        events = [*old.events, *map(_usable, self._read("events"))]
        self._snapshot = RunSnapshot(
            run=run,
            state=state,
            message=message,
            exit_code=_whole((status or {}).get("exit_code")),
            settings=settings,
            status=status or {},
            train=tuple(self._thinned(train)),
            valid=tuple(self._thinned(valid)),
            samples=tuple(samples[-50:]),
            events=tuple(events[-500:]),
        )
        return self._snapshot

    def _shrunk(self) -> bool:
        try:
            return self._run.metrics.stat().st_size < self._offsets["metrics"]
        except OSError:
            return self._offsets["metrics"] > 0

    def _read_metrics(self) -> list[dict[str, Any]]:
        """Return what is new; of very much at once, about as many lines of each series as are kept."""
        try:
            ahead = self._run.metrics.stat().st_size - self._offsets["metrics"]
        except OSError:
            ahead = 0
        if ahead < MUCH:
            return self._read("metrics")
        found: list[dict[str, Any]] = []
        while len(block := _block(self._run.metrics, self._offsets["metrics"])) > 0:
            found += _skimmed(block, max(1, self._keep * len(block) // ahead))
            self._offsets["metrics"] += len(block)
        return found

    def _read(self, name: str) -> list[dict[str, Any]]:
        with contextlib.suppress(OSError):  # what cannot be read now may be at the next look
            records, self._offsets[name] = read_lines(getattr(self._run, name), self._offsets[name])
            return records
        return []

    def _thinned(self, points: list[Any]) -> list[Any]:
        best = min((p for p in points if isinstance(p, ValidPoint)), key=lambda p: p.nll, default=None)
        while len(points) > self._keep:
            half = len(points) // 2
            points = [p for i, p in enumerate(points) if i >= half or i % 2 == 0 or p is best]
        return points


MUCH = 4 << 20
"""Bytes of metrics above which not every line is looked at."""
_BLOCK = 4 << 20
_VALID = b'"split": "valid"'
_BEST = b'"best": true'


def _block(path: Path, offset: int) -> bytes:
    """Return whole lines from `offset` on, up to _BLOCK bytes; nothing at the end of the file."""
    try:
        with open_to_read(path) as file:
            file.seek(offset)
            data = file.read(_BLOCK)
    except OSError:
        return b""
    # A block without a line's end is no line of ours; what follows it may be.
    return data[: data.rfind(b"\n") + 1] or (data if len(data) == _BLOCK else b"")


def _places(block: bytes, wanted: bytes) -> list[int]:
    found, at = [], block.find(wanted)
    while at >= 0:
        found.append(at)
        at = block.find(wanted, at + len(wanted))
    return found


def _skimmed(block: bytes, wanted: int) -> list[dict[str, Any]]:
    """Return about `wanted` lines of `block` and as many evaluations, evenly; its last line; and each best so far."""
    starts = {block.rfind(b"\n", 0, len(block) - 1) + 1}
    for i in range(wanted):
        starts.add(block.rfind(b"\n", 0, len(block) * i // wanted) + 1)
    evaluations = _places(block, _VALID)
    # The last of each share: the newest evaluation is among them.
    shares = min(wanted, len(evaluations))
    places = [evaluations[len(evaluations) * (i + 1) // shares - 1] for i in range(shares)]
    for at in (*places, *_places(block, _BEST)):
        starts.add(block.rfind(b"\n", 0, at) + 1)
    lines = (block[start : block.find(b"\n", start)] for start in sorted(starts))
    return list(parsed(lines))


def saturation(run: RunFolder, *, newest: int = 64) -> list[Saturation]:
    """Return the newest gate-saturation probes, oldest first, all of the newest one's sizes; others are passed over."""
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


def window(run: RunFolder) -> dict[str, Any] | None:
    """Return the newest window of activations: `step`, `gates`, `values` (L, G, T, H) float16, `tokens` (T,) int32;
    None where there is none, or one that makes no sense."""
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
