"""Follow a run that this command started: show progress on stderr, pass signals on, print the result."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from lstmtui.cli.ending import conclude, saved_step
from lstmtui.cli.options import run_argument
from lstmtui.cli.output import notify, write_json
from lstmtui.cli.training_progress import training_progress
from lstmtui.common.opening import open_to_read
from lstmtui.errors import ERROR_BY_EXIT_CODE, LstmtuiError, SaveError, UsageError
from lstmtui.runs import requests
from lstmtui.runs.folder import ENDED, RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.runs.removal import remove_run
from lstmtui.runs.snapshot import RunSnapshot

if TYPE_CHECKING:
    import subprocess

INTERVAL = 0.2
MAX_STOP = 15.0
"""Seconds after which an engine that has not stopped on request gets SIGTERM as well."""
MAX_WAIT = 30.0
"""Seconds to wait until a run in the background trains."""
TRAINING = ("training", "evaluating", "paused")
NO_REQUESTS = ("new", "starting", "preparing", "compiling", "measuring")
"""States in which an engine reads no requests, but handles signals."""
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def follow(run: RunFolder, process: subprocess.Popen[bytes], *, before: RunSnapshot | None, as_json: bool) -> int:
    """Watch the run until its engine process ends, and return the exit code of this command.

    before    the run as it was, whose contents are not repeated; None for a new run, which is removed again if it
              fails before its first step
    """
    snapshot, by_signal = watch(run, process, before=before)
    return _conclude(run, process, snapshot, by_signal, fresh=before is None, as_json=as_json)


class Shown(Protocol):
    """What shows the progress of a run that is watched."""

    def update(self, snapshot: RunSnapshot) -> None:
        """Show a newer snapshot."""
        ...

    def note(self, line: str) -> None:
        """Print a line that stays."""
        ...


def watch(
    run: RunFolder, process: subprocess.Popen[bytes], *, before: RunSnapshot | None, shown: Shown | None = None
) -> tuple[RunSnapshot, int]:
    """Show a run's progress until its engine process ends; return the run as it is then, and a signal's exit code or 0.

    SIGINT, SIGTERM and SIGHUP ask the engine to save and stop; the wait for its end goes on. `before` as in `follow`;
    `shown` shows the progress where that is not to be as of a run that is trained alone.
    """
    if shown is None:
        with training_progress(before) as own:
            return watch(run, process, before=before, shown=own)
    reader = RunReader(run)
    with caught_signals() as caught:
        stopper = Stopper(run, process, shown)
        while True:
            ended = process.poll() is not None  # before the refresh, which then reads everything that was written
            snapshot = reader.refresh()
            if ended or snapshot.status.get("pid") == process.pid:  # else the status is of an earlier engine
                shown.update(snapshot)
            if ended:
                break
            if caught:
                stopper.ask(len(caught), snapshot.state)
            time.sleep(INTERVAL)
    return snapshot, SIGNALS[caught[0]] if caught else 0


def detached(run: RunFolder, process: subprocess.Popen[bytes], *, before: RunSnapshot | None, as_json: bool) -> int:
    """Watch until the run trains and return 0; if it ends before that, print its result and return its exit code.

    A run that takes longer than MAX_WAIT to prepare is left as well, with its state. `before` as in `follow`.
    """
    reader, until = RunReader(run), time.monotonic() + MAX_WAIT
    with (
        contextlib.suppress(KeyboardInterrupt),
        training_progress(before) as shown,
    ):  # Ctrl-C: not waited for any longer
        while True:
            ended = process.poll() is not None
            snapshot = reader.refresh()
            own = snapshot.status.get("pid") == process.pid
            if ended or own:
                shown.update(snapshot)
            if ended or (own and snapshot.state in TRAINING) or time.monotonic() > until:
                break
            time.sleep(INTERVAL)
    if process.poll() is not None:
        return _conclude(run, process, reader.refresh(), 0, fresh=before is None, as_json=as_json)
    name = run_argument(run)
    trains = own and snapshot.state in TRAINING
    doing = "It trains in the background now" if trains else f"It does not train yet ({snapshot.state})"
    notify(f"{doing}: 'lstmtui show {name}', 'lstmtui stop {name}', or 'lstmtui' to watch.")
    if as_json:
        write_json({"run": run.name, "path": str(run.path), "pid": process.pid})
    return 0


class Stopper:
    """Asks the engine to stop: first by request, then by signal if it does not react.

    process    that of the engine; None where another process started it, which gets the request alone
    """

    def __init__(self, run: RunFolder, process: subprocess.Popen[bytes] | None, shown: Shown) -> None:
        self._run, self._process, self._shown = run, process, shown
        self._asked_at = 0.0
        self._signalled = False
        self._noted = 0

    def ask(self, times: int, state: str) -> None:
        """Ask the run, now in `state`, to stop after `times` signals; called in every round after the first."""
        if self._noted != times:
            self._shown.note("Stopping: waiting for the engine to save." if self._noted == 0 else "It is still saving.")
            self._noted = times
        if not self._asked_at:
            self._asked_at = time.monotonic()
            try:
                requests.send_request(self._run, "stop")
            except (UsageError, OSError):  # the engine does not run yet, or the disk is full
                self._terminate()
            if state in NO_REQUESTS:
                self._terminate()
        elif time.monotonic() - self._asked_at > MAX_STOP:
            self._terminate()

    def _terminate(self) -> None:
        if not self._signalled and self._process is not None:
            self._signalled = True
            with contextlib.suppress(OSError):
                self._process.terminate()


@contextlib.contextmanager
def caught_signals() -> Iterator[list[signal.Signals]]:
    """Collect signals instead of exiting. Signals that are ignored (nohup) stay ignored."""
    caught: list[signal.Signals] = []
    before: dict[signal.Signals, Any] = {}
    handler: Callable[[int, Any], None] = lambda number, frame: caught.append(signal.Signals(number))  # noqa: E731
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    try:
        yield caught
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _conclude(
    run: RunFolder,
    process: subprocess.Popen[bytes],
    snapshot: RunSnapshot,
    by_signal: int,
    *,
    fresh: bool,
    as_json: bool,
) -> int:
    """Print how the run ended and its result, and return the exit code."""
    own = snapshot.status.get("pid") == process.pid
    state, code = "crashed", 1
    if own and snapshot.state in ENDED:
        state, code = snapshot.state, snapshot.exit_code
    elif (
        not own and process.returncode in ERROR_BY_EXIT_CODE
    ):  # it wrote no status, since another engine works on the run
        state, code = "refused", process.returncode
    elif process.returncode == SaveError.exit_code:  # the disk was too full even for the last status
        state, code = "unsaved", process.returncode
    name, saved = run_argument(run), saved_step(run)
    if by_signal and state in ("stopped", "finished", "crashed"):
        code = by_signal
    for line in _ending(run, snapshot, state, name, saved=saved, by_signal=bool(by_signal), fresh=fresh):
        notify(line)
    return conclude(snapshot, name, state, code, as_json=as_json, own=own)


def _ending(
    run: RunFolder, snapshot: RunSnapshot, state: str, name: str, *, saved: int | None, by_signal: bool, fresh: bool
) -> Iterator[str]:
    """Yield the lines about how the run ended; remove a fresh run that failed before its first step."""
    if state == "stopped" or (state == "crashed" and by_signal):
        if saved is not None:
            yield f"Stopped and saved at step {saved}; 'lstmtui resume {name}' continues it."
        else:
            yield f"Stopped before the first checkpoint; 'lstmtui resume {name}' starts it over."
    elif state in ("failed", "diverged"):
        message = snapshot.message or "the engine gave no reason"
        yield f"lstmtui: {message}"
        if fresh and snapshot.step == 0 and snapshot.exit_code == UsageError.exit_code:
            with contextlib.suppress(LstmtuiError):
                remove_run(run)
        elif snapshot.exit_code in (1, 4):
            yield f"{run.log} has details."
    elif state == "refused":
        yield _last_line(run)
    elif state == "unsaved":
        since = f"continues it from step {saved}" if saved is not None else "starts it over"
        yield f"lstmtui: The disk is full, and the last save failed; make room, then 'lstmtui resume {name}' {since}."
    elif state == "crashed":
        last = _last_line(run)
        yield f"lstmtui: The engine died at step {snapshot.step}{f' ({last})' if last else ''}."
        yield f"{run.log} has details" + (f"; 'lstmtui resume {name}' continues it." if saved is not None else ".")


def _last_line(run: RunFolder) -> str:
    try:
        with open_to_read(run.log) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2000))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""
