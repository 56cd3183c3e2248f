"""Processes of the engine: how each of them is started, and how one that answers questions is talked with."""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from lstmtui.common.files import to_json
from lstmtui.errors import ERROR_BY_EXIT_CODE, LstmtuiError

if TYPE_CHECKING:
    import subprocess

MAX_SILENCE = 60.0
"""Seconds without a line from a process that works on a question; it gives a sign of life every few seconds."""
MAX_START = 600.0
"""Seconds until the first line: imports from a slow disk, and a model that is read."""
MAX_TAIL = 1 << 14
"""Bytes of a process's standard error that are remembered."""
ON_THE_WAY = ("piece", "progress", "working")
"""Keys of lines that come before an answer."""

Hear = Callable[[dict[str, Any]], None]

_children: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()
_children_lock = threading.Lock()
_leaving = False


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs an engine module in a process of its own: `python -P -m MODULE ARGUMENTS`.

    Without -P, Python takes the current folder for a folder of modules: a numpy.py beside someone's text would be run.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def start_child(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that answers questions of this one and is of no use without it; `options` are those of Popen."""
    import subprocess

    with _children_lock:
        if _leaving:
            raise LstmtuiError("The program is being left.")
        process = subprocess.Popen(arguments, **options)
        _children.add(process)
    return process


def end_children() -> None:
    """Kill those processes, as the last thing that this one does: none can be started afterwards."""
    global _leaving
    with _children_lock:
        _leaving = True
        for process in _children:
            if process.poll() is None:
                process.kill()


class Child:
    """A process of the engine that answers questions, one at a time: each is a JSON object in a line, as is an answer.

    No side ever waits for the other without end: a process that neither takes a question nor gives a sign of life is
    ended, and its standard error is always read. Thread-safe: callers wait for each other.
    """

    def __init__(self, name: str, module: str, *arguments: str) -> None:
        """Start it; `name` opens what is said when it fails, such as "The model's process"."""
        import subprocess

        self._name = name
        self._lock = threading.Lock()
        self._process = start_child(
            command(module, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        self._read = bytearray()
        assert self._process.stderr is not None
        self._errors = _ErrorReader(self._process.stderr)

    @property
    def alive(self) -> bool:
        """Whether the process can still answer."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process; a question that waits raises LstmtuiError."""
        self._end()
        if self._lock.acquire(timeout=1.0):  # whoever waited for an answer has seen the end of the pipe
            try:
                for pipe in (self._process.stdin, self._process.stdout):
                    assert pipe is not None
                    with contextlib.suppress(OSError):
                        pipe.close()
            finally:
                self._lock.release()

    def first_answer(self) -> dict[str, Any]:
        """Return what it says when it has started. Raises the LstmtuiError that it reports."""
        with self._lock:
            return self._answer(None, MAX_START)

    def ask(
        self, question: dict[str, Any], on_the_way: Callable[[dict[str, Any]], None] | None = None
    ) -> dict[str, Any]:
        """Return the answer to `question`; `on_the_way` takes what comes before it.

        Raises the LstmtuiError that the process reports, or one that says that it has ended.
        """
        line = to_json(question).encode() + b"\n"
        with self._lock:
            if not self.alive:
                raise self._ended()
            self._send(line)
            try:
                return self._answer(on_the_way, MAX_SILENCE)
            except LstmtuiError:
                raise
            except BaseException:  # what still comes would be taken for the next question's answer
                self._end()
                raise

    def _send(self, line: bytes) -> None:
        rest = memoryview(line)
        writable = select.poll()
        writable.register(self._to, select.POLLOUT)
        while rest:
            if not writable.poll(1000 * MAX_SILENCE):
                raise self._silent()
            try:
                rest = rest[os.write(self._to, rest) :]
            except BlockingIOError:  # there was room for less
                time.sleep(0.001)
            except OSError:
                raise self._ended() from None

    def _answer(self, on_the_way: Hear | None, patience: float) -> dict[str, Any]:
        while True:
            line = self._line(patience)
            try:
                answer = dict(json.loads(line))
            except (ValueError, TypeError, RecursionError):
                self._end()
                raise LstmtuiError(f"{self._name} said what is no answer, and was ended.") from None
            if "error" in answer:
                raise ERROR_BY_EXIT_CODE.get(answer.get("exit_code", 1), LstmtuiError)(answer["error"])
            if not any(key in answer for key in ON_THE_WAY):
                return answer
            if on_the_way is not None:
                on_the_way(answer)

    def _line(self, patience: float) -> bytes:
        looked_at = 0
        readable = select.poll()
        readable.register(self._from, select.POLLIN)
        while (end := self._read.find(b"\n", looked_at)) < 0:
            looked_at = len(self._read)
            if not readable.poll(1000 * patience):
                raise self._silent()
            data = os.read(self._from, 1 << 16)
            if not data:
                raise self._ended()
            self._read += data
        line = bytes(self._read[:end])
        del self._read[: end + 1]
        return line

    def _silent(self) -> LstmtuiError:
        self._end()
        return LstmtuiError(f"{self._name} did not answer any more, and was ended; open it again.")

    def _ended(self) -> LstmtuiError:
        self._end()  # it has closed a pipe, but may not be gone
        self._errors.join(1.0)  # something that it started may hold its standard error open
        return LstmtuiError(f"{self._name} ended unexpectedly ({self._errors.last_line() or 'no message'}).")

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()


class _ErrorReader(threading.Thread):
    """Takes what a process writes to standard error, so that it never waits for a reader; remembers the end of it."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._tail = b""
        self.start()

    def run(self) -> None:
        """Read until the process ends."""
        with self._pipe, contextlib.suppress(OSError):
            while data := os.read(self._pipe.fileno(), 1 << 16):
                self._tail = (self._tail + data)[-MAX_TAIL:]

    def last_line(self) -> str:
        """Return the last line that is not empty."""
        return next(iter(self._tail.decode(errors="replace").strip().splitlines()[-1:]), "")
