"""`lstmtui pause|continue|stop|save|undo|rewind RUN`, `lstmtui set RUN KEY=VALUE`, and `lstmtui fork RUN`."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from lstmtui import config
from lstmtui.cli.options import Run, RunOrLatest, RunsDir, recognise, short
from lstmtui.cli.output import notify, write
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs import requests
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import engine_alive
from lstmtui.runs.next_step import next_step
from lstmtui.runs.reader import RunReader

SAVE_TIMEOUT = 120.0
"""Seconds that a stopping engine is given to write its checkpoint and end."""


def pause(run: RunOrLatest = "latest", runs_dir: RunsDir = None) -> int:
    """Hold a running training where it is."""
    return _ask(recognise(run, runs_dir), "pause")


def continue_(run: RunOrLatest = "latest", runs_dir: RunsDir = None) -> int:
    """Let a paused training go on."""
    return _ask(recognise(run, runs_dir), "continue")


def save(run: RunOrLatest = "latest", runs_dir: RunsDir = None) -> int:
    """Write a checkpoint now."""
    return _ask(recognise(run, runs_dir), "save")


def stop(run: RunOrLatest = "latest", runs_dir: RunsDir = None) -> int:
    """Save a running training and end it; 'lstmtui resume' continues it."""
    found = recognise(run, runs_dir)
    _ask(found, "stop")
    deadline = time.monotonic() + SAVE_TIMEOUT
    while engine_alive(found):
        if time.monotonic() > deadline:
            raise LstmtuiError(
                f"Run '{found.name}' is still saving; 'lstmtui show {short(found)}' tells when it is done."
            )
        time.sleep(0.1)
    snapshot = RunReader(found).refresh()
    if snapshot.exit_code not in (0, 129, 130, 143):
        notify(f"lstmtui: {snapshot.message}")
        return snapshot.exit_code
    notify(f"Run '{found.name}' is {snapshot.state} at step {snapshot.step}; {next_step(snapshot, short(found))}.")
    return 0


def set_(
    run: Run,
    changes: Annotated[list[str], typer.Argument(metavar="KEY=VALUE", help=f"KEY is one of {', '.join(config.LIVE)}.")],
    runs_dir: RunsDir = None,
) -> int:
    """Change settings of a run while it trains, for example: lstmtui set diary lr=0.001."""
    found = recognise(run, runs_dir)
    pairs = [_pair(change) for change in changes]
    for key, value in pairs:
        _ask(found, "set", key=key, value=value)
    return 0


def undo(run: RunOrLatest = "latest", runs_dir: RunsDir = None) -> int:
    """Take the last change of a setting back."""
    return _ask(recognise(run, runs_dir), "undo")


def rewind(run: RunOrLatest = "latest", runs_dir: RunsDir = None) -> int:
    """Put a running training back to its best checkpoint; settings stay as they are now."""
    return _ask(recognise(run, runs_dir), "rewind")


def fork(
    run: Run,
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Settings that the fork has otherwise, such as lr=0.001 or steps=5000.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[str, typer.Option("--from", metavar="WHERE", help="latest, best, or a step.")] = "latest",
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What to call the fork (auto).")] = None,
    runs_dir: RunsDir = None,
) -> int:
    """Make a new run that begins at a checkpoint of another, for example: lstmtui fork diary --from best lr=0.001."""
    from lstmtui.client import runs

    found = recognise(run, runs_dir)
    pairs = [change.partition("=") for change in changes or []]
    wrong = [change for change in changes or [] if "=" not in change]
    if wrong:
        raise UsageError(f"'{wrong[0]}' is not KEY=VALUE; for example lr=0.001.")
    child, step = runs.fork(
        found, at=at, name=name, changes={key.strip().replace("-", "_"): value for key, _, value in pairs}
    )
    write(child.name)
    notify(f"It begins at step {step} of '{found.name}'; 'lstmtui resume {short(child)}' starts it.")
    return 0


def _pair(change: str) -> tuple[str, str]:
    key, equals, value = change.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"'{change}' is not KEY=VALUE; for example lr=0.001.")
    key = key.strip().replace("-", "_")
    requests.parse_change(key, value)  # all are checked before the first is sent
    return key, value


def _ask(run: RunFolder, operation: str, **details: Any) -> int:
    """Send a request and tell the answer. Raises LstmtuiError when it is refused or not answered."""
    answer = requests.wait_for_answer(run, requests.send_request(run, operation, **details))
    if answer is None and operation == "stop":
        return 0  # it had ended before it could answer, or saves: the caller waits for that
    if answer is None:
        raise LstmtuiError(
            f"Run '{run.name}' has not answered yet (it may be compiling); 'lstmtui show {short(run)}' tells its state."
        )
    if not answer.ok:
        raise LstmtuiError(answer.message or f"Run '{run.name}' refused to {operation}.")
    if operation != "stop":
        notify(answer.message or f"Run '{run.name}': {operation} done.")
    return 0
