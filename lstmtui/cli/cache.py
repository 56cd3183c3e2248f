"""`lstmtui cache show|clear`: prepared texts and compiled kernels, all of which are made again when needed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from lstmtui.cli.help import App, Group
from lstmtui.cli.output import notify, write
from lstmtui.common.paths import cache_root
from lstmtui.common.units import format_size
from lstmtui.errors import CorruptError, LstmtuiError

app = App(cls=Group, help="The cache of prepared texts and compiled mathematics.", no_args_is_help=True)

OURS = ("compiled", "corpora", "digests", "texts", "tokens", "default-*.txt")
"""What lstmtui puts into its cache folder. Only this is cleared: LSTMTUI_CACHE may name a folder with more in it."""


@app.command("show")
def show() -> int:
    """Say where the cache is and how much it holds."""
    write(f"{cache_root()}  {format_size(used(cache_root()))}")
    return 0


@app.command("clear")
def clear() -> int:
    """Empty the cache. What is needed again is made again; the tokens of runs stay, since their text may change."""
    from lstmtui.data.token_files import is_in_use

    root = cache_root()
    freed = kept = 0
    needed = _tokens_of_runs()
    for part in _parts(root):
        if is_in_use(part) or part.name in needed:
            kept += used(part)
            continue
        size_of_part = part.lstat().st_size if part.is_file() else used(part)
        try:
            if part.is_dir() and not part.is_symlink():
                shutil.rmtree(part)
            else:
                part.unlink()
            freed += size_of_part
        except OSError as error:
            raise LstmtuiError(f"{error.filename or part}: cannot be removed ({error.strerror or error}).") from error
    notify(f"Cleared {format_size(freed)} from {root}.")
    if kept:
        notify(f"{format_size(kept)} stay: the tokens of runs, which 'lstmtui rm RUN' frees.")
    return 0


def _tokens_of_runs() -> set[str]:
    """Return the folders of tokens of all runs in the usual place: those of older versions have made no note there."""
    from lstmtui.common.files import read_json
    from lstmtui.data.token_files import TokenFiles
    from lstmtui.runs.listing import list_runs

    needed = set()
    for run in list_runs():
        with contextlib.suppress(CorruptError):
            digest = (read_json(run.plan) or {}).get("corpus")
            if isinstance(digest, str):
                needed.add(TokenFiles.with_digest(cache_root(), digest).folder.name)
    return needed


def _parts(root: Path) -> Iterator[Path]:
    """Yield what may be removed: of the tokens each folder by itself, then what is left empty."""
    for part in (path for pattern in OURS for path in root.glob(pattern)):
        if part.name == "tokens" and part.is_dir() and not part.is_symlink():
            yield from part.iterdir()
            if any(part.iterdir()):
                continue
        yield part


def used(folder: Path) -> int:
    """Return the bytes in all files under `folder`; what cannot be read counts nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total
