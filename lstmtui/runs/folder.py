"""Names and places: where runs live, what a run may be called, and which file of a run holds what.

runs/NAME/
  config.toml      every setting, resolved, with a format version; written once
  plan.json        steps of the schedule and the speed they were derived from; written once, before step 1
  tokenizer.json   how bytes become tokens, and back
  status.json      state, pid, heartbeat, step; replaced atomically
  metrics.jsonl    {"split": "train"|"valid", "step": ...} one line per log interval or evaluation
  events.jsonl     what happened: started, compiled, evaluated, saved, paused, answered, diverged, stopped ...
  samples.jsonl    text the model wrote, with step and temperature
  probes/          gate saturation by step, the newest window of activations
  piped.txt        the text it was trained on, where that was piped in
  requests.jsonl   what viewers ask for; events answer by id
  checkpoints/     step-00001234.safetensors, and best.json naming the best
  autocomplete/    what completion keeps: an index of the training text, and a person's profile
  engine.lock      held by the engine while it lives
  engine.log       what went wrong, for a person
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from lstmtui.errors import LockedError, LstmtuiError, UsageError
from lstmtui.places import runs_root
from lstmtui.text import one_line

STATES = (
    "starting",  # the process is up, nothing read yet
    "preparing",  # reading and tokenising the corpus
    "compiling",  # first use of the kernels on this machine
    "measuring",  # timing a few steps to turn minutes into steps
    "training",
    "evaluating",
    "paused",
    "finished",  # all steps done, or stopped early by patience
    "stopped",  # asked to stop, or stopped by a signal; can be resumed
    "failed",  # an error, in `message`; `exit_code` says which family
    "diverged",
)
ENDED = ("finished", "stopped", "failed", "diverged")
LATEST = "latest"
"""Stands for the run with the newest status wherever a run's name is asked for."""
_NAME = re.compile(r"[^\W_][\w.-]{0,63}")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def tokenizer(self) -> Path:
        return self.path / "tokenizer.json"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def samples(self) -> Path:
        return self.path / "samples.jsonl"

    @property
    def probes(self) -> Path:
        return self.path / "probes"

    @property
    def requests(self) -> Path:
        return self.path / "requests.jsonl"

    @property
    def text(self) -> Path:
        return self.path / "piped.txt"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def autocomplete(self) -> Path:
        return self.path / "autocomplete"

    @property
    def lock(self) -> Path:
        return self.path / "engine.lock"

    @property
    def log(self) -> Path:
        return self.path / "engine.log"


def check_name(name: str) -> str:
    """Return `name` if it can be a run's name, else raise UsageError."""
    if name == LATEST:
        raise UsageError(f"A run cannot be called '{LATEST}', which always means the latest one; choose another name.")
    if not _NAME.fullmatch(name) or ".." in name:
        raise UsageError(
            f"'{one_line(name, 80)}' cannot be a run's name: use letters, digits, '.', '-' and '_', "
            "beginning with a letter or digit, at most 64 characters."
        )
    return name


def free_name(root: Path, stem: str) -> str:
    """Return `stem`, or `stem-2`, `stem-3` ..., whichever no run has yet. Unusable characters become dashes."""
    stem = re.sub(r"[^\w.-]+|\.\.+", "-", stem).strip("._-")[:48] or "run"
    candidate, number = stem, 2
    while candidate == LATEST or (root / candidate).exists():
        candidate, number = f"{stem}-{number}", number + 1
    return candidate


def all_runs(root: Path | None = None) -> list[RunFolder]:
    """Return every run, the one with the newest status first."""
    root = root or runs_root()
    try:
        found = [RunFolder(p) for p in root.iterdir() if (p / "config.toml").is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UsageError(f"The folder of runs {root} cannot be read ({error.strerror or error}).") from error
    return sorted(found, key=lambda run: (_modified(run.status), _modified(run.config), run.name), reverse=True)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def find(run: str, root: Path | None = None) -> RunFolder:
    """Return the run with this name, `latest`, or the run folder at this path. Raises UsageError."""
    root = root or runs_root()
    if run == LATEST:
        if not (runs := all_runs(root)):
            raise UsageError(f"There are no runs yet in {root}; start one with 'lstmtui train FILE'.")
        return runs[0]
    if os.sep in run:
        folder = RunFolder(Path(run).expanduser())
        if not folder.config.is_file():
            raise UsageError(f"{one_line(run, 120)} is not a run folder (no config.toml in it).")
        return folder
    folder = RunFolder(root / check_name(run))
    if not folder.config.is_file():
        import difflib

        close = difflib.get_close_matches(run, [r.name for r in all_runs(root)], n=1)
        hint = f"did you mean '{close[0]}'?" if close else "'lstmtui ls' lists the runs."
        raise UsageError(f"There is no run '{one_line(run, 80)}' in {root}; {hint}")
    return folder


def remove(run: RunFolder) -> list[str]:
    """Delete a run and return the names of what was left because no run has such files.

    A path that a person typed may be a folder with other things in it, so only a run's own files go.
    Raises LockedError while an engine works on it, and LstmtuiError when the system refuses.
    """
    import shutil

    lock = EngineLock(run)
    try:
        # config.toml first: whatever happens after that, no list shows half a run.
        for path in (run.config, run.plan, run.tokenizer, run.status, run.metrics, run.events, run.samples):
            path.unlink(missing_ok=True)
        for path in (run.requests, run.log, run.lock, run.text, *run.path.glob(".*.tmp")):
            path.unlink(missing_ok=True)
        for folder in (run.probes, run.checkpoints, run.autocomplete):
            if folder.is_dir():
                shutil.rmtree(folder)
        left = sorted(path.name for path in run.path.iterdir())
        if not left:
            run.path.rmdir()
    except OSError as error:
        raise LstmtuiError(f"{error.filename or run.path} cannot be removed ({error.strerror or error}).") from error
    finally:
        lock.release()
    return left


def rename(run: RunFolder, name: str) -> RunFolder:
    """Give a run another name, beside where it is, and return it.

    Raises UsageError for a name that cannot be, or is another run's, LockedError while an engine works on it, and
    LstmtuiError when the system refuses.
    """
    import dataclasses

    from lstmtui import config
    from lstmtui.files import write_atomically

    renamed = RunFolder(run.path.absolute().parent / check_name(name))
    if renamed.path.exists():
        raise UsageError(f"There is already a run '{name}' in {renamed.path.parent}; choose another name.")
    settings = config.load(run.config)
    own = {str(run.text.absolute()): str(renamed.text)}
    corpus = tuple(own.get(one, one) for one in settings.corpus)
    lock = EngineLock(run)
    try:
        run.path.rename(renamed.path)
        if corpus != settings.corpus:  # it has the text that was piped in, which has moved with it
            write_atomically(renamed.config, config.dump(dataclasses.replace(settings, corpus=corpus)).encode())
    except OSError as error:
        raise LstmtuiError(f"{run.path} cannot be renamed ({error.strerror or error}).") from error
    finally:
        lock.release()
    return renamed


def disk_usage(run: RunFolder) -> int:
    """Return how many bytes a run takes on the disk; what cannot be looked at counts nothing."""
    total = 0
    for where, _, files in os.walk(run.path):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(where, name)).st_blocks * 512
    return total


class EngineLock:
    """Held by an engine for as long as it lives; the kernel frees it however the process ends.

    Raises LockedError when another engine holds it. Viewers probe it with `engine_alive`, for an instant at a time,
    so taking it is tried for a second.
    """

    def __init__(self, run: RunFolder) -> None:
        self._file = open(run.lock, "a+")  # noqa: SIM115  held open on purpose
        for _ in range(20):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.05)
        self._file.close()
        raise LockedError(f"Run '{run.name}' is already being trained by another engine; stop that one first.")

    def release(self) -> None:
        self._file.close()


def engine_alive(run: RunFolder) -> bool:
    """Return whether an engine holds the run's lock (on this machine)."""
    try:
        with open(run.lock) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
