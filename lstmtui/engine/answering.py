"""The engine's end of the JSON-lines protocol: every request gets an answer, and the next request is read.

{"op": ..., ...}     a request; answered by the lines of its operation, or by {"error": sentence, "exit_code": n}
{"working": true}    a heartbeat, every few seconds while an answer takes longer
"""

from __future__ import annotations

import math
import os
import re
import reprlib
import signal
import sys
import threading
import time
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from lstmtui.common.files import FormatError, bounded_lines, parse_json, to_json
from lstmtui.common.terminal_text import one_line
from lstmtui.engine import process_memory
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder

Answer = dict[str, Any]
Answers = Iterator[Answer]
Answering = Callable[[Any], Answers]
"""A function that answers one parsed request."""
Operation = Callable[..., Answers]
"""A function that answers one kind of request; its parameters are the fields of the request."""

MAX_REQUEST_BYTES = 1 << 24
HEARTBEAT_SECONDS = 5.0
MAX_INTEGER = 2**63 - 1
"""The largest integer that the kernels can represent."""
PATH_FIELDS = ("files", "names", "what", "file", "lm")
"""Fields that hold file names, which may contain any bytes."""
_SURROGATES = re.compile("[\ud800-\udfff]")


def answer_request(answers: Callable[[Any], Answers], line: bytes) -> Answers:
    """Yield the answers to the request in `line`, or one error. No request can make this raise."""
    try:
        yield from answers(_parse(line))
    except LstmtuiError as error:
        yield error_answer(error)
    except MemoryError:
        yield error_answer(LstmtuiError("That does not fit the memory; ask for less."))
    except Exception as error:  # a bug must not end a process that other clients use
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        yield error_answer(LstmtuiError(f"The request cannot be answered ({reason})."))


def error_answer(error: LstmtuiError) -> dict[str, Any]:
    """Return the answer that reports `error`."""
    return {"error": str(error), "exit_code": error.exit_code}


def _parse(line: bytes) -> Any:
    if len(line) > MAX_REQUEST_BYTES:
        raise UsageError(f"A request has at most {MAX_REQUEST_BYTES >> 20} MiB; this one has more.")
    try:
        return parse_json(line, MAX_REQUEST_BYTES)
    except FormatError as error:
        raise UsageError(f"This line cannot be read: {error}.") from None


# --- requests ---------------------------------------------------------------------------------------------------------


def dispatch(operations: Mapping[str, Operation], request: Any, default: str) -> Answers:
    """Yield the answers of the operation that `request` names, or of `default`. Raises LstmtuiError."""
    if not isinstance(request, dict):
        raise UsageError('Each line must be a JSON object such as {"op": "complete", "text": "The "}.')
    name = request.get("op", default)
    operation = operations.get(name) if isinstance(name, str) else None
    if operation is None:
        raise UsageError(f"There is no operation {reprlib.repr(name)}; use {', '.join(operations)}.")
    fields = check_fields(operation, {key: value for key, value in request.items() if key != "op"})
    try:
        yield from operation(**fields)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"The request cannot be understood ({error}).") from error


def check_fields(operation: Operation, fields: dict[str, Any]) -> dict[str, Any]:
    """Return `fields` as arguments for `operation`. Raises UsageError for unknown fields and wrong types.

    Lone surrogates, such as half an emoji, become U+FFFD, except in file names.
    """
    hints = _hints(operation)
    for name, value in fields.items():
        if name not in hints:
            raise UsageError(f"This request has no field {reprlib.repr(name)}; its fields are {', '.join(hints)}.")
        if not _has_type(value, hints[name]):
            raise UsageError(f'"{name}" must be {_describe(hints[name])}, not {reprlib.repr(value)}.')
    return {name: value if name in PATH_FIELDS else replace_surrogates(value) for name, value in fields.items()}


def replace_surrogates(value: Any) -> Any:
    """Return a JSON value with U+FFFD for every lone surrogate in its strings, which UTF-8 cannot encode."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [replace_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {key: replace_surrogates(item) for key, item in value.items()}
    return value


@cache
def _hints(operation: Operation) -> dict[str, Any]:
    return {name: hint for name, hint in typing.get_type_hints(operation).items() if name != "return"}


def _has_type(value: Any, hint: Any) -> bool:
    """Return whether a JSON value has the type `hint`."""
    if hint is Any:
        return True
    if isinstance(hint, types.UnionType):
        return any(_has_type(value, option) for option in typing.get_args(hint))
    origin = typing.get_origin(hint) or hint
    if origin is types.NoneType:
        return value is None
    if origin is bool:
        return isinstance(value, bool)
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER
    if origin is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and abs(value) <= MAX_INTEGER and math.isfinite(value)
    if origin in (list, Sequence):
        return isinstance(value, list) and all(_has_type(item, typing.get_args(hint)[0]) for item in value)
    return isinstance(value, origin)


def _describe(hint: Any) -> str:
    """Return the name of the type `hint` for an error message."""
    if isinstance(hint, types.UnionType):
        return " or ".join(_describe(option) for option in typing.get_args(hint))
    scalars = {str: "a string", int: "an integer", float: "a finite number", bool: "true or false"}
    if hint in scalars:
        return scalars[hint]
    origin = typing.get_origin(hint) or hint
    return {list: "a list of strings", Sequence: "a list of strings", dict: "an object", types.NoneType: "null"}[origin]


# --- standard input and output ----------------------------------------------------------------------------------------


def write_line(answer: dict[str, Any]) -> None:
    """Write one line to standard output. Raises OSError."""
    sys.stdout.buffer.write(to_json(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


def answer_stdin(answers: Callable[[bytes], Iterable[dict[str, Any]]], first: dict[str, Any] | None = None) -> int:
    """Answer each line of standard input until it ends, and return the exit code. `first` is written before all."""
    output = _Output()
    try:
        if first is not None:
            output.write(first)
        for line in bounded_lines(sys.stdin.buffer, MAX_REQUEST_BYTES):
            with output:
                for answer in answers(line):
                    output.write(answer)
    except BrokenPipeError:  # the client has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def serve_run(module: str, arguments: list[str], open_run: Callable[[RunFolder], tuple[Answering, Answer]]) -> int:
    """Answer requests about the run whose folder is the one argument until standard input ends; return the exit code.

    open_run    loads it, and returns what answers a request, and the first line
    """
    process_memory.map_large_arrays()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the front end, which ends this process
    if len(arguments) != 1:
        print(f"usage: python -m {module} RUN_FOLDER", file=sys.stderr)
        return 2
    try:
        answers, first = open_run(RunFolder(Path(arguments[0])))
    except LstmtuiError as error:
        write_line(error_answer(error))
        return error.exit_code
    return answer_stdin(lambda line: answer_request(answers, line), first)


class _Output:
    """Standard output with heartbeats from another thread while a request is answered (inside `with`)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working = False
        threading.Thread(target=self._send_heartbeats, daemon=True).start()

    def __enter__(self) -> None:
        self._working = True

    def __exit__(self, *error: object) -> None:
        self._working = False

    def write(self, answer: dict[str, Any]) -> None:
        """Write one whole line. Raises OSError."""
        with self._lock:
            write_line(answer)

    def _send_heartbeats(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            if self._working:
                try:
                    self.write({"working": True})
                except (OSError, ValueError):  # the client of the answer in progress has gone
                    os._exit(1)
