"""`lstmtui plot [RUN]`: the charts of a run in the terminal, or as CSV and PNG files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lstmtui.cli.help import choices_suffix, metavar
from lstmtui.cli.options import RunOrLatest, RunsDir, path, resolve_run
from lstmtui.cli.output import notify, write
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder

CHARTS = ("loss", "gradients", "saturation")
CHOICES = (*CHARTS, "all")
MAX_MARKED = 40
"""Points up to which a curve has markers."""


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: its name, and its points in order of x."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """The curves of a chart, and the table of its data."""

    name: str
    title: str
    x: str
    y: str
    log: bool
    lines: tuple[Line, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def plot(
    run: RunOrLatest = "latest",
    chart: Annotated[
        str,
        typer.Option(
            "--chart", metavar=metavar((*CHARTS, "all")), help=f"Which chart{choices_suffix((*CHARTS, 'all'))}."
        ),
    ] = "all",
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FOLDER", parser=path, help="Write CSV and PNG files there, instead of drawing here."
        ),
    ] = None,
    runs_dir: RunsDir = None,
) -> int:
    """Draw a run's loss, gradient flow and gate saturation here, or write them as CSV and PNG.

    PNG needs Matplotlib: pip install 'lstmtui\\[plot]'. CSV and the terminal need nothing more.
    """
    if chart not in CHOICES:
        raise UsageError(f"There is no chart {one_line(chart, 40)!r}; there are {', '.join(CHARTS)} and all.")
    found = resolve_run(run, runs_dir)
    made = [one for one in charts(found) if chart in (one.name, "all")]
    made = [one for one in made if one.rows] or made[:1]
    if to is not None:
        return _write(made, to.expanduser(), found.name)
    for one in made:
        _draw(one, found.name)
    return 0


def charts(run: RunFolder) -> tuple[Chart, ...]:
    """Return every chart of a run; a chart without data has no rows."""
    from lstmtui.reports.gradient_flow import read_flows
    from lstmtui.runs.probes import read_saturation
    from lstmtui.runs.reader import RunReader

    snapshot = RunReader(run, max_points=1_000_000).refresh()
    unit = {"chars": "character", "bytes": "byte", "words": "word"}.get(
        snapshot.settings.data.tokens if snapshot.settings else "", "token"
    )
    loss = Chart(
        "loss", "Loss", "step", f"nats per {unit}", True,
        (
            Line("training", tuple((p.step, p.loss) for p in snapshot.train)),
            Line("validation", tuple((p.step, p.loss) for p in snapshot.valid)),
        ),
        ("split", "step", "tokens", "seconds", "nats_per_token", "perplexity", "bits_per_char", "lr", "grad_norm",
         "tokens_per_second", "memory_mb"),
        (
            *(("train", p.step, p.tokens, p.seconds, p.loss, None, None, p.lr, p.grad_norm, p.tokens_per_second,
               p.memory_mb) for p in snapshot.train),
            *(("valid", p.step, None, p.seconds, p.loss, p.perplexity, p.bits_per_char, None, None, None, None)
              for p in snapshot.valid),
        ),
    )  # fmt: skip
    flow = read_flows(run, newest=1_000_000)
    newest = flow[-1] if flow else None
    states = [s for s in ("h", "c") if newest is not None and newest.norms(s).size]
    gradients = Chart(
        "gradients", f"Gradient flow at step {newest.step}" if newest is not None else "Gradient flow",
        "lag (steps)", "norm", True,
        tuple(
            Line(f"dL/d{s} of {newest.name(layer)}", tuple((k + 1.0, float(v)) for k, v in enumerate(norms)))
            for s in states if newest is not None for layer, norms in enumerate(newest.norms(s))
        ),
        ("step", "state", "layer", "lag", "norm"),
        tuple(
            (f.step, s, layer + 1, k + 1, float(v))
            for f in flow for s in ("h", "c") for layer, norms in enumerate(f.norms(s)) for k, v in enumerate(norms)
        ),
    )  # fmt: skip
    probes = read_saturation(run, newest=1_000_000)
    shares = [
        (p.step, layer + 1, gate, float(p.left[layer, g].mean()), float(p.right[layer, g].mean()))
        for p in probes for layer in range(len(p.left)) for g, gate in enumerate(p.gates)
    ]  # fmt: skip
    names = dict.fromkeys((layer, gate) for _, layer, gate, _, _ in shares)
    gates = Chart(
        "saturation", "Gate saturation", "step", "part of all values below 0.1 (tanh: -0.9) or above 0.9", False,
        tuple(
            Line(f"{at[1]} of layer {at[0]}", tuple((row[0], row[3] + row[4]) for row in shares if row[1:3] == at))
            for at in names
        ),
        ("step", "layer", "gate", "left", "right"), tuple(shares),
    )  # fmt: skip
    return loss, gradients, gates


def _draw(chart: Chart, run: str) -> None:
    """Draw a chart with characters, as wide as the terminal."""
    import shutil
    import sys

    from lstmtui.tui.widgets.lines import Curve, frame

    size = shutil.get_terminal_size((100, 30))
    width = size.columns if sys.stdout.isatty() else 100
    lines = [line for line in chart.lines if line.points]
    marks = [str(number + 1) if number < 9 else chr(ord("a") + number - 9) for number in range(len(lines))]
    curves = [Curve(mark, line.points, "") for mark, line in zip(marks, lines, strict=True)]
    rows = frame(curves, width, max(10, min(24, size.lines - 6)), log=chart.log)
    write(f"{chart.title} of {one_line(run)}: {chart.y} by {chart.x}")
    for row in rows:
        write(_encodable("".join(text for text, _ in row).rstrip()))
    legend = "  ".join(f"{mark} {line.name}" for mark, line in zip(marks, lines, strict=True))
    write(legend or "No data yet.")
    write("")


def _encodable(row: str) -> str:
    """Return a row in the output's encoding: braille if that is Unicode, else ASCII."""
    import sys

    if (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf"):
        return row
    from lstmtui.tui.charset import CharsetFilter

    return CharsetFilter("ascii").plain(row)


def _write(made: Iterable[Chart], folder: Path, run: str) -> int:
    """Write every chart as CSV, and as PNG where Matplotlib is installed. Raises LstmtuiError."""
    figure = _matplotlib()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for chart in made:
            path = folder / f"{chart.name}.csv"
            path.write_text(as_csv(chart), encoding="utf-8", newline="")
            write(str(path))
            if figure is not None:
                path = path.with_suffix(".png")
                _png(figure, chart, run, path)
                write(str(path))
    except OSError as error:
        raise LstmtuiError(f"{error.filename or folder} cannot be written ({error.strerror or error}).") from error
    if figure is None:
        notify("No PNG was drawn: Matplotlib is not installed; pip install 'lstmtui[plot]' adds it.")
    return 0


def as_csv(chart: Chart) -> str:
    """Return the table of a chart as CSV; unknown values are empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(chart.head)
    writer.writerows(("" if value is None else value for value in row) for row in chart.rows)
    return out.getvalue()


def _matplotlib() -> Any:
    """Return Matplotlib's Figure, which draws without a display, or None where it is not installed."""
    import importlib

    try:
        return importlib.import_module("matplotlib.figure").Figure
    except ImportError:
        return None


def _png(figure: Any, chart: Chart, run: str, path: Path) -> None:
    drawn = figure(figsize=(8, 5), dpi=150, layout="constrained")
    axes = drawn.subplots()
    marks = ("", "--", ":", "-.")  # distinct without colour
    for number, line in enumerate(line for line in chart.lines if line.points):
        x, y = zip(*line.points, strict=True)
        dots = "." if len(x) <= MAX_MARKED else ""  # a single point draws no line
        axes.plot(x, y, linestyle=marks[number % 4] or "-", marker=dots, linewidth=1.2, label=line.name)
    axes.set_title(f"{chart.title}: {one_line(run)}", parse_math=False)
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    values = [y for line in chart.lines for _, y in line.points if y > 0]
    if chart.log and values:
        axes.set_yscale("log")
        if max(values) < 100 * min(values):  # Matplotlib would label 2.4 as 2.4 x 10^0
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")
    axes.grid(alpha=0.3)
    if chart.lines:
        beside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if len(chart.lines) > 4 else {}
        axes.legend(fontsize="small", **beside)
    drawn.savefig(path)
