"""`lstmtui sample [RUN]`."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from lstmtui import config
from lstmtui.cli.options import RunOrLatest, RunsDir, recognise
from lstmtui.cli.output import emit, say


def sample(
    run: RunOrLatest = "latest",
    length: Annotated[
        str | None,
        typer.Option("--length", "-n", metavar="INTEGER", help="Characters (or words).", show_default="the run's"),
    ] = None,
    temperature: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER", help="Higher is wilder; 0 always takes the likeliest token.", show_default="the run's"
        ),
    ] = None,
    top_k: Annotated[
        str | None,
        typer.Option(metavar="INTEGER", help="Draw from this many likeliest tokens, 0: all.", show_default="the run's"),
    ] = None,
    top_p: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Draw from this much probability.", show_default="the run's"),
    ] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", "-p", help="Text to start from.")] = None,
    seed: Annotated[str | None, typer.Option(metavar="INTEGER", help="The same seed, the same text.")] = None,
    runs_dir: RunsDir = None,
) -> int:
    """Let a trained run write, to stdout, as it goes."""
    from lstmtui import api

    found = recognise(run, runs_dir)
    defaults = config.load(found.config)
    greedy = temperature is not None and _is_zero(temperature)
    options = {
        "sample_length": length,
        "temperature": None if greedy else temperature,
        "top_k": top_k,
        "top_p": top_p,
        "prompt": prompt,
        "seed": seed,
    }
    flags = {"sample_length": "--length"}
    chosen = {
        name: getattr(defaults, name)
        if raw is None
        else config.convert(name, raw, flags.get(name, f"--{name.replace('_', '-')}"))
        for name, raw in options.items()
    }
    if seed is None:
        chosen["seed"] = secrets.randbits(32)
    with api.Model(found) as model:
        vocabulary = model.about.get("vocabulary")
        if isinstance(vocabulary, int) and chosen["top_k"] > vocabulary:
            say(f"--top-k {chosen['top_k']} is beyond the vocabulary of {vocabulary} tokens, so all of them are used.")
            chosen["top_k"] = vocabulary
        if greedy:  # the limit of a falling temperature, without dividing by it
            chosen["temperature"], chosen["top_k"] = 1.0, 1
        if chosen["prompt"]:
            emit(chosen["prompt"], end="")
        model.ask(
            "sample",
            on_piece=lambda piece: emit(piece, end=""),
            prompt=chosen["prompt"],
            length=chosen["sample_length"],
            temperature=chosen["temperature"],
            top_k=chosen["top_k"],
            top_p=chosen["top_p"],
            seed=chosen["seed"],
        )
    emit("")
    return 0


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False
