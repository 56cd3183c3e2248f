"""A loaded model that answers at a socket: python -m lstmtui.engine.standby RUN_FOLDER SOCKET.

One question a connection, answered as `lstmtui.engine.serve` would. It ends when nobody has asked for IDLE seconds, or
when its run or its socket is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from pathlib import Path

from lstmtui.engine import thrift
from lstmtui.engine.serve import Service
from lstmtui.engine.trained import load
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.files import to_json
from lstmtui.runs.folder import RunFolder

IDLE = 900.0
LOOK = 5.0
"""Seconds between looks whether the run is still there."""
LONGEST = 1 << 24
"""Bytes of a question."""


def listen(run: RunFolder, place: Path, *, idle: float = IDLE) -> None:
    """Answer questions about `run` at `place` until there is no more reason to. Raises LstmtuiError, OSError."""
    thrift.keep_arrays_apart()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(fresh := place.with_suffix(f".{os.getpid()}")))
        try:
            service = Service(load(run))
            next(service.answers({"op": "complete", "text": "a"}))  # everything is warm before it can be found
            door.listen()
            door.settimeout(LOOK)
            os.replace(fresh, place)
            mine = os.stat(place).st_ino
            waited = 0.0
            while waited < idle and run.config.exists() and _inode(place) == mine:
                try:
                    line, _ = door.accept()
                except TimeoutError:
                    waited += LOOK
                    continue
                waited = 0.0
                with line, contextlib.suppress(OSError):
                    line.settimeout(LOOK)
                    _answer(service, line)
            if _inode(place) == mine:
                place.unlink(missing_ok=True)
        finally:
            fresh.unlink(missing_ok=True)


def _answer(service: Service, line: socket.socket) -> None:
    with line.makefile("rwb") as talk:
        try:
            for answer in service.answers(json.loads(talk.readline(LONGEST))):
                talk.write(to_json(answer).encode() + b"\n")
                talk.flush()
        except LstmtuiError as error:
            talk.write(to_json({"error": str(error), "exit_code": error.exit_code}).encode() + b"\n")
        except ValueError:
            talk.write(to_json({"error": "This line is not JSON.", "exit_code": UsageError.exit_code}).encode() + b"\n")


def _inode(place: Path) -> int | None:
    with contextlib.suppress(OSError):
        return os.stat(place).st_ino
    return None


if __name__ == "__main__":
    with contextlib.suppress(LstmtuiError, OSError):
        listen(RunFolder(Path(sys.argv[1])), Path(sys.argv[2]))
