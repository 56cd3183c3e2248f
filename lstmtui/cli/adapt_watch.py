"""`lstmtui adapt RUN --watch FOLDER`, and how it is paused and shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lstmtui.cli.options import path, run_argument
from lstmtui.cli.output import notify, write_json
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import UsageError
from lstmtui.runs import watching
from lstmtui.runs.folder import RunFolder

INTERRUPTED = 130
"""Exit code after Ctrl-C, as for any other program."""


def watch(run: RunFolder, folders: Sequence[str], *, share: float, encoding: str, json: bool) -> int:
    """Learn from what is saved in `folders` until Ctrl-C, and return the exit code. Raises LstmtuiError."""
    from lstmtui.client.watch import Watch

    places = [_folder(name) for name in folders]
    try:
        with Watch(run, places, share=share, encoding=encoding) as started:
            for line in _beginning(run, places, started.about, share):
                notify(line)
            for event in started.events():
                if json:
                    write_json({"run": run.name, **event})
                    continue
                for line in said(run, event, places):
                    notify(line)
    except KeyboardInterrupt:
        notify(f"The watch has ended; what was learnt stays ('lstmtui adapt {run_argument(run)} --show').")
        return INTERRUPTED
    return 0


def pause(run: RunFolder, *, paused: bool) -> str:
    """Pause the watch of a run or let it continue, and return what to say. Raises LstmtuiError."""
    if paused:
        watching.pause(run)
        now = f"The watch of '{run.name}' is paused; 'lstmtui adapt {run_argument(run)} --resume' continues it."
    else:
        watching.resume(run)
        now = f"The watch of '{run.name}' continues."
    return now if watching.is_running(run) else f"{now} It is not running now."


def shown(run: RunFolder) -> list[str]:
    """Return lines about the folders that are watched; none where there is no watch."""
    watched = watching.load(run)
    if watched is None:
        return []
    folders = ", ".join(one_line(folder) for folder in watched.folders)
    state = "paused" if watching.is_paused(run) else "watched now"
    if not watching.is_running(run):
        state = f"not watched now, 'lstmtui adapt {run_argument(run)} --watch FOLDER' goes on"
    left_out = sorted(watching.left_out(run))
    count = len(watched.bytes_learnt.keys() - set(left_out))
    lines = [f"{count:,} file{'' if count == 1 else 's'} from {folders} ({state})"]
    if left_out:
        lines.append(f"left out: {', '.join(map(one_line, left_out))}")
    return lines


def state(run: RunFolder) -> dict[str, Any] | None:
    """Return the same for --json; None where there is no watch."""
    watched = watching.load(run)
    if watched is None:
        return None
    left_out = watching.left_out(run)
    return {
        "folders": watched.folders,
        "files": sorted(watched.bytes_learnt.keys() - left_out),
        "left_out": sorted(left_out),
        "running": watching.is_running(run),
        "paused": watching.is_paused(run),
    }


def _folder(name: str) -> Path:
    """Return the folder that was given. Raises UsageError."""
    folder = path(name)
    if not folder.exists():
        raise UsageError(f"There is no folder '{name}' to watch.")
    if not folder.is_dir():
        raise UsageError(f"'{name}' is a file; give a folder to watch, or leave out --watch to learn from the file.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UsageError(f"The folder '{name}' cannot be read; check its permissions, or give another.")
    return folder


def _beginning(run: RunFolder, places: Sequence[Path], about: dict[str, Any], share: float) -> Iterator[str]:
    where, files = ", ".join(map(str, places)), about["files"]
    new = f"{files:,} file{'' if files == 1 else 's'} to be learnt" if files else "nothing new so far"
    yield f"Watching {where} for '{run.name}', {new}. It takes at most {share:.0%} of one core; Ctrl-C ends it."
    if about["paused"]:
        yield f"It is paused; 'lstmtui adapt {run_argument(run)} --resume' continues it."


def said(run: RunFolder, event: dict[str, Any], places: Sequence[Path]) -> Iterator[str]:
    """Yield the sentences for one event."""
    if "words" in event:
        learnt, gone = (_listed(event[key], places) for key in ("learnt", "forgotten"))
        done = " ".join([f"Learnt {learnt}."] * bool(learnt) + [f"Forgot {gone}."] * bool(gone))
        yield f"{done} The profile of '{run.name}' has {event['words']:,} words ({event['new']:+,})."
    elif "skipped" in event:
        reasons = [f"{_short(name, places)} ({reason})" for name, reason in event["skipped"].items()]
        yield f"Not learnt: {_first(reasons)}."
    elif "paused" in event:
        yield "Paused." if event["paused"] else "Continued."
    elif "away" in event:
        yield f"{event['away']} cannot be reached; nothing of it is forgotten."
    elif "back" in event:
        yield f"{event['back']} is back."
    elif "put_aside" in event:
        yield f"The old profile is unreadable and was renamed to {event['put_aside']}; the profile starts empty."
    elif "ended" in event:
        yield f"The watch ends: {event['ended']}."


def _listed(names: Sequence[str], places: Sequence[Path]) -> str:
    return _first([_short(name, places) for name in names])


def _first(names: Sequence[str]) -> str:
    """Return a list of names for a sentence, of which a few are named."""
    from lstmtui.data.reading import MAX_LISTED

    more = [f"and {len(names) - MAX_LISTED:,} more"] if len(names) > MAX_LISTED else []
    return ", ".join([*map(one_line, names[:MAX_LISTED]), *more])


def _short(name: str, places: Sequence[Path]) -> str:
    """Return the path of a file below the folder that is watched."""
    for place in places:
        if name.startswith(inside := os.path.join(place.absolute(), "")):
            return name.removeprefix(inside)
    return name
