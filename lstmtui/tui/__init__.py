"""Terminal screens: the list of runs, one run live, typing with it, and more.

They start and watch engine processes through `lstmtui.client` and the run folder. Closing them stops no engine.
"""

from __future__ import annotations

import gc
import os
import sys

from lstmtui.errors import UsageError


def require_terminal(instead: str) -> None:
    """Raise UsageError without a terminal that screens can be drawn on; `instead` are the commands to use there."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") in (None, "", "dumb"):
        raise UsageError(f"The screens need a terminal; use '{instead}' here.")


def run(
    run_name: str | None = None, screen: str = "auto", *, theme: str | None = None, charset: str | None = None
) -> int:
    """Open the screens and return the exit code: 0, or 129, 130, 143 after SIGHUP, SIGINT, SIGTERM.

    `screen` is "runs", "live", "type" or "auto": live on the named or latest run, the list when there is none.
    `theme` and `charset` override the user's configuration. Raises UsageError without a terminal, for
    an unknown run, theme or character set, and for "type" when there is no run.
    """
    complete = f"lstmtui complete {run_name or 'RUN'} TEXT"
    require_terminal(complete if screen == "type" else "lstmtui ls' or 'lstmtui train")
    from lstmtui.runs.listing import find_run, list_runs
    from lstmtui.tui import preferences
    from lstmtui.tui.opening import opening

    chosen = preferences.load(theme=theme, charset=charset)

    found = None
    if run_name is not None or screen in ("live", "type"):
        found = find_run(run_name or "latest")
    elif screen == "auto":
        found = next(iter(list_runs()), None)

    with opening(found.name if found is not None else None):
        gc.disable()  # until Textual's first frame: a fifth of the processor time until then, and nothing to find
        from lstmtui.tui.app import LstmtuiApp
        from lstmtui.tui.exit_monitor import ExitMonitor

        first = "runs" if found is None else "live" if screen == "auto" else screen
        app = LstmtuiApp(found, screen=first, preferences=chosen)
        preferences.check_choice("theme", chosen.theme, ("auto", *app.available_themes))
        sys.setswitchinterval(0.001)  # a thread that reads must not delay a key for long
        monitor = ExitMonitor(sys.stdin.fileno(), app.leave)
        monitor.start()
    try:
        app.run()
    finally:
        monitor.finish()
    return 128 + monitor.signal_number if monitor.signal_number else app.return_code or 0
