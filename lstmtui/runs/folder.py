"""The folder of a run: the path of each file, and checks of what is there.

runs/NAME/
  config.toml      every setting, resolved, with a format version; written once
  plan.json        steps of the schedule and the speed they were derived from; written once, before step 1
  tokenizer.json   how bytes become tokens, and back; of a translation, those of the source
  tokenizer_target.json     those of the target of a translation
  feature_statistics.json   mean and deviation of each mel band of the training recordings, for speech
  status.json      state, pid, heartbeat, step; replaced atomically
  metrics.jsonl    {"split": "train"|"valid", "step": ...} one line per log interval or evaluation
  events.jsonl     started, compiled, evaluated, saved, paused, answered, diverged, stopped ...
  samples.jsonl    text that the model generated, with step and temperature
  probes/          gate saturation and gradient flow by step, the newest window of activations
  tensorboard/     event files of TensorBoard, where they were asked for
  piped.txt        the training text, where it was piped in
  requests.jsonl   requests of viewers; events answer them by id
  checkpoints/     step-00001234.safetensors, and best.json, which names the best
  autocomplete/    the index of the training text and the person's profile
  engine.lock      held by the engine while it runs
  engine.log       errors and warnings, for a person
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
    "starting",  # the process runs and has read nothing yet
    "preparing",  # reading and tokenising the corpus
    "compiling",  # first use of the kernels on this machine
    "measuring",  # timing a few steps to turn minutes into steps
    "training",
    "evaluating",
    "paused",
    "finished",  # all steps are done, or patience stopped it early
    "stopped",  # by a request or a signal; can be resumed
    "failed",  # `message` holds the error, `exit_code` its kind
    "diverged",
)
"""The states that an engine writes."""
ENDED = ("finished", "stopped", "failed", "diverged")
"""The states with which an engine ends."""
FILES = (
    "config.toml", "plan.json", "tokenizer.json", "status.json", "metrics.jsonl", "events.jsonl", "samples.jsonl",
    "requests.jsonl", "piped.txt", "engine.lock", "engine.log", "tokenizer_target.json", "feature_statistics.json",
)  # fmt: skip
"""The files in the folder of a run."""
FOLDERS = {
    "probes": (
        "saturation-*.npz",
        "gradient-*.npz",
        "attention-*.npz",
        "posteriors-*.npz",
        "window.npz",
        "pictures.npz",
    ),
    "tensorboard": ("events.out.tfevents.*",),
    "checkpoints": ("step-*.safetensors", "best.json"),
    "autocomplete": ("text.npz*", "profile*", "biases.npz*", "watch*", "*.lock"),
}
"""The folders in the folder of a run, with the patterns of their files."""
TEMPORARY = ".*.tmp"
"""The pattern of files that `write_atomically` has not renamed yet."""


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
    def events_folder(self) -> Path:
        return self.path / "tensorboard"

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
    """Return whether `path` holds a run, complete or damaged: a folder with a config.toml of any kind."""
    try:
        (path / "config.toml").lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # an unreadable run is still listed
        return path.is_dir()
    return True


def is_imported(run: RunFolder) -> bool:
    """Return whether a run has weights that it has not learnt: a run that trains has a plan before its first step."""
    return not run.plan.exists() and any(run.checkpoints.glob("step-*"))


def is_incomplete_run(path: Path) -> bool:
    """Return whether a folder holds files of a run alone, and no config.toml."""
    try:
        names = [entry.name for entry in path.iterdir()]
    except OSError:
        return False
    known = {*FILES, *FOLDERS} - {"config.toml"}
    return not path.is_symlink() and all(name in known or fnmatch.fnmatch(name, TEMPORARY) for name in names)


def is_occupied(path: Path) -> bool:
    """Return whether no run can be created at `path`: it exists and is not an empty folder."""
    try:
        return not stat.S_ISDIR(path.lstat().st_mode) or any(path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def check_contents(run: RunFolder) -> None:
    """Refuse a run whose folder holds a link, a pipe or the like in place of a file or folder of its own.

    A link could lead anywhere: a received run would be read from there, or written to it. Raises CorruptError, which
    names the first such path, also where the folder cannot be read.
    """
    for name in (*FILES, *FOLDERS):
        path = run.path / name
        try:
            (check_folder if name in FOLDERS else check_regular)(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CorruptError(
                f"{path} cannot be used ({error.strerror or error}); put the run's own in its place, or remove the run."
            ) from error


def modification_time(path: Path) -> float:
    """Return the Unix time at which `path` was last changed; 0 where that is unknown."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def disk_usage(run: RunFolder) -> int:
    """Return how many bytes a run occupies on the disk; unreadable files count nothing."""
    total = 0
    for where, _, files in os.walk(run.path):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(where, name)).st_blocks * 512
    return total
