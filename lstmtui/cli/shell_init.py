"""`lstmtui shell-init bash|zsh|fish`: lines to source, after which Alt-/ continues the command line.

What is suggested is put before the cursor, without control characters, and nothing else: no shell ever evaluates it.
The model is that of `lstmtui complete --warm`.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import Annotated

import typer

from lstmtui.cli.options import RunsDir, resolve_run, run_names
from lstmtui.cli.output import write
from lstmtui.errors import UsageError

BASH = """\
# lstmtui: Alt-/ continues the command line.  Source it:  eval "$(lstmtui shell-init bash)"
_lstmtui_line() {
    local before=${READLINE_LINE:0:READLINE_POINT} added
    added=$(%(command)s -- "$before" 2>/dev/null </dev/null)
    added=${added//[[:cntrl:]]/}
    READLINE_LINE=$before$added${READLINE_LINE:READLINE_POINT}
    READLINE_POINT=$((READLINE_POINT + ${#added}))
}
bind -x '"\\e/": _lstmtui_line'
"""
ZSH = """\
# lstmtui: Alt-/ continues the command line.  Source it:  eval "$(lstmtui shell-init zsh)"
_lstmtui_line() {
    local added
    added=$(%(command)s -- "$LBUFFER" 2>/dev/null </dev/null)
    LBUFFER+=${added//[[:cntrl:]]/}
}
zle -N _lstmtui_line
bindkey '^[/' _lstmtui_line
# Grey text, with the plugin zsh-autosuggestions:  ZSH_AUTOSUGGEST_STRATEGY=(history lstmtui)
_zsh_autosuggest_strategy_lstmtui() {
    local added
    added=$(%(command)s -- "$1" 2>/dev/null </dev/null)
    typeset -g suggestion=${added:+$1${added//[[:cntrl:]]/}}
}
"""
FISH = """\
# lstmtui: Alt-/ continues the command line.  Source it:  lstmtui shell-init fish | source
function _lstmtui_line
    set -l before (commandline --current-buffer --cut-at-cursor | string collect)
    set -l added (%(command)s -- "$before" 2>/dev/null </dev/null | string replace --regex --all '[[:cntrl:]]' '')
    commandline --insert -- "$added[1]"
end
bind \\e/ _lstmtui_line
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def shell_init(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.", show_default=False)],
    run: Annotated[
        str,
        typer.Option("--run", metavar="RUN", help="The run that suggests.", autocompletion=run_names),
    ] = "latest",
    runs_dir: RunsDir = None,
) -> int:
    """Print lines for your shell, after which Alt-/ continues the command line."""
    if shell not in SCRIPTS:
        raise UsageError(f"There are no lines for '{shell}'; there are for {', '.join(SCRIPTS)}.")
    if run != "latest":  # which may be trained later
        run = str(resolve_run(run, runs_dir).path.resolve())
    quote = _fish_quoted if shell == "fish" else shlex.quote
    words = [_program(), "complete", run, "--plain", "--warm", "-k", "1"]
    write(SCRIPTS[shell] % {"command": " ".join(map(quote, words))}, end="")
    return 0


def _program() -> str:
    """Return what starts lstmtui in any folder: the script that runs now, or the name."""
    script = os.path.abspath(sys.argv[0])
    return script if os.path.basename(script) == "lstmtui" and os.access(script, os.X_OK) else "lstmtui"


def _fish_quoted(word: str) -> str:
    """Return a word that fish takes as it is."""
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"
