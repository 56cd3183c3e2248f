"""`lstmtui bench`: a table of how fast this machine trains and steps, measured by a process of the engine."""

from __future__ import annotations

import json as json_module
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from lstmtui.cli.options import AsJson
from lstmtui.cli.output import emit_json, stdout_console
from lstmtui.errors import FAMILIES, LstmtuiError

HEADINGS = ("cell", "shape", "ms a step", "tokens/s", "GFLOP/s", "of peak", "µs a token")


def bench(
    cells: Annotated[
        str | None,
        typer.Option("--cells", metavar="NAMES", help="Cells, separated by commas; all five if not given."),
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
        str | None, typer.Option("--seconds", metavar="FLOAT", help="How long to measure each cell and shape.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Measure how fast this machine trains (a step) and samples (a token), for each cell."""
    given = {"cells": cells, "shapes": shapes, "threads": threads, "seconds": seconds}
    measured = _measure([f"--{name}={value}" for name, value in given.items() if value is not None])
    if json:
        emit_json(list(measured))
        return 0
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", caption_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=True, justify="left" if heading in ("cell", "shape") else "right")
    table.caption = "measuring (kernels that are new here are compiled first) ..."
    with Live(table, console=Console(stderr=True), transient=True):
        for result in measured:
            table.add_row(*_row(result))
    table.caption = f"peak: {result['peak_gflops']:.0f} GFLOP/s in {result['precision']} on {_threads(result)}"
    stdout_console().print(table)
    return 0


def _measure(arguments: list[str]) -> Iterator[dict[str, Any]]:
    """Yield results as the engine's process prints them. Raises the LstmtuiError it ends with."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lstmtui.engine.bench", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            result = json_module.loads(line)
            if "error" in result:
                raise FAMILIES.get(result["exit_code"], LstmtuiError)(result["error"])
            yield result
        if process.wait():
            raise LstmtuiError("The measuring process ended early; 'python -m lstmtui.engine.bench' may show why.")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    return (
        result["cell"],
        result["shape"],
        f"{result['milliseconds']:.1f}",
        f"{result['tokens_per_second']:,.0f}",
        f"{result['gflops']:.1f}",
        f"{result['share']:.0%}",
        f"{result['step_microseconds']:.0f}",
    )


def _threads(result: dict[str, Any]) -> str:
    return "1 thread" if result["threads"] == 1 else f"{result['threads']} threads"
