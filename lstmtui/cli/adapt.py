"""`lstmtui adapt RUN FILE...`: what this person writes, kept in a profile beside the run."""

from __future__ import annotations

import contextlib
import dataclasses
import textwrap
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from lstmtui.cli import piped
from lstmtui.cli.options import AsJson, Encoding, Run, RunsDir, resolve_run
from lstmtui.cli.output import notify, write, write_json
from lstmtui.cli.signature import takes
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import UsageError

MAX_WORDS = 60
"""Words of each kind that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptArguments:
    """Arguments and options of the command."""

    run: Run
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE", help="Text that this person wrote; '-' or none: what is piped in.", show_default=False
        ),
    ] = None
    weights: Annotated[
        bool, typer.Option("--weights", metavar="", help="Move a few biases of the network towards it too.")
    ] = False
    reset: Annotated[bool, typer.Option("--reset", metavar="", help="Forget the profile.")] = False
    show: Annotated[bool, typer.Option("--show", metavar="", help="Show what the profile holds.")] = False
    forget: Annotated[
        str | None,
        typer.Option(
            "--forget", metavar="WORD|FILE", help="Forget one word, or one file that was learnt.", show_default=False
        ),
    ] = None
    encoding: Encoding = None
    json: AsJson = False
    runs_dir: RunsDir = None


@takes(AdaptArguments)
def adapt(args: AdaptArguments) -> int:
    """Let completion with a run lean on what a person wrote.

    The words are kept in the run's folder, in autocomplete/, and nowhere else; the checkpoint is never changed.
    """
    from lstmtui import config
    from lstmtui.client.model import Model
    from lstmtui.data.notes import source_notes
    from lstmtui.data.reading import ReadOptions, open_source

    files = args.files
    others = sum((args.reset, args.show, args.forget is not None))
    if not files and not others and piped.is_piped():
        files = [piped.STDIN]
    if bool(files) + others != 1:
        raise UsageError("Give FILE... to learn from, or one of --show, --forget WORD|FILE and --reset.")
    if args.weights and not files:
        raise UsageError("--weights says how to learn from FILE; leave it out.")
    if args.forget == "":
        raise UsageError("--forget needs a word or a file; --reset forgets everything.")
    found = resolve_run(args.run, args.runs_dir)
    named: dict[str, Any] = {"encoding": args.encoding} if args.encoding else {}
    with contextlib.ExitStack() as stack:
        names = stack.enter_context(piped.files(files)) if files else []
        if names:
            how = dataclasses.replace(
                ReadOptions.of(config.load(found.config).data, args.encoding or ""), tokens="chars"
            )
            for note in source_notes(open_source(names, how)):
                notify(note)
        model = stack.enter_context(Model(found))
        if args.show:
            answer = model.ask("profile")
        elif args.reset:
            answer = model.ask("forget")
        elif args.forget:
            answer = model.ask("forget", what=args.forget)
        else:
            if names != files:  # what is piped in has no name of its own
                named["names"] = ["" if name == piped.STDIN else name for name in files or ()]
            answer = model.ask("adapt", files=names, weights=args.weights, **named)
    if args.json:
        write_json({"run": found.name, **answer})
    elif args.show:
        for line in shown(answer):
            write(line)
    elif args.reset:
        notify("The profile is forgotten." if answer["forgotten"] else "There was no profile.")
    elif args.forget:
        _say_forgotten(found.name, args.forget, answer)
    else:
        _say_learnt(found.name, answer)
    return 0


def _say_learnt(run: str, answer: dict[str, Any]) -> None:
    for path in answer.get("put_aside", ()):
        notify(f"What was there could not be understood, and is kept as {path}; the profile begins anew.")
    new = f", {answer['new']:,} of them new" if answer.get("new", 0) > 0 else ""
    known = " It had all of that already." if answer.get("new") == 0 else ""
    notify(f"The profile of '{run}' holds {answer['words']:,} words{new}.{known}")
    if "nll_first" in answer:
        notify(f"Along the text the loss went from {answer['nll_first']:.3f} to {answer['nll_last']:.3f} nats a token.")


def _say_forgotten(run: str, what: str, answer: dict[str, Any]) -> None:
    if not answer["forgotten"]:
        raise UsageError(f"The profile of '{run}' has no word and no file '{what}'; --show tells what it has.")
    notify(f"'{what}' is forgotten; the profile of '{run}' holds {answer['words']:,} words.")


def shown(answer: dict[str, Any]) -> list[str]:
    """Return what a profile holds in lines: its texts, and its words that the training text has not."""
    if not answer["texts"]:
        return ["There is no profile."]
    lines = [f"{text['words']:>9,} words  {one_line(text['name'])}" for text in answer["texts"]]
    lines.append(f"{answer['words']:>9,} words in all, what texts have in common counted once")
    for title, key in (("not in the training text", "unknown"), ("most often", "often")):
        if words := answer[key][:MAX_WORDS]:
            more = "" if len(words) == len(answer[key]) else " ..."
            lines += ["", f"{title}:"]
            lines += _wrapped([word if count == 1 else f"{word} ×{count:,}" for word, count in words], more)
    if answer.get("weights"):
        lines += ["", "Biases of the network were moved towards it too."]
    return lines


def _wrapped(words: list[str], more: str) -> list[str]:
    text = one_line(", ".join(words) + more)
    return textwrap.wrap(text, 100, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
