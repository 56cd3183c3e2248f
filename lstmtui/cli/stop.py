"""`lstmtui stop [RUN]`."""

from __future__ import annotations

import time

from lstmtui.cli import request
from lstmtui.cli.options import RunOrLatest, RunsDir, resolve_run, run_argument
from lstmtui.cli.output import notify
from lstmtui.errors import LstmtuiError
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.next_step import next_step
from lstmtui.runs.reader import RunReader

SAVE_TIMEOUT = 120.0
"""Seconds to wait for a stopping engine to write its checkpoint and exit."""
STOPPED_CODES = (0, 129, 130, 143)
"""Exit codes of a run that was stopped and saved."""


def stop(run: RunOrLatest = "latest", runs_dir: RunsDir = None) -> int:
    """Save a running training and end it; 'lstmtui resume' continues it."""
    found = resolve_run(run, runs_dir)
    request.send(found, "stop")  # an engine that exits or saves does not answer: its end is what counts
    name = run_argument(found)
    deadline = time.monotonic() + SAVE_TIMEOUT
    while engine_alive(found):
        if time.monotonic() > deadline:
            raise LstmtuiError(f"Run '{found.name}' is still saving; 'lstmtui show {name}' shows when it is done.")
        time.sleep(0.1)
    snapshot = RunReader(found).refresh()
    if snapshot.exit_code not in STOPPED_CODES:
        notify(f"lstmtui: {snapshot.message}")
        return snapshot.exit_code
    notify(f"Run '{found.name}' is {snapshot.state} at step {snapshot.step}; {next_step(snapshot, name)}.")
    return 0
