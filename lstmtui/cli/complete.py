"""`lstmtui complete RUN TEXT`, or with --stdin an answer to each JSON line."""

from __future__ import annotations

import reprlib
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmtui.cli import piped, warm_complete
from lstmtui.cli.options import AsJson, Run, RunsDir, resolve_run
from lstmtui.cli.output import notify, write_json
from lstmtui.cli.signature import takes
from lstmtui.cli.warm_complete import CANDIDATES
from lstmtui.common.files import FormatError, bounded_lines, parse_json
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.protocol import MAX_CANDIDATES

if TYPE_CHECKING:
    from lstmtui.client.model import Candidate, Model
    from lstmtui.runs.folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteArguments:
    """Arguments and options of the command."""

    run: Run
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="The text so far; '-' or none: what is piped in.", show_default=False),
    ] = None
    k: Annotated[int, typer.Option("-k", min=1, max=MAX_CANDIDATES, metavar="INTEGER", help="How many candidates.")] = (
        CANDIDATES
    )
    phrase: Annotated[bool, typer.Option("--phrase", metavar="", help="Complete the phrase, not only the word.")] = (
        False
    )
    json: AsJson = False
    stdin: Annotated[
        bool,
        typer.Option("--stdin", metavar="", help='Answer lines such as {"text": "The ", "k": 3} until the input ends.'),
    ] = False
    threshold: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="NUMBER", help="Leave out candidates that are less probable."),
    ] = 0.0
    plain: Annotated[
        bool, typer.Option("--plain", metavar="", help="Print the candidates alone, one a line, for a shell's widget.")
    ] = False
    warm: Annotated[
        bool,
        typer.Option(
            "--warm", metavar="", help="Leave the model loaded for a quarter of an hour, so that the next call is fast."
        ),
    ] = False
    runs_dir: RunsDir = None


@takes(CompleteArguments)
def complete(args: CompleteArguments) -> int:
    """Show how a text is likely to continue: ranked candidates with their probabilities."""
    text = args.text
    if not args.stdin:
        text = piped.text(text)
    if args.stdin == (text is not None):
        raise UsageError("Give either TEXT to complete (or pipe it in), or --stdin to answer lines of JSON.")
    if args.stdin and (args.warm or args.plain or args.threshold):
        raise UsageError("--warm, --plain and --threshold go with TEXT, not with --stdin.")
    found = resolve_run(args.run, args.runs_dir)
    question = warm_complete.question(text, args.k, args.phrase)
    answer = _ask_daemon(found, question) if args.warm else None
    if answer is None:
        from lstmtui.client.model import Model

        with Model(found) as model:
            if args.stdin:
                return _serve(model, args.k, args.phrase)
            answer = _answer(model, question)
    return warm_complete.print_candidates(answer, args.threshold, json=args.json, plain=args.plain, text=text or "")


def _ask_daemon(run: RunFolder, question: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer of the run's daemon, which is started if it is not running; None if it fails."""
    from lstmtui.client import daemon

    if (answer := warm_complete.ask_daemon(run, question)) is not None:
        return answer
    daemon.start(run)
    return warm_complete.ask_daemon(run, question, starting=True)


def _serve(model: Model, k: int, phrase: bool) -> int:
    """Answer each line of standard input with a line, an invalid one with {"error": ...}."""
    notify("Ready: one JSON object a line, Ctrl-D ends.")
    for line in bounded_lines(sys.stdin.buffer):
        if not line.strip():
            continue
        try:
            write_json(_answer(model, _question(line, k, phrase)))
        except LstmtuiError as error:
            if not model.alive:
                raise
            write_json({"error": str(error)})
    return 0


def _question(line: bytes, k: int, phrase: bool) -> dict[str, Any]:
    """Return the question in one line. Raises UsageError for an invalid one."""
    try:
        given = parse_json(line)
    except FormatError as error:
        raise UsageError(f'This line cannot be read: {error}; send for example {{"text": "The ", "k": 3}}.') from None
    if not isinstance(given, dict) or not isinstance(given.get("text"), str):
        raise UsageError('This line has no "text"; send for example {"text": "The ", "k": 3}.')
    if unknown := sorted(set(given) - {"text", "k", "phrase", "passed"}):
        key = reprlib.repr(unknown[0])
        raise UsageError(f"This line has an unknown key {key}; known are text, k, phrase and passed.")
    wanted, whole = given.get("k", k), given.get("phrase", phrase)
    if not isinstance(wanted, int) or isinstance(wanted, bool) or not 1 <= wanted <= MAX_CANDIDATES:
        raise UsageError(f'"k" must be a whole number from 1 to {MAX_CANDIDATES}, not {reprlib.repr(wanted)}.')
    if not isinstance(whole, bool):
        raise UsageError(f'"phrase" must be true or false, not {reprlib.repr(whole)}.')
    passed = given.get("passed", [])
    if not isinstance(passed, list) or not all(isinstance(word, str) for word in passed):
        raise UsageError('"passed" must be a list of rejected words.')
    return {"text": given["text"], "k": wanted, "phrase": whole, "passed": passed}


def _answer(model: Model, question: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    found = model.complete(**question)
    milliseconds = 1000 * (time.perf_counter() - began)
    return {
        "candidates": [_record(c) for c in found],
        "milliseconds": round(milliseconds, 3),
    }


def _record(candidate: Candidate) -> dict[str, Any]:
    """Return the JSON object of a candidate."""
    record: dict[str, Any] = {"text": candidate.text, "probability": candidate.probability}
    return {**record, "replaces": candidate.replaces} if candidate.replaces else record
