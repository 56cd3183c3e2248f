"""A run's folder: the path of each of its files, and the check that nothing else stands there.

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
import fnmatch
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from lstmtui.common.opening import check_folder, check_regular
from lstmtui.errors import CorruptError

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
FILES = (
    "config.toml", "plan.json", "tokenizer.json", "status.json", "metrics.jsonl", "events.jsonl", "samples.jsonl",
    "requests.jsonl", "piped.txt", "engine.lock", "engine.log",
)  # fmt: skip
"""What stands in a run's folder, besides its folders."""
FOLDERS = {
    "probes": ("saturation-*.npz", "gradient-*.npz", "window.npz"),
    "checkpoints": ("step-*.safetensors", "best.json"),
    "autocomplete": ("text.npz*", "profile*", "biases.npz*", "*.lock"),
}
"""A run's folders, and what stands in each."""
TEMPORARY = ".*.tmp"
"""What a file is written as before it takes its place."""


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


def is_run(path: Path) -> bool:
    """Return whether there is a run at `path`, whole or damaged: a folder with a config.toml, of whatever kind."""
    try:
        (path / "config.toml").lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it cannot be looked at, which is no reason to leave it out
        return path.is_dir()
    return True


def is_incomplete_run(path: Path) -> bool:
    """Return whether a folder holds nothing but a run's files, without the config.toml that makes it a run."""
    try:
        names = [entry.name for entry in path.iterdir()]
    except OSError:
        return False
    known = {*FILES, *FOLDERS} - {"config.toml"}
    return not path.is_symlink() and all(name in known or fnmatch.fnmatch(name, TEMPORARY) for name in names)


def is_occupied(path: Path) -> bool:
    """Return whether no run can be made at `path`: something stands there that is more than an empty folder."""
    try:
        return not stat.S_ISDIR(path.lstat().st_mode) or any(path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def check_contents(run: RunFolder) -> None:
    """Refuse a run whose folder holds something else than files where its files belong.

    A link in it could lead anywhere, and a run that was received would be read from there, or written to it.
    Raises CorruptError that names the first such thing, also where the folder cannot be looked at.
    """
    for name in (*FILES, *FOLDERS):
        path = run.path / name
        try:
            (check_folder if name in FOLDERS else check_regular)(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            said = f"{path} cannot be used ({error.strerror or error})"
            raise CorruptError(f"{said}; put the run's own in its place, or remove the run.") from error


def modification_time(path: Path) -> float:
    """Return when `path` was last changed, in seconds since 1970; 0 where that is unknown."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def disk_usage(run: RunFolder) -> int:
    """Return how many bytes a run takes on the disk; what cannot be looked at counts nothing."""
    total = 0
    for where, _, files in os.walk(run.path):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(where, name)).st_blocks * 512
    return total
