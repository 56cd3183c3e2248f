"""The engine's side of a conversation in JSON lines: whatever is asked gets an answer, and the next question is read.

{"op": ..., ...}     a question; answered by lines of its operation, or by {"error": sentence, "exit_code": n}
{"working": true}    comes every few seconds while an answer takes longer: a sign of life
"""

from __future__ import annotations

import math
import os
import re
import reprlib
import sys
import threading
import time
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from lstmtui.common.files import FormatError, bounded_lines, parse_json, to_json
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import LstmtuiError, UsageError

Answers = Iterator[dict[str, Any]]

MAX_QUESTION = 1 << 24
"""Bytes of a question."""
SIGN_EVERY = 5.0
"""Seconds between signs of life."""
MAX_INTEGER = 2**63 - 1
"""What the kernels can count to."""
PATHS = ("files", "names", "what")
"""Details that name files, of any bytes."""
_SURROGATES = re.compile("[\ud800-\udfff]")


def answered(answers: Callable[[Any], Answers], line: bytes) -> Answers:
    """Yield what `answers` says to the question in `line`, or one error; raises nothing that a question can lead to."""
    try:
        yield from answers(_question(line))
    except LstmtuiError as error:
        yield failure(error)
    except MemoryError:
        yield failure(LstmtuiError("That does not fit the memory; ask for less."))
    except Exception as error:  # a fault of ours must not end what others still ask
        what = one_line(f"{type(error).__name__}: {error}", 200)
        yield failure(LstmtuiError(f"The question cannot be answered ({what})."))


def failure(error: LstmtuiError) -> dict[str, Any]:
    """Return the answer that stands for an error."""
    return {"error": str(error), "exit_code": error.exit_code}


def _question(line: bytes) -> Any:
    if len(line) > MAX_QUESTION:
        raise UsageError(f"A question may have {MAX_QUESTION >> 20} MiB, and this one has more.")
    try:
        return parse_json(line, MAX_QUESTION)
    except FormatError as error:
        raise UsageError(f"This line cannot be read: {error}.") from None


# --- what is in a question --------------------------------------------------------------------------------------------


def checked(operation: Callable[..., Answers], details: dict[str, Any]) -> dict[str, Any]:
    """Return `details` as `operation` takes them. Raises UsageError for others, and for values of a wrong type.

    Characters that no encoding has (half an emoji) become U+FFFD, but in the names of files.
    """
    hints = _hints(operation)
    for name, value in details.items():
        if name not in hints:
            raise UsageError(f"There is no {reprlib.repr(name)} in this question; it takes {', '.join(hints)}.")
        if not _fits(value, hints[name]):
            raise UsageError(f'"{name}" must be {_words(hints[name])}, not {reprlib.repr(value)}.')
    return {name: value if name in PATHS else encodable(value) for name, value in details.items()}


def encodable(value: Any) -> Any:
    """Return `value` with U+FFFD for what UTF-8 cannot encode, in every text in it."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [encodable(each) for each in value]
    if isinstance(value, dict):
        return {key: encodable(each) for key, each in value.items()}
    return value


@cache
def _hints(operation: Callable[..., Answers]) -> dict[str, Any]:
    return {name: hint for name, hint in typing.get_type_hints(operation).items() if name != "return"}


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a value of JSON is of the type that `hint` names."""
    if hint is Any:
        return True
    if isinstance(hint, types.UnionType):
        return any(_fits(value, each) for each in typing.get_args(hint))
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
        return isinstance(value, list) and all(_fits(each, typing.get_args(hint)[0]) for each in value)
    return isinstance(value, origin)


def _words(hint: Any) -> str:
    """Return what a person calls the type that `hint` names."""
    if isinstance(hint, types.UnionType):
        return " or ".join(_words(each) for each in typing.get_args(hint))
    named = {str: "a text", int: "a whole number", float: "a finite number", bool: "true or false"}
    if hint in named:
        return named[hint]
    origin = typing.get_origin(hint) or hint
    return {list: "a list of texts", Sequence: "a list of texts", dict: "an object", types.NoneType: "null"}[origin]


# --- over standard input and output -----------------------------------------------------------------------------------


def say(answer: dict[str, Any]) -> None:
    """Write one line to standard output. Raises OSError."""
    sys.stdout.buffer.write(to_json(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


def answer_lines(answers: Callable[[bytes], Iterable[dict[str, Any]]], first: dict[str, Any] | None = None) -> int:
    """Answer each line of standard input until it ends, and return the exit code; `first` is said before."""
    talk = _Talk()
    try:
        if first is not None:
            talk.say(first)
        for line in bounded_lines(sys.stdin.buffer, MAX_QUESTION):
            with talk:
                for answer in answers(line):
                    talk.say(answer)
    except BrokenPipeError:  # nobody reads the answers any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


class _Talk:
    """Standard output, with signs of life from another thread while a question is worked on (inside `with`)."""

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self._working = False
        threading.Thread(target=self._give_signs, daemon=True).start()

    def __enter__(self) -> None:
        self._working = True

    def __exit__(self, *error: object) -> None:
        self._working = False

    def say(self, answer: dict[str, Any]) -> None:
        """Write one line, and no other between. Raises OSError."""
        with self._writing:
            say(answer)

    def _give_signs(self) -> None:
        while True:
            time.sleep(SIGN_EVERY)
            if self._working:
                try:
                    self.say({"working": True})
                except (OSError, ValueError):  # nobody reads the answer that is being worked on
                    os._exit(1)
