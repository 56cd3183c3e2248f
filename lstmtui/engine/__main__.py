"""The engine process: python -m lstmtui.engine RUN_FOLDER [DEVICE] [UNIT=MORE].

Trains the run from its newest checkpoint to its end, on DEVICE instead of the device of its settings. UNIT=MORE, for
example steps=500 or minutes=3, sets the end relative to that checkpoint. Answers requests from the run folder; SIGINT,
SIGTERM and SIGHUP save and stop. The exit code and the final message are written to status.json.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

from lstmtui.common.terminal_text import one_line
from lstmtui.config import DEVICES, LENGTHS
from lstmtui.engine.training.waiting import is_left_behind
from lstmtui.errors import LstmtuiError, SaveError
from lstmtui.runs.folder import RunFolder, check_contents
from lstmtui.runs.lock import EngineLock
from lstmtui.runs.writer import RunWriter

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of the system for a disk that cannot be written."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    """Train the run in the folder given, and return the exit code (see lstmtui.errors)."""
    received: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        received.append(number)

    for number in SIGNALS:
        signal.signal(number, remember)
    options = arguments[1:]
    device = options.pop(0) if options and options[0] in DEVICES else None
    more = options.pop(0) if options and options[0].partition("=")[0] in LENGTHS else None
    if not arguments or options:
        print("usage: python -m lstmtui.engine RUN_FOLDER [DEVICE] [UNIT=MORE]", file=sys.stderr)
        return 2
    run = RunFolder(Path(arguments[0]))
    try:
        check_contents(run)
        lock = EngineLock(run)
    except LstmtuiError as error:
        print(f"lstmtui: {one_line(str(error))}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"lstmtui: {one_line(str(run.path))} cannot be used ({error.strerror}).", file=sys.stderr)
        return 1
    writer = RunWriter(run)
    writer.track_folder(lock.folder)
    try:
        code = _train(run, writer, received, device, more)
    finally:
        writer.close()
        lock.release()
    return code


def _train(
    run: RunFolder, writer: RunWriter, received: list[int], device: str | None = None, more: str | None = None
) -> int:
    writer.event("started", pid=os.getpid())
    try:
        # Numba and the kernels are loaded only now that the lock is held and viewers can see the run start.
        from lstmtui.engine.training.extension import Extension
        from lstmtui.engine.training.trainer import Trainer, run_to_the_end

        further = Extension.parse(more) if more is not None else None
        state = run_to_the_end(Trainer(run, writer, lambda: bool(received), device, further))
        code = 128 + received[0] if received and state == "stopped" else 0
        writer.status(state=state, exit_code=code)
    except LstmtuiError as error:
        code = error.exit_code
        writer.log(str(error))
        if writer.gone or writer.run != run:  # viewers at the old path find no status there
            print(f"lstmtui: {one_line(str(error))}", file=sys.stderr)
        writer.status(state="diverged" if code == 4 else "failed", message=str(error), exit_code=code)
    except BaseException as error:  # a panic of a compiled library is no Exception
        code, message = _describe_unexpected(run, error)
        writer.log(traceback.format_exc())
        writer.status(state="failed", exit_code=code, message=message)
    return code


def _describe_unexpected(run: RunFolder, error: BaseException) -> tuple[int, str]:
    """Return exit code and message for an unexpected exception."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        where = f"{error.filename or run.path} cannot be written ({error.strerror})"
        return SaveError.exit_code, f"{where}; make room on the disk and resume the run."
    if isinstance(error, MemoryError):
        return 1, "There is not enough memory; end other programs and resume the run, or start a smaller one."
    name = type(error).__name__
    return 1, f"The engine failed unexpectedly ({name}: {error}); engine.log has the details."


if __name__ == "__main__":
    ending = main(sys.argv[1:])
    if is_left_behind():  # a running library call would block the interpreter's shutdown
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ending)
    sys.exit(ending)
