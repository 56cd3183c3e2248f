"""The list of runs, and one run by its name or path."""

from __future__ import annotations

import os
from pathlib import Path

from lstmtui.common.paths import runs_root
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs import base
from lstmtui.runs.folder import RunFolder, check_contents, is_incomplete_run, is_run, modification_time
from lstmtui.runs.names import LATEST, check_run_name


def list_runs(root: Path | None = None) -> list[RunFolder]:
    """Return every run, damaged ones too; the run with the newest status comes first."""
    root = root or runs_root()
    try:
        found = [RunFolder(path) for path in root.iterdir() if not path.name.startswith(".") and is_run(path)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UsageError(f"The folder of runs {root} cannot be read ({error.strerror or error}).") from error
    return sorted(
        found, key=lambda run: (modification_time(run.status), modification_time(run.config), run.name), reverse=True
    )


def find_run(run: str, root: Path | None = None) -> RunFolder:
    """Return the run with this name or path; `latest` is the newest one, `base` the one that comes with the program,
    unless there is another of that name.

    Raises UsageError where there is none, CorruptError where `check_contents` refuses it.
    """
    folder = _find(run, root)
    check_contents(folder)
    return folder


def latest_or_base(run: str, root: Path | None = None) -> str:
    """Return `run`, or the name of the run that comes with the program where the latest is meant and there is none."""
    return base.NAME if run == LATEST and not list_runs(root) and base.stored_run().is_file() else run


def find_removable_run(run: str, root: Path | None = None) -> RunFolder:
    """Return the run as `find_run` does, also a damaged or incomplete one. Raises UsageError.

    A folder whose config.toml belongs to another program is no run.
    """
    from lstmtui import config

    if os.sep not in run and run != LATEST:
        named = RunFolder((root or runs_root()) / check_run_name(run))
        if named.path.is_dir() and is_incomplete_run(named.path):
            return named
    folder = _find(run, root)
    if not any((folder.path / name).exists() for name in ("engine.lock", "metrics.jsonl", "plan.json")):
        try:
            config.load(folder.config)
        except LstmtuiError as error:
            raise UsageError(f"{folder.path} is not a run, so nothing of it is removed.") from error
    return folder


def run_named(run: str | Path, runs_dir: str | Path | None = None) -> RunFolder:
    """Return the run that a program names: by its name, 'latest', or the path of its folder. Raises UsageError."""
    if isinstance(run, Path) or os.sep in run:
        run = os.path.join(os.curdir, run)
    return find_run(run, Path(runs_dir).expanduser() if runs_dir else None)


def _find(run: str, root: Path | None) -> RunFolder:
    root = root or runs_root()
    if run == LATEST:
        if not (runs := list_runs(root)):
            raise UsageError(f"There are no runs yet in {root}; start one with 'lstmtui train FILE'.")
        return next(filter(_is_usable, runs), runs[0])
    if os.sep in run:
        folder = RunFolder(Path(run).expanduser())
        if not is_run(folder.path):
            raise UsageError(f"{one_line(run, 120)} is not a run folder (no config.toml in it).")
        return folder
    folder = RunFolder(root / check_run_name(run))
    if not is_run(folder.path):
        if run == base.NAME and (copy := base.unpacked(root)) is not None:
            return copy
        import difflib

        close = difflib.get_close_matches(run, [r.name for r in list_runs(root)], n=1)
        hint = f"did you mean '{close[0]}'?" if close else "'lstmtui ls' lists the runs."
        raise UsageError(f"There is no run '{one_line(run, 80)}' in {root}; {hint}")
    return folder


def _is_usable(run: RunFolder) -> bool:
    """Return whether commands accept the run."""
    from lstmtui import config

    try:
        check_contents(run)
        config.load(run.config)
    except LstmtuiError:
        return False
    return True
