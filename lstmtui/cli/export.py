"""`lstmtui export RUN --to FORMAT`: a run for other programs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from lstmtui.cli.help import choices_suffix, metavar
from lstmtui.cli.options import Run, RunsDir, path, resolve_run
from lstmtui.cli.output import notify, write
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder

TABLES = ("csv", "jsonl")
"""Formats of metrics, written to standard output unless --out names a file."""
MODELS = ("torch", "huggingface", "onnx")
"""Formats of networks, each a folder."""
EVENTS = "tensorboard"
"""Event files, in a folder."""
FORMATS = (*TABLES, *MODELS, EVENTS)
STDOUT = Path("-")


def export(
    run: Run,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar=metavar(FORMATS), help=f"The format{choices_suffix(FORMATS)}.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="PATH", parser=path, show_default=False,
            help="Where it is written (auto: a table to standard output, all else to the folder RUN-FORMAT here).",
        ),
    ] = None,
    runs_dir: RunsDir = None,
) -> int:  # fmt: skip
    """Write a run for other programs: its metrics, or its network.

    csv and jsonl have a row for each log interval and evaluation, with the same columns in every row.

    torch is a folder with the weights (model.safetensors) under the names of PyTorch's modules, a plain module that
    reads them (model.py), and the tokenizer. huggingface adds a model card. Of a translation, captions or speech the
    weights have the names of the run, without a module. 'lstmtui import' reads all of them back.

    onnx is a folder with a graph (model.onnx) that steps and reads whole sequences, and the tokenizer. Of a translation
    or captions it has an encoder and a decoder of one token, of speech a graph from features to labels, each with a
    script that uses them. It needs the package onnx: pip install 'lstmtui\\[onnx]'.

    tensorboard is a folder of event files: metrics, histograms of gates, and samples. It needs the package
    tensorboardX: pip install 'lstmtui\\[tensorboard]'.
    """
    if to not in FORMATS:
        raise UsageError(f"There is no format {one_line(to, 40)!r}; there are {', '.join(FORMATS)}.")
    found = resolve_run(run, runs_dir)
    if to in TABLES:
        _export_table(found, to, out if out is not None else STDOUT)
    else:
        target = out if out is not None else Path(f"{found.name}-{to}")
        (_export_events if to == EVENTS else _export_model)(found, to, target)
    return 0


def _export_table(run: RunFolder, to: str, out: Path) -> None:
    from lstmtui.exchange.output_folder import refuse_existing
    from lstmtui.exchange.tables import MetricTable
    from lstmtui.runs.metrics import read_points

    table = MetricTable(read_points(run))
    lines = table.csv() if to == "csv" else table.json_lines()
    if out == STDOUT:
        write("".join(lines), end="")
        return
    refuse_existing(out)
    try:
        with open(out, "x", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        raise LstmtuiError(f"{out} cannot be written ({error.strerror or error}).") from error
    write(str(out))


def _export_model(run: RunFolder, to: str, out: Path) -> None:
    from lstmtui.client.exchange import export_model
    from lstmtui.exchange.output_folder import new_folder

    with new_folder(out) as draft:
        step = export_model(run, to, draft)
    write(str(out))
    notify(f"The weights are those of step {step:,}. What they have memorised of the training text is in them.")


def _export_events(run: RunFolder, to: str, out: Path) -> None:
    from lstmtui.exchange.output_folder import new_folder
    from lstmtui.exchange.tensorboard import write_events

    with new_folder(out) as draft:
        write_events(draft, run)
    write(str(out))
    notify(f"To see it: tensorboard --logdir {shlex.quote(str(out))}")
