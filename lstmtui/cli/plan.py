"""`lstmtui plan [FILE...]`: what a run would cost, before it is spent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmtui import config
from lstmtui.cli.options import AsJson
from lstmtui.cli.output import emit, emit_json, say
from lstmtui.errors import UsageError
from lstmtui.units import duration

if TYPE_CHECKING:
    from lstmtui.api import Forecaster

SIZES = (16, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024, 1280, 1536, 2048, 3072, 4096)
"""Sizes of layers that are proposed."""
PASSES = 3
"""How often a text should be read for a size to be worth its time, in --fit-minutes."""


def plan(
    corpus: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Files, folders, names from 'lstmtui corpora list'.", show_default=False),
    ] = None,
    cell: Annotated[str | None, typer.Option("--cell", metavar="|".join(config.CELLS), help="Recurrent cell.")] = None,
    hidden: Annotated[str | None, typer.Option("--hidden", metavar="INTEGER", help="Units in each layer.")] = None,
    layers: Annotated[str | None, typer.Option("--layers", metavar="INTEGER", help="Recurrent layers.")] = None,
    tokens: Annotated[
        str | None, typer.Option("--tokens", metavar="|".join(config.TOKENS), help="What is read one at a time.")
    ] = None,
    batch: Annotated[str | None, typer.Option("--batch", metavar="INTEGER", help="Streams side by side.")] = None,
    bptt: Annotated[str | None, typer.Option("--bptt", metavar="INTEGER", help="Steps of a window.")] = None,
    minutes: Annotated[str | None, typer.Option("--minutes", metavar="NUMBER", help="Time to train.")] = None,
    epochs: Annotated[str | None, typer.Option("--epochs", metavar="NUMBER", help="Passes over the text.")] = None,
    steps: Annotated[str | None, typer.Option("--steps", metavar="INTEGER", help="Steps to train.")] = None,
    threads: Annotated[str | None, typer.Option("--threads", metavar="INTEGER", help="Threads that compute.")] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Other settings, from a TOML file.")
    ] = None,
    fit_memory: Annotated[
        float | None,
        typer.Option("--fit-memory", min=1, metavar="MB", help="Propose the largest network that fits so much."),
    ] = None,
    fit_minutes: Annotated[
        float | None,
        typer.Option(
            "--fit-minutes", min=0.01, metavar="NUMBER",
            help=f"Propose the largest network that reads the text {PASSES} times in so many minutes.",
        ),
    ] = None,
    json: AsJson = False,
) -> int:  # fmt: skip
    """Say what a run would cost: parameters, work, memory, speed measured here, and time. Nothing is trained."""
    from lstmtui import api, recipe
    from lstmtui.data.corpus import resolve

    options: dict[str, object] = {
        "corpus": corpus, "cell": cell, "hidden": hidden, "layers": layers, "tokens": tokens, "batch": batch,
        "bptt": bptt, "minutes": minutes, "epochs": epochs, "steps": steps, "threads": threads,
    }  # fmt: skip
    base = config.resolve(options, config_file=config_file, user_file=config.user_file())
    source = resolve(base.corpus)
    source.check(base.tokens)
    if base.hidden is not None and (fit_memory or fit_minutes):
        raise UsageError("Give either --hidden, or --fit-memory and --fit-minutes, which choose it.")

    def complete(size: int | None) -> config.Settings:
        return recipe.complete(dataclasses.replace(base, hidden=size or base.hidden), corpus_bytes=source.bytes)

    forecaster = api.Forecaster()
    try:
        size = _fitting(forecaster, complete, fit_memory, fit_minutes)
        s = complete(size)
        say("Measuring a step (a cell that is new here is compiled first) ...")
        told = expected(s, forecaster.measure(s))
    finally:
        forecaster.close()
    if json:
        emit_json({"settings": dataclasses.asdict(s), **told})
        return 0
    for line in describe(s, told):
        emit(line)
    if size is not None:
        emit(f"\nIt is the largest of the sizes tried that fits: lstmtui train ... --hidden {size}")
    return 0


def _fitting(
    forecaster: Forecaster,
    complete: Callable[[int | None], config.Settings],
    memory: float | None,
    minutes: float | None,
) -> int | None:
    """Return the largest of SIZES within the memory and the time, None where nothing is to fit. Raises UsageError."""
    if memory is None and minutes is None:
        return None
    fits = list(SIZES)
    if memory is not None:
        fits = [size for size in fits if forecaster.ask(complete(size))["memory_mb"] <= memory]
    low, high = 0, len(fits)  # time grows with the size: the first that takes too long
    while minutes is not None and low < high:
        middle = (low + high) // 2
        s = complete(fits[middle])
        told = forecaster.measure(s)
        took = PASSES * told["tokens"] / max(1.0, told["tokens_per_second"])
        low, high = (middle + 1, high) if took <= 60 * minutes else (low, middle)
    count = low if minutes is not None else len(fits)
    if not count:
        raise UsageError("Not even the smallest network fits that; allow more, or give a shorter text.")
    return fits[count - 1]


def expected(s: config.Settings, told: dict[str, Any]) -> dict[str, Any]:
    """Return what was told with times: of an epoch, and to the end."""
    speed = max(1.0, float(told["tokens_per_second"]))
    window = (s.batch or 1) * (s.bptt or 1)
    epoch = told["tokens"] / speed
    if s.steps is not None:
        total = s.steps * window / speed
    elif s.epochs is not None:
        total = s.epochs * epoch
    else:
        total = 60 * (s.minutes or 0.0)
    return {
        **told,
        "seconds_per_epoch": round(epoch, 2),
        "seconds": round(total, 1),
        "epochs": round(total / max(1e-9, epoch), 3),
        "steps": s.steps or round(total * speed / window),
    }


def describe(s: config.Settings, told: dict[str, Any]) -> list[str]:
    """Return the plan in a few lines for a person."""
    memory = told.get("memory_parts")
    split = "" if not memory else " (" + ", ".join(f"{name} {size:,.0f}" for name, size in memory.items()) + ")"
    return [
        f"network     {s.cell}, {s.layers} x {s.hidden}, embedding {s.embedding}, vocabulary {told['vocabulary']:,}",
        f"parameters  {told['parameters']:,}",
        f"work        {told['flop_per_token'] / 1e6:,.2f} million operations a token, forward and backward",
        f"memory      about {told['memory_mb']:,.0f} MB{split}",
        f"speed       {told['tokens_per_second']:,.0f} tokens/s, measured here with {s.threads} threads",
        f"an epoch    {duration(told['seconds_per_epoch'])} for {told['tokens']:,} tokens",
        f"to the end  {duration(told['seconds'])}: {told['epochs']:.3g} epochs, {told['steps']:,} steps of training",
    ]
