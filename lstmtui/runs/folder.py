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
import fnmatch
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lstmtui.common.opening import PRIVATE_FOLDER, check_folder, check_regular, open_regular
from lstmtui.common.paths import runs_root
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import CorruptError, LockedError, LstmtuiError, UsageError

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
DRAFT = ".{name}.{token}.draft"
"""What a run's folder is called while it is made."""
MAX_DRAFT_AGE = 86400.0
"""Seconds after which a draft is of a process that died."""


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
    while candidate == LATEST or is_taken(root / candidate):
        candidate, number = f"{stem}-{number}", number + 1
    return candidate


def is_run(path: Path) -> bool:
    """Return whether there is a run at `path`, whole or damaged: a folder with a config.toml, of whatever kind."""
    try:
        (path / "config.toml").lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it cannot be looked at, which is no reason to leave it out
        return path.is_dir()
    return True


def is_taken(path: Path) -> bool:
    """Return whether no run can be made at `path`: something stands there that is more than an empty folder."""
    try:
        return not stat.S_ISDIR(path.lstat().st_mode) or any(path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


@contextlib.contextmanager
def creation(run: RunFolder) -> Iterator[RunFolder]:
    """Give a draft of `run` to be filled, which then takes its place as a whole, or goes where filling it fails.

    Raises UsageError where something stands in that place, and OSError.
    """
    if is_taken(run.path):
        raise UsageError(_in_the_way(run))
    run.path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_drafts(run.path.parent)
    draft = RunFolder(run.path.with_name(DRAFT.format(name=run.name[:64], token=secrets.token_hex(4))))
    draft.path.mkdir(mode=PRIVATE_FOLDER)
    try:
        yield draft
        os.rename(draft.path, run.path)  # takes the place of an empty folder too, and of nothing else
    except (FileExistsError, NotADirectoryError):
        shutil.rmtree(draft.path, ignore_errors=True)
        raise UsageError(_in_the_way(run)) from None
    except BaseException as error:
        shutil.rmtree(draft.path, ignore_errors=True)
        if isinstance(error, OSError) and is_taken(run.path):  # ENOTEMPTY: another process was quicker
            raise UsageError(_in_the_way(run)) from None
        raise


def _in_the_way(run: RunFolder) -> str:
    if is_run(run.path):
        return f"There is already a run '{run.name}'; choose another --name, or resume or remove it."
    if is_remains(run.path):
        return f"{run.path} holds what is left of a run; 'lstmtui rm {run.name}' removes it, or choose another --name."
    return f"{run.path} is there and is not a run; choose another --name, or move it away."


def is_remains(path: Path) -> bool:
    """Return whether a folder holds nothing but a run's files, without the config.toml that makes it a run."""
    try:
        names = [entry.name for entry in path.iterdir()]
    except OSError:
        return False
    known = {*FILES, *FOLDERS} - {"config.toml"}
    return not path.is_symlink() and all(name in known or fnmatch.fnmatch(name, TEMPORARY) for name in names)


def _sweep_drafts(root: Path) -> None:
    """Remove drafts of processes that died long ago."""
    for path in root.glob(DRAFT.format(name="*", token="*")):
        if _modified(path) < time.time() - MAX_DRAFT_AGE and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def all_runs(root: Path | None = None) -> list[RunFolder]:
    """Return every run, damaged ones too, the one with the newest status first."""
    root = root or runs_root()
    try:
        found = [RunFolder(path) for path in root.iterdir() if not path.name.startswith(".") and is_run(path)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UsageError(f"The folder of runs {root} cannot be read ({error.strerror or error}).") from error
    return sorted(found, key=lambda run: (_modified(run.status), _modified(run.config), run.name), reverse=True)


def check(run: RunFolder) -> None:
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


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def find(run: str, root: Path | None = None) -> RunFolder:
    """Return the run with this name, `latest`, or the run folder at this path.

    Raises UsageError where there is none, CorruptError where something else stands where its files belong.
    """
    folder = _find(run, root)
    check(folder)
    return folder


def find_to_remove(run: str, root: Path | None = None) -> RunFolder:
    """Return the run as `find` does, also a damaged one or what is left of one. Raises UsageError.

    A folder that only has a config.toml of some other program is none.
    """
    from lstmtui import config

    if os.sep not in run and run != LATEST:
        named = RunFolder((root or runs_root()) / check_name(run))
        if named.path.is_dir() and is_remains(named.path):
            return named
    folder = _find(run, root)
    if not any((folder.path / name).exists() for name in ("engine.lock", "metrics.jsonl", "plan.json")):
        try:
            config.load(folder.config)
        except LstmtuiError as error:
            raise UsageError(f"{folder.path} is not a run, so nothing of it is removed.") from error
    return folder


def _find(run: str, root: Path | None) -> RunFolder:
    root = root or runs_root()
    if run == LATEST:
        if not (runs := all_runs(root)):
            raise UsageError(f"There are no runs yet in {root}; start one with 'lstmtui train FILE'.")
        return next(filter(_is_usable, runs), runs[0])
    if os.sep in run:
        folder = RunFolder(Path(run).expanduser())
        if not is_run(folder.path):
            raise UsageError(f"{one_line(run, 120)} is not a run folder (no config.toml in it).")
        return folder
    folder = RunFolder(root / check_name(run))
    if not is_run(folder.path):
        import difflib

        close = difflib.get_close_matches(run, [r.name for r in all_runs(root)], n=1)
        hint = f"did you mean '{close[0]}'?" if close else "'lstmtui ls' lists the runs."
        raise UsageError(f"There is no run '{one_line(run, 80)}' in {root}; {hint}")
    return folder


def _is_usable(run: RunFolder) -> bool:
    """Return whether a run is not damaged in a way that each command refuses."""
    from lstmtui import config

    try:
        check(run)
        config.load(run.config)
    except LstmtuiError:
        return False
    return True


def remove(run: RunFolder) -> list[str]:
    """Delete a run and return the names of what was left because no run has such files.

    A path that a person typed may be a folder with other things in it, so only a run's own files go, and a link goes
    without what it leads to. Raises LockedError while an engine works on it, and LstmtuiError when the system refuses.
    """
    lock = _lock_to_remove(run)
    try:
        # config.toml first: whatever happens after that, no list shows half a run.
        for name in FILES:
            _remove_file(run.path / name)
        for name, patterns in FOLDERS.items():
            _remove_folder(run.path / name, patterns)
        for path in run.path.glob(TEMPORARY):
            _remove_file(path)
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
    from lstmtui.common.files import write_atomically

    renamed = RunFolder(run.path.absolute().parent / check_name(name))
    if is_taken(renamed.path):
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


def _lock_to_remove(run: RunFolder) -> EngineLock:
    try:
        try:
            return EngineLock(run)
        except OSError:  # no file of ours is where the lock belongs: that of the folder is enough
            return EngineLock(run, folder_only=True)
    except OSError as error:
        raise LstmtuiError(f"{run.path} cannot be removed ({error.strerror or error}).") from error


def _remove_file(path: Path) -> None:
    """Remove a file, or whatever else no folder is; a folder of this name is not a run's."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)


def _remove_folder(folder: Path, patterns: tuple[str, ...]) -> None:
    """Remove the files in `folder` that a run has there, and it too if it is empty then; a link to a folder goes."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    for path in list(folder.iterdir()):
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in (*patterns, TEMPORARY)):
            _remove_file(path)
    if not any(folder.iterdir()):
        folder.rmdir()


class EngineLock:
    """Held by an engine for as long as it lives; the kernel frees it however the process ends.

    It locks the file engine.lock and the folder itself: whoever removes the file does not free the run.
    Raises LockedError when another engine holds it, and OSError. Viewers probe it with `engine_alive`, for an instant
    at a time, so taking it is tried for a second.
    """

    def __init__(self, run: RunFolder, *, folder_only: bool = False) -> None:
        self.folder = os.open(run.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        """A descriptor of the folder, which stands for it wherever it is moved."""
        self._file: int | None = None
        try:
            with contextlib.suppress(OSError):  # a file system that locks no folders, such as NFS
                _lock(self.folder, run)
            if not folder_only:
                self._file = open_regular(run.lock, os.O_RDWR | os.O_CREAT)
                _lock(self._file, run)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        for descriptor in (self._file, self.folder):
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._file, self.folder = None, -1


def _lock(descriptor: int, run: RunFolder) -> None:
    for _ in range(20):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.05)
    raise LockedError(f"Run '{run.name}' is already being trained by another engine; stop that one first.")


def place_of(folder: int, path: Path) -> Path | None:
    """Return where the open `folder` is, which was at `path`; None where it has been removed, or cannot be found."""
    if _is_at(folder, path):
        return path
    moved = _path_of(folder)
    return moved if moved is not None and _is_at(folder, moved) else None


def _is_at(folder: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(folder))
    except FileNotFoundError:
        return False
    except OSError:  # it cannot be told, as of a disk that is away for a moment
        return True


def _path_of(folder: int) -> Path | None:
    """Return the path by which the system knows an open folder, where it says so."""
    with contextlib.suppress(OSError):
        if hasattr(fcntl, "F_GETPATH"):  # macOS
            return Path(os.fsdecode(fcntl.fcntl(folder, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")))
        return Path(os.readlink(f"/proc/self/fd/{folder}"))
    return None


def engine_alive(run: RunFolder) -> bool:
    """Return whether an engine holds the run's lock (on this machine)."""
    return any(map(_is_locked, (run.lock, run.path)))


def _is_locked(path: Path) -> bool:
    try:
        # A folder is opened as what it is; of files only regular ones, without waiting for whatever else is there.
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY) if path.is_dir() else open_regular(path)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
