"""Processes of the engine: how each is started, and how one that answers in JSON lines is asked."""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Self

from lstmtui.common.closing import Closing
from lstmtui.common.files import to_json
from lstmtui.errors import ERROR_BY_EXIT_CODE, LstmtuiError
from lstmtui.protocol import INTERIM_KEYS

if TYPE_CHECKING:
    import subprocess

    from lstmtui.runs.folder import RunFolder

MAX_SILENCE = 60.0
"""Seconds to wait for a line from a process that works on a question; it sends one every few seconds."""
MAX_START = 600.0
"""Seconds to wait for the first line: imports from a slow disk, kernels to compile, a model to load."""
MAX_TAIL = 1 << 14
"""Bytes kept from the end of a process's standard error."""

OnInterim = Callable[[dict[str, Any]], None]

_children: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()
_children_lock = threading.Lock()
_exiting = False


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs an engine module in a process of its own: `python -P -m MODULE ARGUMENTS`.

    Without -P, Python imports from the current folder first: a numpy.py beside a user's text would be run.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def reported_error(answer: dict[str, Any]) -> LstmtuiError:
    """Return the error that an answer with "error" and "exit_code" stands for."""
    return ERROR_BY_EXIT_CODE.get(answer.get("exit_code", 1), LstmtuiError)(answer["error"])


def kill_children() -> None:
    """Kill every Child as the last thing before this process exits; none can be started afterwards."""
    global _exiting
    with _children_lock:
        _exiting = True
        for process in _children:
            if process.poll() is None:
                process.kill()


class Child:
    """A process of the engine that serves this one: questions and answers are JSON objects, one a line.

    Neither side waits forever for the other: a process that neither reads a question nor writes a line in time is
    killed, and its standard error is always drained. Thread-safe: callers wait for each other.
    """

    def __init__(self, name: str, module: str, *arguments: str) -> None:
        """Start it; `name` begins the messages about its failures, such as "The model's process"."""
        import subprocess

        self._name = name
        self._lock = threading.Lock()
        with _children_lock:
            if _exiting:
                raise LstmtuiError("The program is being closed.")
            self._process = subprocess.Popen(
                command(module, *arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            _children.add(self._process)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin, self._stdout = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._stdin, False)
        self._received = bytearray()
        self._errors = _ErrorReader(self._process.stderr)

    @property
    def alive(self) -> bool:
        """Whether the process can still answer."""
        return self._process.poll() is None

    def close(self) -> None:
        """Kill the process; a caller that waits for an answer gets an LstmtuiError."""
        self._kill()
        if self._lock.acquire(timeout=1.0):  # a waiting caller has seen the end of the pipe
            try:
                for pipe in (self._process.stdin, self._process.stdout):
                    assert pipe is not None
                    with contextlib.suppress(OSError):
                        pipe.close()
            finally:
                self._lock.release()

    def first_answer(self, *, timeout: float = MAX_START) -> dict[str, Any]:
        """Return the object that the process writes unasked, once it has started. Raises the LstmtuiError it reports.

        timeout    seconds to wait for it
        """
        with self._lock:
            return self._answer(None, timeout)

    def answers(self, *, timeout: float | None = MAX_START) -> Iterator[dict[str, Any]]:
        """Yield every object that the process writes unasked, until it exits. Raises the LstmtuiError it reports.

        timeout    seconds to wait for each; None waits for ever
        """
        while True:
            with self._lock:
                line = self._line(timeout)
                if line is None:
                    break
                answer = self._parse(line)
            yield answer
        if self._exit_code(timeout or MAX_SILENCE):
            raise self._ended()

    def ask(self, question: dict[str, Any], on_interim: OnInterim | None = None) -> dict[str, Any]:
        """Return the answer to `question`; `on_interim` gets the lines that come before it.

        Raises the LstmtuiError that the process reports, or one that says that it has ended.
        """
        line = to_json(question).encode() + b"\n"
        with self._lock:
            if not self.alive:
                raise self._ended()
            self._send(line)
            try:
                return self._answer(on_interim, MAX_SILENCE)
            except LstmtuiError:
                raise
            except BaseException:  # the rest of this answer would be read as the next one
                self._kill()
                raise

    def _send(self, line: bytes) -> None:
        rest = memoryview(line)
        writable = select.poll()
        writable.register(self._stdin, select.POLLOUT)
        while rest:
            if not writable.poll(1000 * MAX_SILENCE):
                raise self._unresponsive()
            try:
                rest = rest[os.write(self._stdin, rest) :]
            except BlockingIOError:  # the pipe had less room than was offered
                time.sleep(0.001)
            except OSError:
                raise self._ended() from None

    def _answer(self, on_interim: OnInterim | None, timeout: float) -> dict[str, Any]:
        while True:
            line = self._line(timeout)
            if line is None:
                raise self._ended()
            answer = self._parse(line)
            if not any(key in answer for key in INTERIM_KEYS):
                return answer
            if on_interim is not None:
                on_interim(answer)

    def _parse(self, line: bytes) -> dict[str, Any]:
        try:
            answer = dict(json.loads(line))
        except (ValueError, TypeError, RecursionError):
            self._kill()
            raise LstmtuiError(f"{self._name} sent an invalid answer and was ended.") from None
        if "error" in answer:
            raise reported_error(answer)
        return answer

    def _line(self, timeout: float | None) -> bytes | None:
        """Return the next line of standard output; None at its end. A timeout of None waits for ever."""
        searched = 0
        readable = select.poll()
        readable.register(self._stdout, select.POLLIN)
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if not readable.poll(None if timeout is None else 1000 * timeout):
                raise self._unresponsive()
            data = os.read(self._stdout, 1 << 16)
            if not data:
                return None
            self._received += data
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def _exit_code(self, timeout: float) -> int:
        import subprocess

        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self._unresponsive() from None

    def _unresponsive(self) -> LstmtuiError:
        self._kill()
        return LstmtuiError(f"{self._name} did not answer in time and was ended; open it again.")

    def _ended(self) -> LstmtuiError:
        self._kill()  # a closed pipe does not mean that the process has exited
        self._errors.join(1.0)  # a process that it started may hold its standard error open
        return LstmtuiError(f"{self._name} ended unexpectedly ({self._errors.last_line() or 'no message'}).")

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()


def open_child(name: str, module: str, *arguments: str) -> tuple[Child, dict[str, Any]]:
    """Start a process that loads something, and return it with its first answer.

    The process is ended where that is an error, which is raised. Arguments as of `Child`.
    """
    child = Child(name, module, *arguments)
    try:
        return child, child.first_answer()
    except BaseException:
        child.close()
        raise


class _ErrorReader(threading.Thread):
    """Drains a process's standard error, so that the process never blocks on it, and keeps its end."""

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


def progress_to(on_progress: Callable[[float], object] | None) -> OnInterim:
    """Return what gives the part that is done, of lines before an answer, to `on_progress`."""

    def interim(line: dict[str, Any]) -> None:
        if on_progress is not None and "progress" in line:
            on_progress(line["progress"])

    return interim


class LoadedRun(Closing):
    """A trained run, loaded in a process of its own that answers one question at a time.

    Thread-safe: callers wait for each other. Raises the LstmtuiError that the process reports.
    """

    process_name: ClassVar[str]
    """What messages call the process."""
    service: ClassVar[str]
    """The module that it runs."""

    def __init__(self, run: RunFolder) -> None:
        self._child, self.about = open_child(self.process_name, self.service, str(run.path))
        """The process, and what it says of the run that it has loaded."""

    @classmethod
    def load(cls, run: str | Path, *, runs_dir: str | Path | None = None) -> Self:
        """Load a run by its name, 'latest' or the path of its folder.

        Raises UsageError for a run that does not exist, was trained for something else or has no checkpoint yet,
        CorruptError for a damaged one.
        """
        from lstmtui.runs.listing import run_named

        return cls(run_named(run, runs_dir))

    @property
    def alive(self) -> bool:
        """Whether the process can still answer."""
        return self._child.alive

    def close(self) -> None:
        """End the process."""
        self._child.close()
