"""`lstmtui resume [RUN]`."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.cli.options import AsJson, Detach, RunOrLatest, RunsDir, resolve_run, run_argument
from lstmtui.cli.output import notify

_FURTHER = "Train further"


def resume(
    run: RunOrLatest = "latest",
    steps: Annotated[
        str | None,
        typer.Option(metavar="MORE", rich_help_panel=_FURTHER, help="Train this many more steps.", show_default=False),
    ] = None,
    minutes: Annotated[
        str | None,
        typer.Option(
            metavar="MORE", rich_help_panel=_FURTHER, help="Train for about this many more minutes.", show_default=False
        ),
    ] = None,
    epochs: Annotated[
        str | None,
        typer.Option(
            metavar="MORE", rich_help_panel=_FURTHER, help="Train for this many more passes.", show_default=False
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device", metavar="auto|cpu|cuda", help="Compute on another device than before.",
            show_default=False,
        ),
    ] = None,
    detach: Detach = False,
    json: AsJson = False,
    runs_dir: RunsDir = None,
) -> int:  # fmt: skip
    """Continue a run from its newest checkpoint, exactly where it was.

    A finished run needs --steps, --minutes or --epochs: how much longer to train. They give a stopped run a new end
    too. From here on the learning rate follows the schedule of a run of the new length, so it rises again and decays
    to its end with the last step.

    Another device gives the same results within rounding, not to the bit.
    """
    from lstmtui import config
    from lstmtui.cli.ending import conclude
    from lstmtui.cli.follow import detached, follow
    from lstmtui.client import runs
    from lstmtui.errors import LockedError
    from lstmtui.runs.lock import engine_alive
    from lstmtui.runs.reader import RunReader

    if device is not None:
        config.convert("device", device, "--device")
    more = _more({"minutes": minutes, "epochs": epochs, "steps": steps})
    found = resolve_run(run, runs_dir)
    config.load(found.config)  # raises for a damaged run
    name = run_argument(found)
    if engine_alive(found):
        raise LockedError(f"Run '{found.name}' is already training; 'lstmtui show {name}' shows its progress.")
    before = RunReader(found).refresh()
    if before.state == "finished" and more is None:
        return conclude(before, name, before.state, before.exit_code, as_json=json)
    notify(f"Run {found.name} in {found.path}")
    process = runs.start(found, device=device, more=more)
    return (detached if detach else follow)(found, process, before=before, as_json=json)


def _more(given: dict[str, str | None]) -> tuple[str, float] | None:
    """Return the unit and amount of further training. Raises UsageError for more than one."""
    from lstmtui import config
    from lstmtui.errors import UsageError

    wanted = [(unit, value) for unit, value in given.items() if value is not None]
    if len(wanted) > 1:
        raise UsageError("Give only one of --steps, --minutes and --epochs.")
    for unit, value in wanted:
        amount = config.convert(unit, value, f"--{unit}")
        if amount is not None:
            return unit, amount
    return None
