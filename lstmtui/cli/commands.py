"""The table of commands, and the end of each: any error becomes one sentence and an exit code.

Exit codes
    0 fine   1 failed   2 usage or configuration   3 corrupt or incompatible run or checkpoint   4 diverged
    5 run is locked by another engine   6 the last save failed   130/143/129 stopped by SIGINT/SIGTERM/SIGHUP, saved
    141 the reader of the output closed it early (`| head`), as for any other program
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Annotated, Any, NamedTuple

import typer

from lstmtui.cli.help import App, Command, Group
from lstmtui.cli.output import SIGPIPE, discard, notify
from lstmtui.cli.screen_options import Charset, Theme
from lstmtui.errors import LstmtuiError

_CLICK_ERROR = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""The base of every usage error; newer versions of Typer contain their own copy of click."""


class _OutputClosed(Exception):  # noqa: N818  (nothing went wrong here)
    """Carries a BrokenPipeError through Typer, which would turn it into an exit code of its own."""


class Entry(NamedTuple):
    """A command as the table has it: enough for the page of all commands, which so imports none of them."""

    name: str
    panel: str
    summary: str
    """The first paragraph of the command's docstring; a test compares them."""
    target: str
    """Module in this folder, colon, and the function of the command or the App of its subcommands."""
    hidden: bool = False

    def load(self) -> typer.core.TyperGroup | typer.core.TyperCommand:
        """Import the command."""
        module, _, attribute = self.target.partition(":")
        found = getattr(importlib.import_module(f"lstmtui.cli.{module}"), attribute)
        if not isinstance(found, App):
            single = App()
            single.command()(found)
            found = single
        command: Any = typer.main.get_command(found)
        command.name, command.rich_help_panel, command.hidden = self.name, self.panel, self.hidden
        return command


_TRAIN, _RUNS, _USE, _MORE = "Train", "Runs", "Use a trained run", "More"
COMMANDS = (
    Entry("train", _TRAIN, "Train a new run on FILE... and follow it. Ctrl-C saves it and leaves.", "train:app"),
    Entry(
        "plan",
        _TRAIN,
        "Forecast what a run would cost: parameters, work, memory, speed measured here, and time; trains nothing.",
        "plan:plan",
    ),
    Entry(
        "compare",
        _TRAIN,
        "Train each cell on the same text under the same budget, and recommend one.",
        "compare:compare",
    ),
    Entry(
        "tune",
        _TRAIN,
        "Search for the best settings: many short runs on the same text, hopeless ones ended early.",
        "tune:tune",
    ),
    Entry(
        "memory",
        _TRAIN,
        "Train cells on the classic memory tasks: adding, copying, order, grammars, counting, brackets.",
        "memory:memory",
    ),
    Entry(
        "tasks",
        _TRAIN,
        "Train cells on the classic memory tasks: adding, copying, order, grammars, counting, brackets.",
        "memory:memory",
        hidden=True,  # what it was called before
    ),
    Entry("resume", _TRAIN, "Continue a run from its newest checkpoint, exactly where it was.", "resume:resume"),
    Entry("pause", _TRAIN, "Pause a running training.", "request:pause"),
    Entry("continue", _TRAIN, "Continue a paused training.", "request:continue_"),
    Entry("stop", _TRAIN, "Save a running training and end it; 'lstmtui resume' continues it.", "stop:stop"),
    Entry("save", _TRAIN, "Write a checkpoint now.", "request:save"),
    Entry(
        "set", _TRAIN, "Change settings of a run while it trains, for example: lstmtui set diary lr=0.001.", "set_:set_"
    ),
    Entry("undo", _TRAIN, "Undo the last change of a setting.", "request:undo"),
    Entry(
        "rewind",
        _TRAIN,
        "Return a running training to its best checkpoint; settings stay as they are now.",
        "request:rewind",
    ),
    Entry(
        "fork",
        _TRAIN,
        "Make a new run that begins at a checkpoint of another, for example: lstmtui fork diary --from best lr=0.001.",
        "fork:fork",
    ),
    Entry("ls", _RUNS, "List the runs, the latest first.", "ls:ls"),
    Entry("show", _RUNS, "Show a run: its progress, figures, card, last sample and every setting.", "show:show"),
    Entry(
        "plot",
        _RUNS,
        "Draw a run's loss, gradient flow and gate saturation here, or write them as CSV and PNG.",
        "plot:plot",
    ),
    Entry(
        "gradients",
        _RUNS,
        "Measure how gradients vanish or grow backwards through time, and how long the units remember.",
        "gradients:gradients",
    ),
    Entry("mv", _RUNS, "Rename a run. A run that trains must be stopped first.", "mv:mv"),
    Entry("export", _RUNS, "Write a run for other programs: its metrics, or its network.", "export:export"),
    Entry(
        "import",
        _RUNS,
        "Make a run of a language model that was trained elsewhere, or of any network that was exported here.",
        "import_:import_",
    ),
    Entry("pack", _RUNS, "Pack a run into one archive.", "pack:pack"),
    Entry("rm", _RUNS, "Remove runs with their checkpoints permanently.", "rm:rm"),
    Entry(
        "type",
        _USE,
        "Type with a trained run, which suggests the next words, translates or transcribes.",
        "screens:type_",
    ),
    Entry(
        "complete",
        _USE,
        "Show how a text is likely to continue: ranked candidates with their probabilities.",
        "complete:complete",
    ),
    Entry("translate", _USE, "Translate with a run that was trained for translation.", "translate:translate"),
    Entry(
        "transcribe",
        _USE,
        "Write what is said in recordings, with a run that was trained for speech.",
        "transcribe:transcribe",
    ),
    Entry("caption", _USE, "Describe pictures in words, with a run that was trained for captions.", "caption:caption"),
    Entry("adapt", _USE, "Adapt a run's completion to what a user writes.", "adapt:adapt"),
    Entry(
        "serve",
        _USE,
        "Answer other programs over HTTP, as OpenAI's completions do, on this machine; no text is stored or logged.",
        "serve:serve",
    ),
    Entry(
        "lsp",
        _USE,
        "Complete in an editor, which starts this as a language server; no text is stored or logged.",
        "lsp:lsp",
    ),
    Entry(
        "shell-init",
        _USE,
        "Print lines for your shell, after which Alt-/ continues the command line.",
        "shell_init:shell_init",
    ),
    Entry("sample", _USE, "Generate text with a trained run.", "sample:sample"),
    Entry(
        "evaluate",
        _USE,
        "Measure a trained run on other data: how it predicts a text, translates, transcribes or describes pictures.",
        "evaluate:evaluate",
    ),
    Entry("corpora", _MORE, "Texts to train on: list, show, fetch.", "corpora:app"),
    Entry(
        "demo",
        _MORE,
        "Watch a run that was recorded, played back in 20 seconds: the screens as they are while a network learns.",
        "demo:demo",
    ),
    Entry("docs", _MORE, "Read the manual; without PAGE, list its pages.", "docs:docs"),
    Entry("info", _MORE, "Show versions, processor, threads, CUDA and folders.", "info:info"),
    Entry(
        "bench",
        _MORE,
        "Measure how fast this machine trains (a step) and samples (a token), for each cell.",
        "bench:bench",
    ),
    Entry("cache", _MORE, "The cache of prepared texts and compiled kernels.", "cache:app"),
    Entry("help", _MORE, "Show what a command does, and its options: the same as COMMAND --help.", "commands:help_"),
)


class _Commands(Group):
    """The commands of the table: a summary stands for each until it is used, so no command waits for the others."""

    def __init__(self, **about: Any) -> None:
        super().__init__(**about)
        for entry in COMMANDS:
            summary = Command(entry.name, help=entry.summary, rich_help_panel=entry.panel, hidden=entry.hidden)
            self.commands.setdefault(entry.name, summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        entry = next((one for one in COMMANDS if one.name == args[0]), None)
        if entry is not None:
            self.commands[entry.name] = entry.load()
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _OutputClosed from error


app = App(
    name="lstmtui",
    cls=_Commands,
    help="Train, watch and type with recurrent networks of your own, in the terminal.",
    epilog="Exit codes: 0 fine, 1 failed, 2 usage, 3 damaged run, 4 diverged, 5 locked, 6 last save failed, "
    "130/143/129 stopped by a signal after saving.",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from lstmtui import __version__

        print(f"lstmtui {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _lstmtui(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, metavar="", help="Print the version and leave."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", metavar="", help="Show where an error came from (also LSTMTUI_DEBUG=1).")
    ] = False,
    theme: Theme = None,
    charset: Charset = None,
) -> int:
    """Train, watch and type with recurrent networks of your own, in the terminal.

    Without a command: the screens, on the latest run if there is one.
    """
    if context.invoked_subcommand is not None:
        return 0
    from lstmtui.cli import screens

    return screens.latest(theme, charset)


HELPS = {"help", "--help", "-h", "--version"}
"""Arguments that are answered without a check of the environment."""


def help_(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="Such as train, or corpora fetch.", show_default=False)
    ] = None,
) -> int:
    """Show what a command does, and its options: the same as COMMAND --help."""
    app([*(command or []), "--help"], prog_name="lstmtui", standalone_mode=False)
    return 0


def run(given: list[str]) -> int:
    """Run one command line and return its exit code. Raises nothing but the SystemExit of the interpreter itself."""
    debug = bool(os.environ.get("LSTMTUI_DEBUG")) or "--debug" in _before_dashes(given)
    # Users repeat a failed line with --debug at its end, so it is accepted anywhere.
    given = ["--debug", *(a for a in _before_dashes(given) if a != "--debug")][not debug :] + _from_dashes(given)
    try:
        if not HELPS & set(_before_dashes(given)):
            from lstmtui import config

            config.check_environment(os.environ)
        code = app(given, prog_name="lstmtui", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return report(error, debug=debug)


def report(error: Exception, *, debug: bool) -> int:
    """Print what a command failed with, from within its `except`, and return the exit code."""
    if isinstance(error, BrokenPipeError | _OutputClosed):
        discard(sys.stdout)
        return SIGPIPE
    if isinstance(error, typer.Abort):
        notify("Nothing was changed.")
        return 1
    if debug:
        import traceback

        traceback.print_exc()
    notify(f"lstmtui: {_sentence(error)}")
    return int(getattr(error, "exit_code", 1))


def _before_dashes(arguments: list[str]) -> list[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _from_dashes(arguments: list[str]) -> list[str]:
    return arguments[len(_before_dashes(arguments)) :]


def _sentence(error: Exception) -> str:
    """Return the sentence that a user reads: what failed, where, and what to do next."""
    if isinstance(error, LstmtuiError):
        return str(error)
    if isinstance(error, _CLICK_ERROR):
        context: Any = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "lstmtui"
        message = " ".join(error.format_message().split())  # type: ignore[attr-defined]  # every ClickException has it
        return f"{message.rstrip('.')} (see '{command} --help')."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'The system'}: {error.strerror}."
    return f"An error inside lstmtui: {type(error).__name__}: {error} (--debug shows where; please report it)."
