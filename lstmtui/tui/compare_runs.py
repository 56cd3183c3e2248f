"""The screens, opened on a comparison of runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lstmtui.errors import UsageError


def run(paths: Sequence[Path], root: Path) -> int:
    """Open the compare screen over the list of runs and return the exit code. Raises UsageError without a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") in (None, "", "dumb"):
        raise UsageError("The screens need a terminal; omit --screen for a table.")
    from lstmtui.tui import preferences
    from lstmtui.tui.app import LstmtuiApp
    from lstmtui.tui.screens.compare import CompareScreen
    from lstmtui.tui.services import Services

    class CompareApp(LstmtuiApp):
        def on_ready(self) -> None:
            self.push_screen(CompareScreen(paths, self.services))

    app = CompareApp(services=Services(root=root), preferences=preferences.load())
    app.run()
    return app.return_code or 0
