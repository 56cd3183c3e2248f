"""`lstmtui pause|continue|save|undo|rewind [RUN]`: each sends one request without details to a run that trains.

They differ in a name and a help text alone, so one table holds all five.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lstmtui.cli.options import RunOrLatest, RunsDir, resolve_run, run_argument
from lstmtui.cli.output import notify
from lstmtui.errors import LstmtuiError
from lstmtui.runs import requests
from lstmtui.runs.folder import RunFolder

HELP = {
    "pause": "Pause a running training.",
    "continue": "Continue a paused training.",
    "save": "Write a checkpoint now.",
    "undo": "Undo the last change of a setting.",
    "rewind": "Return a running training to its best checkpoint; settings stay as they are now.",
}
"""What each command does, by the operation that it requests."""


def command(operation: str) -> Callable[..., int]:
    """Return the command that requests `operation`."""

    def request(run: RunOrLatest = "latest", runs_dir: RunsDir = None) -> int:
        found = resolve_run(run, runs_dir)
        answer = send(found, operation)
        if answer is None:
            raise not_answered(found)
        notify(answer)
        return 0

    request.__doc__ = HELP[operation]
    return request


pause, continue_, save = command("pause"), command("continue"), command("save")
undo, rewind = command("undo"), command("rewind")


def send(run: RunFolder, operation: str, **details: Any) -> str | None:
    """Send a request and return the engine's answer; None if none came in time. Raises LstmtuiError for a refusal."""
    answer = requests.wait_for_answer(run, requests.send_request(run, operation, **details))
    if answer is None:
        return None
    if not answer.ok:
        raise LstmtuiError(answer.message or f"Run '{run.name}' refused to {operation}.")
    return answer.message or f"Run '{run.name}': {operation} done."


def not_answered(run: RunFolder) -> LstmtuiError:
    """Return the error of a request without an answer."""
    return LstmtuiError(
        f"Run '{run.name}' has not answered yet (it may be compiling); 'lstmtui show {run_argument(run)}' shows its "
        "state."
    )
