"""The progress of a long command on stderr: a bar on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from lstmtui.cli.output import notify
from lstmtui.common.terminal_text import one_line

LINE_INTERVAL = 10.0
"""Seconds between lines of progress without a terminal."""
MAX_STAGE = 30
"""Characters of the name of a stage beside the bar."""


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show the progress of a command while inside."""
    terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    shown = Bar() if terminal else Progress()
    try:
        yield shown
    finally:
        shown.close()


class Progress:
    """Progress without a terminal: notices, and a line every LINE_INTERVAL seconds."""

    def __init__(self) -> None:
        self._shown_at = time.monotonic()

    def note(self, line: str) -> None:
        """Print a line that stays."""
        notify(line)

    def show(self, stage: str, fraction: float | None, figures: Sequence[str] = (), *, line: str | None = None) -> None:
        """Show how far the work is.

        fraction    of the stage that is done, 0 to 1; None where it is not known
        line        replaces stage, fraction and figures without a terminal; an empty one shows nothing there
        """
        if line is None:
            share = "" if fraction is None else f"{fraction:.0%}"
            line = "  ".join(filter(None, (stage, share, *figures)))
        if line and time.monotonic() - self._shown_at >= LINE_INTERVAL:
            self._shown_at = time.monotonic()
            notify(line)

    def close(self) -> None:
        """Restore the terminal."""


class Bar(Progress):
    """Progress on a terminal: a bar below the notices."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        # Refreshed by hand: a closed terminal then raises here, where it can be caught, and not in Rich's thread.
        self._rich = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%", markup=False),
            TextColumn("{task.fields[figures]}", markup=False),
            console=Console(stderr=True, highlight=False, markup=False, emoji=False),
            auto_refresh=False,
            transient=True,
            expand=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._rich.add_task("starting", total=None, figures="")
        self._on_terminal(self._rich.start)

    def note(self, line: str) -> None:
        from rich.text import Text

        self._on_terminal(lambda: self._rich.console.print(Text(one_line(line))))

    def show(self, stage: str, fraction: float | None, figures: Sequence[str] = (), *, line: str | None = None) -> None:
        self._rich.update(
            self._task,
            description=one_line(stage, MAX_STAGE),
            total=None if fraction is None else 1.0,
            completed=fraction or 0.0,
            figures=one_line("  ".join(figures)),
        )
        self._on_terminal(self._rich.refresh)

    def close(self) -> None:
        self._on_terminal(self._rich.stop)

    def _on_terminal(self, draw: Callable[[], object]) -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal is closed; the work goes on
            draw()
