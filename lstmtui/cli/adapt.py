"""`lstmtui adapt RUN FILE...`: what this person writes, kept in a profile beside the run."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Annotated, Any

import typer

from lstmtui.cli import piped
from lstmtui.cli.options import AsJson, Encoding, Run, RunsDir, recognise
from lstmtui.cli.output import emit_json, say
from lstmtui.errors import UsageError


def adapt(
    run: Run,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE", help="Text that this person wrote; '-' or none: what is piped in.", show_default=False
        ),
    ] = None,
    weights: Annotated[
        bool, typer.Option("--weights", metavar="", help="Move a few biases of the network towards it too.")
    ] = False,
    reset: Annotated[bool, typer.Option("--reset", metavar="", help="Forget the profile.")] = False,
    encoding: Encoding = None,
    json: AsJson = False,
    runs_dir: RunsDir = None,
) -> int:
    """Let completion with a run lean on what a person wrote.

    The words are kept in the run's folder, in autocomplete/, and nowhere else; the checkpoint is never changed.
    """
    from lstmtui import api, config
    from lstmtui.data.corpus import Reading, notes_of, read

    if not files and not reset and piped.is_piped():
        files = [piped.STDIN]
    if reset == bool(files):
        raise UsageError("Give FILE... to learn from, or --reset to forget what was learnt.")
    if reset and weights:
        raise UsageError("--weights says how to learn from FILE; --reset forgets everything.")
    found = recognise(run, runs_dir)
    named: dict[str, Any] = {"encoding": encoding} if encoding else {}
    with contextlib.ExitStack() as stack:
        names = stack.enter_context(piped.files(files)) if files else []
        if names:
            how = dataclasses.replace(Reading.of(config.load(found.config), encoding or ""), tokens="chars")
            for note in notes_of(read(names, how)):
                say(note)
        model = stack.enter_context(api.Model(found))
        answer = model.ask("forget") if reset else model.ask("adapt", files=names, weights=weights, **named)
    if json:
        emit_json({"run": found.name, **answer})
    elif reset:
        say("The profile is forgotten." if answer["forgotten"] else "There was no profile.")
    else:
        say(f"The profile of '{found.name}' holds {answer['words']:,} words.")
        if "nll_first" in answer:
            say(
                f"Along the text the loss went from {answer['nll_first']:.3f} to {answer['nll_last']:.3f} nats a token."
            )
    return 0
