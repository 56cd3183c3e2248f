"""The table of runs: a row for each, and a first column to mark runs in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import DataTable

from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui.widgets.run_columns import RunCells, columns, row


class RunTable(DataTable[Text]):
    """Shows runs, changing only the cells that differ; the cursor stays on its run."""

    class MarkClicked(Message):
        """The first column of a row was clicked; the cursor is on the row."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._cells = RunCells()
        self._texts: dict[Path, tuple[Text, ...]] = {}
        self._shown_columns: tuple[str, ...] = ()

    @property
    def chosen(self) -> Path | None:
        """The run under the cursor."""
        paths = list(self._texts)
        return paths[self.cursor_row] if 0 <= self.cursor_row < len(paths) else None

    def fill(self, runs: Sequence[RunSnapshot], marked: Collection[Path], width: int) -> None:
        """Bring the table up to date."""
        cells = self._cells.of(runs)
        wanted = columns(width, cells)
        rows = {
            run.run.path: row(run, of, wanted, self.app.theme_variables, marked=run.run.path in marked)
            for run, of in zip(runs, cells, strict=True)
        }
        names = tuple(f"{c.name}{c.width}" for c in wanted)
        if names == self._shown_columns and list(rows) == list(self._texts):
            for path, texts in rows.items():
                for column, old, new in zip(wanted, self._texts[path], texts, strict=True):
                    if old != new:
                        self.update_cell(str(path), column.name, new)
        else:
            current, at = self.chosen, self.cursor_row
            self.clear(columns=True)
            for column in wanted:
                self.add_column(Text(column.title), key=column.name, width=column.width)
            for path, texts in rows.items():
                self.add_row(*texts, key=str(path))
            row_number = list(rows).index(current) if current in rows else at
            self.move_cursor(row=min(max(0, row_number), max(0, len(rows) - 1)))
            self._shown_columns = names
        self._texts = rows

    def on_click(self, event: events.Click) -> None:
        meta = event.style.meta
        if meta.get("column") == 0 and meta.get("row", -1) >= 0:
            event.prevent_default().stop()
            self.move_cursor(row=meta["row"])
            self.post_message(self.MarkClicked())
