"""Reads runs for the screens, in a thread, a bounded amount at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from lstmtui.runs.folder import RunFolder
from lstmtui.runs.listing import list_runs
from lstmtui.runs.probes import read_attention, read_pictures, read_posteriors, read_saturation, read_window, step_of
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import AttentionProbe, Posteriors, RunSnapshot, Saturation
from lstmtui.runs.writer import MAX_PROBES
from lstmtui.tui.messages import GateWindow, RunView

Probe = TypeVar("Probe", bound=Saturation | AttentionProbe | Posteriors)

MAX_POINTS = 2000
"""Points held of each series: several for each column of dots of the widest screen."""
MAX_LISTED_POINTS = 600
"""The same for a run in the list."""


class RunPoller:
    """Follows one run and its gate probes. One thread at a time."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._reader = RunReader(run, max_points=MAX_POINTS)
        self._gates: _Probes[Saturation] = _Probes(run, "saturation-*.npz", read_saturation)
        self._attention: _Probes[AttentionProbe] = _Probes(run, "attention-*.npz", read_attention)
        self._posteriors: _Probes[Posteriors] = _Probes(run, "posteriors-*.npz", read_posteriors)
        self._window: GateWindow | None = None
        self._window_stamp = self._pictures_stamp = 0
        self._pictures: Any = None

    def poll(self) -> RunView:
        """Read what is new and return the run's state."""
        snapshot = refresh(self._reader)
        self._read_window()
        self._read_pictures()
        return RunView(
            snapshot=snapshot, probes=self._gates.read(), window=self._window, attention=self._attention.read(),
            posteriors=self._posteriors.read(), pictures=self._pictures, gone=not self._run.path.is_dir(),
        )  # fmt: skip

    def _read_window(self) -> None:
        stamp = _stamp(self._run.probes / "window.npz")
        if stamp == self._window_stamp:
            return
        self._window_stamp = stamp
        found = read_window(self._run)
        if found is not None:
            self._window = GateWindow(
                step=found["step"], gates=found["gates"], values=found["values"],
                text=() if found["tokens"] is None else self._texts(found["tokens"].tolist()),
                layer_names=found["layer_names"], pieces=found["pieces"],
            )  # fmt: skip

    def _read_pictures(self) -> None:
        stamp = _stamp(self._run.probes / "pictures.npz")
        if stamp != self._pictures_stamp:
            self._pictures_stamp, self._pictures = stamp, read_pictures(self._run)

    def _texts(self, tokens: list[int]) -> tuple[str, ...]:
        """Return the texts of tokens; empty where the tokenizer is missing or of another run."""
        from lstmtui.data.tokens import load

        try:
            tokenizer = load(self._run.tokenizer)
            return tuple(tokenizer.text([token]) for token in tokens)
        except Exception:  # a foreign tokenizer may raise anything; gates are shown without texts
            return ()


class _Probes(Generic[Probe]):
    """Probes of one kind; each is read once."""

    def __init__(
        self, run: RunFolder, pattern: str, read_newest: Callable[..., list[Probe]], limit: int = MAX_PROBES
    ) -> None:
        self._run, self._pattern, self._read_newest, self._limit = run, pattern, read_newest, limit
        self._probes: tuple[Probe, ...] = ()
        self._newest: str | None = None

    def read(self) -> tuple[Probe, ...]:
        """Read the new probes, all of them again after a resume that went back, and return all, oldest first.

        The engine keeps MAX_PROBES of a kind.
        """
        paths = sorted(self._run.probes.glob(self._pattern))
        names = [path.name for path in paths]
        newest = names[-1] if names else None
        if newest == self._newest:
            return self._probes
        grown = newest is not None and self._newest is not None and newest > self._newest
        known = self._probes if grown else ()
        new = sum(1 for name in names if not grown or name > str(self._newest))
        self._newest = newest
        found = self._read_newest(self._run, newest=min(new, self._limit)) if new else []
        steps = {step_of(path) for path in paths}  # the engine removes older ones, to keep them evenly spaced
        self._probes = (*(probe for probe in known if probe.step in steps), *found)[-self._limit :]
        return self._probes


class RunsPoller:
    """Follows every run below `root`; a run that has ended is read again only when its files change."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._readers: dict[Path, RunReader] = {}
        self._stamps: dict[Path, tuple[int, ...]] = {}
        self._chosen: RunFolder | None = None
        self._gates: _Probes[Saturation] | None = None

    def newest_probe(self, run: RunFolder | None) -> tuple[Path | None, tuple[Saturation, ...]]:
        """Return the path of a run and its newest gate probe, which is read once."""
        if run != self._chosen:
            self._chosen = run
            self._gates = None if run is None else _Probes(run, "saturation-*.npz", read_saturation, limit=1)
        return (None, ()) if run is None or self._gates is None else (run.path, self._gates.read())

    def poll(self) -> tuple[RunSnapshot, ...]:
        """Return all runs, those with a running engine first, then by age. Raises UsageError."""
        runs = list_runs(self._root)
        known = {run.path for run in runs}
        for path in set(self._readers) - known:
            del self._readers[path]
            self._stamps.pop(path, None)
        # Sorted by name: by heartbeat, two running ones would swap places all the time.
        snapshots = [self._snapshot(run) for run in runs]
        running = sorted((s for s in snapshots if not s.ended), key=lambda s: s.run.name)
        return (*running, *(s for s in snapshots if s.ended))

    def _snapshot(self, run: RunFolder) -> RunSnapshot:
        reader = self._readers.setdefault(run.path, RunReader(run, max_points=MAX_LISTED_POINTS))
        stamp = tuple(_stamp(path) for path in (run.status, run.metrics, run.config))
        if not reader.snapshot.ended or self._stamps.get(run.path) != stamp or reader.snapshot.state == "new":
            self._stamps[run.path] = stamp
            return refresh(reader)
        return reader.snapshot


def refresh(reader: RunReader) -> RunSnapshot:
    """Read what is new of a run. An error becomes the state of this run and hides no other."""
    try:
        return reader.refresh()
    except Exception as error:  # the reader raises nothing that was foreseen
        message = f"This run cannot be read ({type(error).__name__}: {error})."
        return replace(reader.snapshot, state="failed", message=message)


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
