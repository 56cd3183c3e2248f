"""`lstmtui cache show|clear`: prepared texts and compiled kernels, which are rebuilt when needed."""

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

app = App(cls=Group, help="The cache of prepared texts and compiled kernels.", no_args_is_help=True)

CACHE_NAMES = ("compiled", "corpora", "digests", "features", "pictures", "texts", "tokens", "default-*.txt")
"""Names in the cache folder that are cleared: LSTMTUI_CACHE may be a folder with other files."""


@app.command("show")
def show() -> int:
    """Show where the cache is and its size."""
    write(f"{cache_root()}  {format_size(used(cache_root()))}")
    return 0


@app.command("clear")
def clear() -> int:
    """Clear the cache, which is rebuilt when needed; the tokens of runs stay, since their text may change."""
    from lstmtui.data.token_files import is_in_use

    root = cache_root()
    freed = remaining = 0
    needed = _tokens_of_runs()
    for part in _parts(root):
        if is_in_use(part) or part.name in needed:
            remaining += used(part)
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
    if remaining:
        notify(f"{format_size(remaining)} remain: the tokens of runs, which 'lstmtui rm RUN' frees.")
    return 0


def _tokens_of_runs() -> set[str]:
    """Return the token folders of all runs in the usual folder: older versions left no reference in them."""
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
    """Yield the parts that may be removed: each folder of tokens, then empty folders."""
    for part in (path for pattern in CACHE_NAMES for path in root.glob(pattern)):
        if part.name == "tokens" and part.is_dir() and not part.is_symlink():
            yield from part.iterdir()
            if any(part.iterdir()):
                continue
        yield part


def used(folder: Path) -> int:
    """Return the bytes of all files under `folder`; unreadable ones count as 0."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total
