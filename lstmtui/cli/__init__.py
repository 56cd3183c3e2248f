"""The entry point of the command line. `complete --warm` and `lstmtui` alone load no other command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. Raises nothing but the SystemExit of the interpreter itself."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal in an 8-bit locale still gets the text it can show
            stream.reconfigure(errors="replace")
    try:
        from lstmtui.cli import warm_complete

        code = warm_complete.try_answer(given)
        if not given and not warm_complete.is_shell_completion():
            code = _open_screens()
        if code is None:
            from lstmtui.cli import commands

            code = commands.run(given)
    except KeyboardInterrupt:  # while modules are loaded; commands.run handles it afterwards
        return 130
    return code


def _open_screens() -> int:
    """Open the screens as `commands.run([])` would, but without the parser of options: a quarter of a second sooner."""
    try:
        from lstmtui import config, tui

        config.check_environment(os.environ)
        return tui.run()
    except Exception as error:
        from lstmtui.cli import commands

        return commands.report(error, debug=bool(os.environ.get("LSTMTUI_DEBUG")))
