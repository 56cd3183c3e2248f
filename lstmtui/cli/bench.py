"""`lstmtui bench`: a table of the training and sampling speed of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmtui import config
from lstmtui.cli.options import AsJson
from lstmtui.cli.output import stdout_console, write_json
from lstmtui.cli.progress import progress_bar

if TYPE_CHECKING:
    from rich.table import Table

HEADINGS = ("cell", "shape", "precision", "ms a step", "tokens/s", "GFLOP/s", "of peak", "µs a token")


def bench(
    cells: Annotated[
        str | None,
        typer.Option("--cells", metavar="NAMES", help="Cells, separated by commas; all if not given."),
    ] = None,
    shapes: Annotated[
        str | None,
        typer.Option(
            "--shapes",
            metavar="SHAPES",
            help="Layers x hidden, vocabulary, batch and steps, such as 2x512xV65xB32xT100,2x256; or chars, "
            "chars-small, chars-large, words-small, words-medium.",
        ),
    ] = None,
    threads: Annotated[str | None, typer.Option("--threads", metavar="INTEGER", help="Threads that train.")] = None,
    seconds: Annotated[
        str | None, typer.Option("--seconds", metavar="FLOAT", help="Time to measure each cell and shape.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision", metavar="NAMES", help="float32, bfloat16 or both; those useful on this machine if not given."
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="|".join(config.DEVICES), help="What trains: auto uses a GPU if any."),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Also show the time of each part of a step, with its limit.")
    ] = False,
    json: AsJson = False,
) -> int:
    """Measure how fast this machine trains (a step) and samples (a token), for each cell."""
    from lstmtui.client.benchmark import results

    given = {
        "cells": cells, "shapes": shapes, "threads": threads, "seconds": seconds, "precision": precision,
        "device": device,
    }  # fmt: skip
    options = [f"--{name}={value}" for name, value in given.items() if value is not None]
    measured = []
    with progress_bar() as bar:
        bar.show("measuring", None)
        for result in results(*options, *(["--profile"] if profile else [])):
            measured.append(result)
            bar.show("measuring", None, _row(result)[:4])
    if json:
        write_json(measured)
        return 0
    table = _table(HEADINGS, 3)
    for result in measured:
        table.add_row(*_row(result))
    profiles = [_profile(result) for result in measured if "parts" in result]
    table.caption = "steps on the GPU, a token at batch 1 on the processor"
    if (peak := measured[-1]["peak_gflops"]) is not None:
        table.caption = f"peak: {peak:.0f} GFLOP/s in float32 on {_threads(measured[-1])}"
    for each in (table, *profiles):
        stdout_console().print(each)
    return 0


def _table(headings: tuple[str, ...], names: int) -> Table:
    """Return an empty table with `names` columns of names, and columns of figures."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", caption_justify="left")
    for at, heading in enumerate(headings):
        table.add_column(heading, no_wrap=True, justify="left" if at < names else "right")
    return table


def _profile(result: dict[str, Any]) -> Table:
    """Return the parts of one result's training step as a table."""
    table = _table((f"{result['cell']} {result['shape']} {result['precision']}", "ms", "at least", "set by"), 1)
    for part in result["parts"]:
        limit = f"{part['limit_milliseconds']:.2f}" if part["limit"] else ""
        table.add_row(part["part"], f"{part['milliseconds']:.2f}", limit, part["limit"])
    total, least = (sum(part[name] for part in result["parts"]) for name in ("milliseconds", "limit_milliseconds"))
    table.add_row("all", f"{total:.2f}", f"{least:.2f}", "")
    table.caption = (
        f"at least: multiply-adds at {result['peak_gflops']:.0f} GFLOP/s, or bytes at "
        f"{result['gigabytes_per_second']:.0f} GB/s from memory; caches give more"
    )
    return table


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    return (
        result["cell"],
        result["shape"],
        result["precision"],
        f"{result['milliseconds']:.1f}",
        f"{result['tokens_per_second']:,.0f}",
        f"{result['gflops']:.1f}",
        "" if result["share"] is None else f"{result['share']:.0%}",
        f"{result['step_microseconds']:.0f}",
    )


def _threads(result: dict[str, Any]) -> str:
    return "1 thread" if result["threads"] == 1 else f"{result['threads']} threads"
