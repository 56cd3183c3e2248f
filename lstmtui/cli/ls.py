"""`lstmtui ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lstmtui.cli.options import AsJson, RunsDir
from lstmtui.cli.output import cell, notify, stdout_console, write_json
from lstmtui.common.paths import runs_root
from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_age, format_size, percent
from lstmtui.runs.folder import disk_usage
from lstmtui.runs.listing import list_runs
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot

if TYPE_CHECKING:
    from rich.table import Table


NUMERIC = ("step", "validation", "seen", "size")
SHORTENED = ("run", "corpus")
"""Columns whose texts may be cut."""
MIN_NAME = 16
"""Characters that these columns have at least."""
OPTIONAL = ("corpus", "network", "seen")
"""Columns that a narrow terminal omits, in this order."""
GAP = 2


def ls(
    long: Annotated[bool, typer.Option("--long", "-l", metavar="", help="Also show the size of each on disk.")] = False,
    json: AsJson = False,
    runs_dir: RunsDir = None,
) -> int:
    """List the runs, the latest first.

    A narrow terminal shows fewer columns.
    """
    root = runs_dir.expanduser() if runs_dir else runs_root()
    snapshots = [RunReader(run).refresh() for run in list_runs(root)]
    if json:
        write_json([{**_record(s), **({"bytes": disk_usage(s.run)} if long else {})} for s in snapshots])
        return 0
    if not snapshots:
        notify(f"There are no runs yet in {root}; start one with 'lstmtui train' or 'lstmtui train FILE'.")
        return 0
    console = stdout_console()
    rows = [{**_row(s), **({"size": format_size(disk_usage(s.run))} if long else {})} for s in snapshots]
    console.print(_table(rows, console.width))
    return 0


def _table(rows: list[dict[str, str]], width: int) -> Table:
    """Return the runs as a table: figures are never cut; a narrow terminal omits columns."""
    from rich.cells import cell_len
    from rich.table import Table

    rows = [{heading: one_line(text) for heading, text in row.items()} for row in rows]
    widths = {heading: max(map(cell_len, (heading, *(row[heading] for row in rows)))) for heading in rows[0]}
    shown = columns_that_fit(widths, width)
    widths |= names_that_fit(widths, shown, width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in shown:
        justify: Literal["left", "right"] = "right" if heading in NUMERIC else "left"
        table.add_column(heading, no_wrap=True, overflow="ellipsis", justify=justify, width=widths[heading])
    for row in rows:
        table.add_row(*(cell(row[heading]) for heading in shown))
    return table


def columns_that_fit(widths: dict[str, int], width: int) -> list[str]:
    """Return the columns that fit the width, if names of runs and texts are cut to MIN_NAME characters."""
    shown = list(widths)
    for name in OPTIONAL:
        needed = sum(min(widths[one], MIN_NAME) if one in SHORTENED else widths[one] for one in shown)
        if needed + GAP * (len(shown) - 1) <= width:
            break
        shown.remove(name)
    return shown


def names_that_fit(widths: dict[str, int], shown: list[str], width: int) -> dict[str, int]:
    """Return the widths of shortened columns, the run's own preferred; nothing where all fit uncut."""
    names = [one for one in shown if one in SHORTENED]
    room = width - sum(widths[one] for one in shown if one not in names) - GAP * (len(shown) - 1)
    if sum(widths[one] for one in names) <= room:
        return {}
    corpus = min(widths["corpus"], max(room // 3, room - widths["run"])) if "corpus" in names else 0
    return {"corpus": corpus, "run": max(1, min(widths["run"], room - corpus))}


def _row(s: RunSnapshot) -> dict[str, str]:
    settings, best = s.settings, s.result
    network = f"{settings.network.cell} {settings.network.layers}x{settings.network.hidden}" if settings else "?"
    corpus = ", ".join(name.rstrip("/").rsplit("/", 1)[-1] for name in settings.data.corpus) if settings else "?"
    steps = f"{s.step}/{s.steps}" if s.steps else str(s.step)
    figure = "-"
    if best is not None and best.bits_per_char is not None and settings and settings.data.tokens != "words":
        figure = f"{best.bits_per_char:.3f} bits/char"
    elif best is not None and best.wer is not None:
        figure = f"WER {percent(best.wer)}"
    elif best is not None and best.bleu is not None:
        figure = f"BLEU {best.bleu:.1f}"
    elif best is not None and best.f1 is not None:
        figure = f"F1 {percent(best.f1)}"
    elif best is not None and not best.is_language:
        figure = f"{best.decides} {best.value:.4g}"
    elif best is not None:
        figure = f"perplexity {best.perplexity:.1f}"
    if best is not None and s.evaluated_part is not None and best != s.final:
        figure = f"~{figure}"  # of a part of the text
    seen = s.status.get("heartbeat")
    return {
        "run": s.run.name,
        "state": s.state,
        "network": network,
        "corpus": corpus,
        "step": steps,
        "validation": figure,
        "seen": format_age(seen) if isinstance(seen, int | float) else "-",
    }


def _record(s: RunSnapshot) -> dict[str, Any]:
    best = s.best
    return {
        "run": s.run.name,
        "path": str(s.run.path),
        "state": s.state,
        "message": s.message,
        "cell": s.settings.network.cell if s.settings else None,
        "layers": s.settings.network.layers if s.settings else None,
        "hidden": s.settings.network.hidden if s.settings else None,
        "tokens": s.settings.data.tokens if s.settings else None,
        "corpus": list(s.settings.data.corpus) if s.settings else None,
        "step": s.step,
        "steps": s.steps,
        "nll": best.loss if best and best.is_language else None,
        "perplexity": best.perplexity if best and best.is_language and best.perplexity > 0 else None,
        "bits_per_char": best.bits_per_char if best else None,
        "bleu": best.bleu if best else None,
        "wer": best.wer if best else None,
        "cer": best.cer if best else None,
        "f1": best.f1 if best else None,
        "heartbeat": s.status.get("heartbeat"),
    }
