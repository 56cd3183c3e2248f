"""`lstmtui adapt RUN FILE...`: learn the words of a user into the run's profile, once or from what is saved."""

from __future__ import annotations

import contextlib
import dataclasses
import textwrap
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from lstmtui.cli import adapt_watch, piped
from lstmtui.cli.options import AsJson, Encoding, Run, RunsDir, resolve_run
from lstmtui.cli.output import notify, write, write_json
from lstmtui.cli.signature import takes
from lstmtui.client.watch import SHARE
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import UsageError

MAX_WORDS = 60
"""Words of each kind that --show lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptArguments:
    """Arguments and options of the command."""

    run: Run
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE", help="Text that the user wrote; '-' or none: what is piped in.", show_default=False
        ),
    ] = None
    weights: Annotated[bool, typer.Option("--weights", metavar="", help="Adapt the network's biases to it too.")] = (
        False
    )
    reset: Annotated[bool, typer.Option("--reset", metavar="", help="Forget the profile.")] = False
    show: Annotated[bool, typer.Option("--show", metavar="", help="Show the contents of the profile.")] = False
    forget: Annotated[
        str | None,
        typer.Option("--forget", metavar="WORD|FILE", help="Forget one word, or one file.", show_default=False),
    ] = None
    watch: Annotated[
        list[str] | None,
        typer.Option(
            "--watch",
            metavar="FOLDER",
            help="Learn from what is saved in FOLDER, until Ctrl-C; repeat it for more.",
            show_default=False,
        ),
    ] = None
    share: Annotated[
        float,
        typer.Option(min=0.01, max=1, metavar="NUMBER", help="How much of one core --watch takes at most, on average."),
    ] = SHARE
    pause: Annotated[bool, typer.Option("--pause", metavar="", help="Pause the watch.")] = False
    resume: Annotated[bool, typer.Option("--resume", metavar="", help="Let a paused watch continue.")] = False
    encoding: Encoding = None
    json: AsJson = False
    runs_dir: RunsDir = None


@takes(AdaptArguments)
def adapt(args: AdaptArguments) -> int:
    """Adapt a run's completion to what a user writes.

    The words are stored in the run's folder, in autocomplete/, and nowhere else; the checkpoint is never changed.

    A watch replaces what it has learnt of a file when the file changes, and forgets it when the file is deleted.
    """
    from lstmtui import config
    from lstmtui.client.model import Model
    from lstmtui.data.notes import source_notes
    from lstmtui.data.reading import ReadOptions, open_source, private_cache

    files = args.files
    others = sum((args.reset, args.show, args.forget is not None, args.watch is not None, args.pause, args.resume))
    if not files and not others and piped.is_piped():
        files = [piped.STDIN]
    if bool(files) + others != 1:
        raise UsageError(
            "Give FILE... to learn from, or one of --watch FOLDER, --pause, --resume, --show, --forget WORD|FILE and "
            "--reset."
        )
    if args.weights and not files:
        raise UsageError("--weights needs a FILE to learn from.")
    if args.forget == "":
        raise UsageError("--forget needs a word or a file; --reset forgets everything.")
    found = resolve_run(args.run, args.runs_dir)
    if args.watch is not None:
        return adapt_watch.watch(found, args.watch, share=args.share, encoding=args.encoding or "", json=args.json)
    if args.pause or args.resume:
        notify(adapt_watch.pause(found, paused=args.pause))
        return 0
    named: dict[str, Any] = {"encoding": args.encoding} if args.encoding else {}
    with contextlib.ExitStack() as stack:
        names = stack.enter_context(piped.files(files)) if files else []
        if names:
            how = dataclasses.replace(
                ReadOptions.of(config.load(found.config).data, args.encoding or ""), tokens="chars"
            )
            with private_cache() as cache:
                for note in source_notes(open_source(names, how, cache=cache)):
                    notify(note)
        model = stack.enter_context(Model(found))
        if args.show:
            answer = {**model.ask("profile"), "watch": adapt_watch.state(found)}
        elif args.reset:
            answer = model.ask("forget")
        elif args.forget:
            answer = model.ask("forget", what=args.forget)
        else:
            if names != files:  # standard input has no name
                named["names"] = ["" if name == piped.STDIN else name for name in files or ()]
            answer = model.ask("adapt", files=names, weights=args.weights, **named)
    if args.json:
        write_json({"run": found.name, **answer})
    elif args.show:
        for line in [*shown(answer), *adapt_watch.shown(found)]:
            write(line)
    elif args.reset:
        notify("The profile is forgotten." if answer["forgotten"] else "There was no profile.")
    elif args.forget:
        _report_forgotten(found.name, args.forget, answer)
    else:
        _report_learnt(found.name, answer)
    return 0


def _report_learnt(run: str, answer: dict[str, Any]) -> None:
    for path in answer.get("put_aside", ()):
        notify(f"The old profile is unreadable and was renamed to {path}; the profile starts empty.")
    new = f", {answer['new']:,} of them new" if answer.get("new", 0) > 0 else ""
    known = " It had all of them already." if answer.get("new") == 0 else ""
    notify(f"The profile of '{run}' has {answer['words']:,} words{new}.{known}")
    if "nll_first" in answer:
        notify(
            f"During adaptation the loss went from {answer['nll_first']:.3f} to {answer['nll_last']:.3f} nats a token."
        )


def _report_forgotten(run: str, what: str, answer: dict[str, Any]) -> None:
    if answer.get("left_out"):
        notify(f"'{what}' is left out of the watch from now on; 'lstmtui adapt {run} {what}' learns it again.")
    if not answer["forgotten"]:
        if answer.get("left_out"):
            return
        raise UsageError(f"The profile of '{run}' has no word and no file '{what}'; --show lists them.")
    notify(f"'{what}' is forgotten; the profile of '{run}' has {answer['words']:,} words.")


def shown(answer: dict[str, Any]) -> list[str]:
    """Return the lines of --show: the profile's texts, words that the training text lacks, and frequent words."""
    if not answer["texts"]:
        return ["There is no profile."]
    lines = [f"{text['words']:>9,} words  {one_line(text['name'])}" for text in answer["texts"]]
    lines.append(f"{answer['words']:>9,} words in all, those of several texts counted once")
    for title, key in (("not in the training text", "unknown"), ("most often", "often")):
        if words := answer[key][:MAX_WORDS]:
            more = "" if len(words) == len(answer[key]) else " ..."
            lines += ["", f"{title}:"]
            lines += _wrapped([word if count == 1 else f"{word} ×{count:,}" for word, count in words], more)
    if answer.get("weights"):
        lines += ["", "The network's biases are adapted too."]
    return lines


def _wrapped(words: list[str], more: str) -> list[str]:
    text = one_line(", ".join(words) + more)
    return textwrap.wrap(text, 100, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
