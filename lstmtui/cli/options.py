"""Arguments and options that several commands share, and the completion of run names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lstmtui import config
from lstmtui.cli.help import choices_suffix, metavar
from lstmtui.common import paths
from lstmtui.errors import UsageError
from lstmtui.runs import base, listing
from lstmtui.runs.folder import RunFolder


def path(text: str) -> Path:
    """Return a path from the command line. Raises UsageError for an empty one, which would be the current folder."""
    if not text.strip():
        raise UsageError("An empty text names no file or folder; '.' is the current folder.")
    return Path(text).expanduser()


def run_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of runs that begin with `incomplete`, for the shell's completion."""
    root = ctx.params.get("runs_dir")
    names = [run.name for run in listing.list_runs(Path(root) if root else None)]
    always = [*(["latest"] if names else []), *([] if base.NAME in names else [base.NAME])]
    return [name for name in [*names, *always] if name.startswith(incomplete)]


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
Field = Annotated[
    str | None,
    typer.Option(
        "--field", metavar="NAME", help="Column of CSV tables, or key of JSON lines, that is read.", show_default=False
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", parser=path, help="Other settings, from a TOML file.", show_default=False),
]
Corpus = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE", help="Files, folders, names from 'lstmtui corpora list'.", show_default=False),
]
BudgetMinutes = Annotated[
    str | None, typer.Option("--minutes", metavar="NUMBER", help="Time for each run (the budget; default 2).")
]
BudgetEpochs = Annotated[
    str | None, typer.Option("--epochs", metavar="NUMBER", help="Passes over the text instead of time.")
]
BudgetSteps = Annotated[str | None, typer.Option("--steps", metavar="INTEGER", help="Steps instead of time.")]
Hidden = Annotated[str | None, typer.Option("--hidden", metavar="INTEGER", help="Units in each layer.")]
Layers = Annotated[str | None, typer.Option("--layers", metavar="INTEGER", help="Recurrent layers.")]
Tokens = Annotated[
    str | None,
    typer.Option(
        "--tokens", metavar=metavar(config.TOKENS),
        help=f"What is read one at a time{choices_suffix(config.TOKENS)}.",
    ),
]  # fmt: skip
Threads = Annotated[str | None, typer.Option("--threads", metavar="INTEGER", help="Threads that compute.")]
Valid = Annotated[list[str] | None, typer.Option("--valid", metavar="FILE", help="Separate text for validation.")]
Purpose = Annotated[
    str | None,
    typer.Option(
        "--for", metavar=metavar(config.TEXT_PURPOSES),
        help=f"What it is trained for, which chooses the rest{choices_suffix(config.TEXT_PURPOSES)}.",
        show_default=False,
    ),
]  # fmt: skip
Split = Annotated[
    str | None,
    typer.Option(
        "--split", metavar=metavar(config.SPLITS), help=f"{config.FIELDS['split'].metadata['help'].capitalize()}.",
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


def run_argument(run: RunFolder) -> str:
    """Return what names `run` on a command line: its name in the usual folder of runs, else its path."""
    if run.path in (paths.runs_root() / run.name, base.copy_in(paths.runs_root()).path):
        return run.name
    relative = os.path.relpath(run.path)
    return relative if os.sep in relative else os.path.join(os.curdir, relative)


def resolve_run(name: str, runs_dir: Path | None) -> RunFolder:
    """Return the run called `name`, 'latest' or a path. Raises UsageError."""
    return listing.find_run(name, runs_dir.expanduser() if runs_dir else None)


def resolve_run_to_type_with(name: str, runs_dir: Path | None) -> RunFolder:
    """Return the run as `resolve_run` does, and for 'latest' without any run the one that comes with the program."""
    return resolve_run(listing.latest_or_base(name, runs_dir.expanduser() if runs_dir else None), runs_dir)


def parse_changes(changes: Sequence[str]) -> list[tuple[str, str]]:
    """Return name and value of each KEY=VALUE. Raises UsageError."""
    pairs = []
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"'{change}' is not KEY=VALUE; for example lr=0.001.")
        pairs.append((key.strip().replace("-", "_"), value))
    return pairs
