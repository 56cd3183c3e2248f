"""`lstmtui complete RUN TEXT --warm` where a model stands by: answered before the command line is loaded, which alone
takes longer than the answer.

Lines with other options than those below, wrong ones, and all that nobody stands by for are left to the command.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstmtui.runs.folder import RunFolder

MOST = 100
"""The largest k, as the model's process has it."""
K = 5
FLAGS = {"--warm": "warm", "--plain": "plain", "--json": "json", "--phrase": "phrase"}


def answered(given: list[str]) -> int | None:
    """Answer a command line and return its exit code; None where the command has to."""
    line = understood(given)
    if line is None:
        return None
    from lstmtui.errors import LstmtuiError
    from lstmtui.runs.listing import find_run

    try:
        answer = standing_by(find_run(line["run"]), question(line["text"], line["k"], line["phrase"]))
    except LstmtuiError:  # which the command meets too, and tells
        return None
    if answer is None:
        return None
    try:
        return show(answer, json=line["json"], plain=line["plain"], text=line["text"])
    except BrokenPipeError:
        from lstmtui.cli.output import SIGPIPE, discard

        discard(sys.stdout)
        return SIGPIPE


def understood(given: list[str]) -> dict[str, Any] | None:
    """Return what `complete` would make of a command line, by parameter; None for any that it should look at itself."""
    if given[:1] != ["complete"] or "--warm" not in given or "_LSTMTUI_COMPLETE" in os.environ:
        return None
    line: dict[str, Any] = {**dict.fromkeys(FLAGS.values(), False), "k": K}
    words: list[str] = []
    rest = iter(given[1:])
    for argument in rest:
        if argument == "--":
            words += rest
        elif argument in FLAGS:
            line[FLAGS[argument]] = True
        elif argument == "-k":
            number = next(rest, "")
            if not (number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= MOST):
                return None
            line["k"] = int(number)
        elif argument.startswith("-"):
            return None
        else:
            words.append(argument)
    if len(words) != 2 or "-" in words or not line["warm"]:  # "-" is what is piped in
        return None
    line["run"], line["text"] = words
    return line


def question(text: str | None, k: int, phrase: bool) -> dict[str, Any]:
    """Return what a model is asked."""
    return {"text": text, "k": k, "phrase": phrase}


def standing_by(run: RunFolder, question: dict[str, Any], *, starting: bool = False) -> dict[str, Any] | None:
    """Ask the process that has the model loaded; None without one. Raises the LstmtuiError that it reports.

    One that has just been started (`starting`) is waited for.
    """
    import time

    from lstmtui.client import daemon

    begun = time.perf_counter()
    ask = daemon.ask_when_ready if starting else daemon.ask
    answer = ask(run, {"op": "complete", **question})
    if answer is None or "candidates" not in answer:
        return None
    return {"candidates": answer["candidates"], "milliseconds": round(1000 * (time.perf_counter() - begun), 3)}


def show(answer: dict[str, Any], threshold: float = 0.0, *, json: bool, plain: bool, text: str = "") -> int:
    """Print the candidates that are as probable as `threshold`, and return the exit code.

    Plain ones are typed behind `text`, which was asked about: those that take the place of its last word are left out.
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
        if plain:  # to be typed: as it is, and one a line
            write(candidate["text"].partition("\n")[0].rstrip("\r"))
        else:
            replaces = candidate.get("replaces", 0)
            begun = f"{text[-replaces:]} → " if replaces else ""
            write(f"{candidate['probability']:6.1%}  {one_line(begun + candidate['text'])}")
    return 0
