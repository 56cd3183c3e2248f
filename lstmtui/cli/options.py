"""Arguments and options that several commands share, and the completion of run names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lstmtui import config
from lstmtui.cli.help import choices, spelt_out
from lstmtui.common import paths
from lstmtui.errors import UsageError
from lstmtui.runs import listing
from lstmtui.runs.folder import RunFolder


def path(text: str) -> Path:
    """Return the path that was typed. Raises UsageError for an empty one, which would be the current folder."""
    if not text.strip():
        raise UsageError("An empty text names no file or folder; '.' is the current folder.")
    return Path(text).expanduser()


def run_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of runs that begin with what was typed, for the shell."""
    root = ctx.params.get("runs_dir")
    names = [run.name for run in listing.list_runs(Path(root) if root else None)]
    return [name for name in [*names, *(["latest"] if names else [])] if name.startswith(incomplete)]


Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run's name, the path of its folder, or 'latest'.",
        autocompletion=run_names,
        show_default=False,
    ),
]
RunOrLatest = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's name, or the path of its folder.", autocompletion=run_names)
]
RunsDir = Annotated[
    Path | None,
    typer.Option(
        "--runs-dir", metavar="FOLDER", parser=path, help="Where the runs are (also LSTMTUI_RUNS).", show_default=False
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option("--encoding", metavar="NAME", help="Encoding of files that are not UTF-8.", show_default=False),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", parser=path, help="Other settings, from a TOML file.", show_default=False),
]
Purpose = Annotated[
    str | None,
    typer.Option(
        "--for", metavar=choices(config.PURPOSES),
        help=f"What it is trained for, which chooses the rest{spelt_out(config.PURPOSES)}.",
        show_default=False,
    ),
]  # fmt: skip
Split = Annotated[
    str | None,
    typer.Option(
        "--split", metavar=choices(config.SPLITS), help=f"{config.FIELDS['split'].metadata['help'].capitalize()}.",
        show_default=False,
    ),
]  # fmt: skip
KeepEverything = Annotated[
    bool | None,
    typer.Option(
        "--keep-everything/--no-keep-everything", metavar="", show_default=False,
        help=f"{config.FIELDS['keep_everything'].metadata['help'].capitalize()}.",
    ),
]  # fmt: skip
Exact = Annotated[
    bool | None,
    typer.Option(
        "--exact/--no-exact", metavar="", help=f"{config.FIELDS['exact'].metadata['help'].capitalize()}.",
        show_default=False,
    ),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object, for a script.")]
Detach = Annotated[bool, typer.Option("--detach", "-d", metavar="", help="Leave it running and return at once.")]


def short(run: RunFolder) -> str:
    """Return how to call `run` on the next command line: its name where that finds it, else its path."""
    if run.path == paths.runs_root() / run.name:
        return run.name
    path = os.path.relpath(run.path)
    return path if os.sep in path else os.path.join(os.curdir, path)


def recognise(name: str, runs_dir: Path | None) -> RunFolder:
    """Return the run that `name` means. Raises UsageError."""
    return listing.find_run(name, runs_dir.expanduser() if runs_dir else None)
