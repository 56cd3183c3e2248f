"""`lstmtui lsp [RUN]`: completion in editors."""

from __future__ import annotations

import sys

from lstmtui.cli.options import RunOrLatest, RunsDir, resolve_run_to_type_with
from lstmtui.cli.output import notify
from lstmtui.errors import LstmtuiError

MISSING = "Completion in editors needs pygls 2; install it with: pip install 'lstmtui[editor]'."


def lsp(run: RunOrLatest = "latest", runs_dir: RunsDir = None) -> int:
    """Complete in an editor, which starts this as a language server; no text is stored or logged."""
    try:
        from lstmtui.editor.server import Editor
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol", "cattrs", "attrs"):
            raise
        raise LstmtuiError(MISSING) from error
    found = resolve_run_to_type_with(run, runs_dir)
    if sys.stdin.isatty():
        notify("An editor starts this; 'lstmtui docs editors' has the lines for yours. Ctrl-D ends it.")
    return Editor(found).run()
