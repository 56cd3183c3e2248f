"""`lstmtui pack RUN`: a run as one archive."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from lstmtui.cli.options import Run, RunsDir, path, resolve_run
from lstmtui.cli.output import notify, write
from lstmtui.common.units import format_size
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder

STDOUT = Path("-")
COMPRESSED = (".gz", ".tgz")


def pack(
    run: Run,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", parser=path, show_default=False,
            help="The archive, .tar or .tar.gz; '-' is standard output (auto: RUN.tar.gz here).",
        ),
    ] = None,
    without_text: Annotated[
        bool,
        typer.Option(
            "--without-text", metavar="",
            help="Leave out the text it was trained on, and the profile of the user.",
        ),
    ] = False,
    runs_dir: RunsDir = None,
) -> int:  # fmt: skip
    """Pack a run into one archive.

    A run's folder contains the text it was trained on: completion has an index of it in autocomplete/, beside the
    user's profile, and a text from standard input is in piped.txt. With --without-text the archive has neither these
    nor the paths of the texts on this machine, and everything but completion's index works as before. What the
    network has memorised remains in its weights, and its samples remain too.

    Unpack it into the folder of runs: tar -xf FILE -C FOLDER.
    """
    from lstmtui.runs import archive

    found = resolve_run(run, runs_dir)
    if to == STDOUT:
        if sys.stdout.isatty():
            raise UsageError("An archive cannot be shown; send '--to -' into a pipe or a file.")
        archive.write_archive(found, sys.stdout.buffer, compressed=False, without_text=without_text)
        return 0
    target = to if to is not None else Path(f"{found.name}.tar.gz")
    if target.exists():
        raise UsageError(f"{target} exists already; choose another name with --to, or remove it.")
    _write(found, target, without_text)
    write(str(target))
    held = archive.text_files(found)
    if held and not without_text:
        held_size = format_size(archive.total_size(held))
        notify(f"It contains the text that the run was trained on ({held_size}); --without-text leaves it out.")
    notify(f"To unpack it: tar -xf {shlex.quote(str(target))} -C FOLDER, the folder of runs that 'lstmtui info' names.")
    return 0


def _write(run: RunFolder, target: Path, without_text: bool) -> None:
    """Write the archive to a temporary file and rename it once it is complete."""
    from lstmtui.runs import archive

    try:
        with tempfile.NamedTemporaryFile(dir=target.absolute().parent, prefix=".pack-", delete=False) as file:
            draft = Path(file.name)
            try:
                archive.write_archive(run, file, compressed=target.suffix in COMPRESSED, without_text=without_text)  # type: ignore[arg-type]
                file.flush()
                os.replace(draft, target)
            finally:
                draft.unlink(missing_ok=True)
    except OSError as error:
        raise LstmtuiError(f"{target} cannot be written ({error.strerror or error}).") from error
