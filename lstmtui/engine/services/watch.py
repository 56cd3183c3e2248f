"""Learns from folders until it is ended: python -m lstmtui.engine.services.watch RUN_FOLDER SHARE ENCODING FOLDER...

Standard output has one JSON object a line: {"ready": true, "files": to be learnt, "paused": ...} or an error first,
then the events of `lstmtui.engine.autocomplete.watcher`, {"paused": true or false}, and {"ended": reason} where it ends
by itself. It also ends when its standard input does. The network is not loaded.
"""

from __future__ import annotations

import contextlib
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from lstmtui import config
from lstmtui.data.reading import ReadOptions
from lstmtui.engine.answering import Answer, error_answer, write_line
from lstmtui.engine.autocomplete.watcher import Watcher
from lstmtui.engine.processor_share import ProcessorShare, give_way
from lstmtui.errors import LockedError, LstmtuiError, UsageError
from lstmtui.runs import watching
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.watching import WatchLock

POLL_SECONDS = 2.0
"""Seconds between two looks at the folders."""

Write = Callable[[Answer], None]
Wait = Callable[[float], bool]
"""Waits for as many seconds, and returns whether to end."""


def watch(run: RunFolder, watcher: Watcher, lock: WatchLock, share: ProcessorShare, write: Write, wait: Wait) -> None:
    """Look at the folders in turn with resting, until there is a reason to end. Raises LstmtuiError."""
    paused = watching.is_paused(run)
    write({"ready": True, "files": watcher.waiting(), "paused": paused})
    share.rest()  # what loading took does not count
    while True:
        if not lock.valid:
            return write({"ended": "the profile has been removed"})
        if paused != watching.is_paused(run):
            paused = not paused
            write({"paused": paused})
        if not paused:
            with contextlib.suppress(LockedError):  # another process changes the profile: the next look tries again
                for event in watcher.look():
                    write(event)
        rest = share.rest()
        if wait(rest if watcher.behind and not paused else max(rest, POLL_SECONDS)):
            return None


def wait_for_end_of_input(seconds: float) -> bool:
    """Wait `seconds`, or until standard input ends, and return whether it has."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def main(arguments: list[str]) -> int:
    """Watch the folders that are given; return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the front end, which ends this process
    folder, share, encoding, *folders = arguments
    run = RunFolder(Path(folder))
    give_way()
    try:
        settings = config.load(run.config).data
        if settings.purpose not in config.TEXT_PURPOSES:
            raise UsageError(f"Run '{run.name}' was trained for {settings.purpose}; only runs for text have a profile.")
        options = ReadOptions.of(settings, encoding)
        with WatchLock(run) as lock, contextlib.suppress(BrokenPipeError):
            watcher = Watcher(run, [Path(each) for each in folders], options, lock)
            watch(run, watcher, lock, ProcessorShare(float(share)), write_line, wait_for_end_of_input)
    except LstmtuiError as error:
        write_line(error_answer(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
