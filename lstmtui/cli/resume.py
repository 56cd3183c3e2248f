"""`lstmtui resume [RUN]`."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.cli.options import AsJson, Detach, RunOrLatest, RunsDir, recognise, short
from lstmtui.cli.output import emit_json, say


def resume(
    run: RunOrLatest = "latest",
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="auto|cpu|cuda", help="Compute there, not where the run did until now."),
    ] = None,
    detach: Detach = False,
    json: AsJson = False,
    runs_dir: RunsDir = None,
) -> int:
    """Continue a run from its newest checkpoint, exactly where it was.

    On another device it ends with the same within rounding, not to the bit.
    """
    from lstmtui import api, config
    from lstmtui.cli.follow import follow
    from lstmtui.errors import LockedError
    from lstmtui.runs.folder import engine_alive
    from lstmtui.runs.reader import RunReader

    if device is not None:
        config.convert("device", device, "--device")
    found = recognise(run, runs_dir)
    config.load(found.config)  # a damaged run is refused here, in one sentence
    name = short(found)
    if engine_alive(found):
        raise LockedError(f"Run '{found.name}' is already training; 'lstmtui show {name}' tells how far it is.")
    say(f"Run {found.name} in {found.path}")
    before = RunReader(found).refresh()
    process = api.start(found, device=device)
    if detach:
        say(f"It trains on its own now: 'lstmtui show {name}', 'lstmtui stop {name}', or 'lstmtui' to watch.")
        if json:
            emit_json({"run": found.name, "path": str(found.path), "pid": process.pid})
        return 0
    return follow(found, process, before=before, as_json=json)
