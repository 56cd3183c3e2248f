"""Reading runs for the screens: called in a thread, a bounded piece at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lstmtui.runs.folder import RunFolder
from lstmtui.runs.listing import list_runs
from lstmtui.runs.probes import read_saturation, read_window
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot, Saturation
from lstmtui.tui.messages import GateWindow, RunView

POINTS = 2000
"""How many points of each series are kept: several for each column of dots of the widest screen."""
PROBES = 64
"""How many gate probes are kept: as many as a screen has columns to show them by time."""


class RunPoller:
    """Follows one run and its gate probes. One thread at a time."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._reader = RunReader(run, max_points=POINTS)
        self._probes: tuple[Saturation, ...] = ()
        self._newest: str | None = None
        self._window: GateWindow | None = None
        self._window_stamp = 0

    def poll(self) -> RunView:
        snapshot = seen(self._reader)
        self._read_probes()
        self._read_window()
        return RunView(snapshot=snapshot, probes=self._probes, window=self._window, gone=not self._run.path.is_dir())

    def _read_window(self) -> None:
        stamp = _stamp(self._run.probes / "window.npz")
        if stamp == self._window_stamp:
            return
        self._window_stamp = stamp
        found = read_window(self._run)
        if found is not None:
            self._window = GateWindow(
                step=found["step"], gates=found["gates"], values=found["values"],
                text=self._told(found["tokens"].tolist()),
            )  # fmt: skip

    def _told(self, tokens: list[int]) -> tuple[str, ...]:
        """Return tokens as texts; nothing where the tokenizer is missing or of another run."""
        from lstmtui.data.tokens import load

        try:
            tokenizer = load(self._run.tokenizer)
            return tuple(tokenizer.text([token]) for token in tokens)
        except Exception:  # of a foreign tokenizer anything; the gates can be looked at without
            return ()

    def _read_probes(self) -> None:
        """Unpack the probes that are new; all of them again after a resume has gone back."""
        names = sorted(path.name for path in self._run.probes.glob("saturation-*.npz"))
        newest = names[-1] if names else None
        if newest == self._newest:
            return
        grown = newest is not None and self._newest is not None and newest > self._newest
        kept = self._probes if grown else ()
        fresh = sum(1 for name in names if not grown or name > str(self._newest))
        self._newest = newest
        self._probes = (*kept, *read_saturation(self._run, newest=min(fresh, PROBES)))[-PROBES:] if fresh else ()


class RunsPoller:
    """Follows every run below `root`; runs that have ended are read again only when their files change."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._readers: dict[Path, RunReader] = {}
        self._stamps: dict[Path, tuple[int, ...]] = {}

    def poll(self) -> tuple[RunSnapshot, ...]:
        """Return all runs, those with a living engine first, then the newest. Raises UsageError."""
        runs = list_runs(self._root)
        known = {run.path for run in runs}
        for path in set(self._readers) - known:
            del self._readers[path]
            self._stamps.pop(path, None)
        # A stable sort by what never changes keeps two living runs from swapping places at every heartbeat.
        found = [self._snapshot(run) for run in runs]
        living = sorted((s for s in found if not s.ended), key=lambda s: s.run.name)
        return (*living, *(s for s in found if s.ended))

    def _snapshot(self, run: RunFolder) -> RunSnapshot:
        reader = self._readers.setdefault(run.path, RunReader(run, max_points=600))
        stamp = tuple(_stamp(path) for path in (run.status, run.metrics, run.config))
        if not reader.snapshot.ended or self._stamps.get(run.path) != stamp or reader.snapshot.state == "new":
            self._stamps[run.path] = stamp
            return seen(reader)
        return reader.snapshot


def seen(reader: RunReader) -> RunSnapshot:
    """Read on. What goes wrong with one run is said of that one, and hides no other."""
    try:
        return reader.refresh()
    except Exception as error:  # a reader means to raise nothing; this is for what nobody has thought of
        said = f"This run cannot be read ({type(error).__name__}: {error})."
        return replace(reader.snapshot, state="failed", message=said)


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
