"""The fast path of `lstmtui complete RUN TEXT --warm`: a running daemon is asked before the commands are loaded, which
alone takes longer than the answer.

Other options, invalid ones, and runs without a daemon are left to the command.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from lstmtui.protocol import MAX_CANDIDATES

if TYPE_CHECKING:
    from lstmtui.runs.folder import RunFolder

CANDIDATES = 5
"""The default of k."""
FLAGS = {"--warm": "warm", "--plain": "plain", "--json": "json", "--phrase": "phrase"}


def is_shell_completion() -> bool:
    """Return whether a shell asks, through the environment, how its command line goes on."""
    return "_LSTMTUI_COMPLETE" in os.environ


def try_answer(given: list[str]) -> int | None:
    """Answer a command line and return its exit code; None if the command has to."""
    line = parse(given)
    if line is None:
        return None
    from lstmtui.errors import LstmtuiError
    from lstmtui.runs.listing import find_run

    try:
        answer = ask_daemon(find_run(line["run"]), question(line["text"], line["k"], line["phrase"]))
    except LstmtuiError:  # the command meets it again and reports it
        return None
    if answer is None:
        return None
    try:
        return print_candidates(answer, json=line["json"], plain=line["plain"], text=line["text"])
    except BrokenPipeError:
        from lstmtui.cli.output import SIGPIPE, discard

        discard(sys.stdout)
        return SIGPIPE


def parse(given: list[str]) -> dict[str, Any] | None:
    """Return the parameters of a `complete --warm` line by name; None for any other line, which the command parses."""
    if given[:1] != ["complete"] or "--warm" not in given or is_shell_completion():
        return None
    line: dict[str, Any] = {**dict.fromkeys(FLAGS.values(), False), "k": CANDIDATES}
    words: list[str] = []
    rest = iter(given[1:])
    for argument in rest:
        if argument == "--":
            words += rest
        elif argument in FLAGS:
            line[FLAGS[argument]] = True
        elif argument == "-k":
            number = next(rest, "")
            if not (number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= MAX_CANDIDATES):
                return None
            line["k"] = int(number)
        elif argument.startswith("-"):
            return None
        else:
            words.append(argument)
    if len(words) != 2 or "-" in words or not line["warm"]:  # "-" is standard input
        return None
    line["run"], line["text"] = words
    return line


def question(text: str | None, k: int, phrase: bool) -> dict[str, Any]:
    """Return the question for the model."""
    return {"text": text, "k": k, "phrase": phrase}


def ask_daemon(run: RunFolder, question: dict[str, Any], *, starting: bool = False) -> dict[str, Any] | None:
    """Ask the daemon of a run; None without one. Raises the LstmtuiError that it reports.

    starting    it has just been started: wait until it is ready
    """
    import time

    from lstmtui.client import daemon

    begun = time.perf_counter()
    ask = daemon.ask_when_ready if starting else daemon.ask
    answer = ask(run, {"op": "complete", **question})
    if answer is None or "candidates" not in answer:
        return None
    return {"candidates": answer["candidates"], "milliseconds": round(1000 * (time.perf_counter() - begun), 3)}


def print_candidates(answer: dict[str, Any], threshold: float = 0.0, *, json: bool, plain: bool, text: str = "") -> int:
    """Print the candidates with at least the probability `threshold`, and return the exit code.

    Plain candidates are typed after `text`, the question: those that replace its last word are left out.
    """
    from lstmtui.cli.output import notify, write, write_json
    from lstmtui.common.terminal_text import one_line

    answer["candidates"] = [c for c in answer["candidates"] if c["probability"] >= threshold]
    if plain and not json:
        answer["candidates"] = [c for c in answer["candidates"] if not c.get("replaces")]
    if json:
        write_json(answer)
    elif not answer["candidates"]:
        notify("No suggestions here.")
    for candidate in answer["candidates"] if not json else ():
        if plain:  # unchanged, one a line
            write(candidate["text"].partition("\n")[0].rstrip("\r"))
        else:
            replaces = candidate.get("replaces", 0)
            begun = f"{text[-replaces:]} → " if replaces else ""
            write(f"{candidate['probability']:6.1%}  {one_line(begun + candidate['text'])}")
    return 0
