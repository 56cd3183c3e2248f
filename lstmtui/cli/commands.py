"""The table of commands, and the end of each: any error becomes one sentence and an exit code.

Exit codes
    0 fine   1 failed   2 usage or configuration   3 corrupt or incompatible run or checkpoint   4 diverged
    5 run is locked by another engine   6 the last save failed   130/143/129 stopped by SIGINT/SIGTERM/SIGHUP, saved
    141 the reader of the output closed it early (`| head`), as for any other program
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from lstmtui import config
from lstmtui.cli import (
    adapt,
    bench,
    cache,
    compare,
    complete,
    corpora,
    docs,
    evaluate,
    fork,
    gradients,
    info,
    ls,
    memory,
    mv,
    pack,
    plan,
    plot,
    request,
    resume,
    rm,
    sample,
    screens,
    set_,
    show,
    stop,
    train,
    transcribe,
    translate,
)
from lstmtui.cli.help import App, Group
from lstmtui.cli.output import SIGPIPE, discard, notify
from lstmtui.errors import LstmtuiError

_CLICK_ERROR = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""The base of every usage error; newer versions of Typer contain their own copy of click."""


class _OutputClosed(Exception):  # noqa: N818  (nothing went wrong here)
    """Carries a BrokenPipeError through Typer, which would turn it into an exit code of its own."""


class _Commands(Group):
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
    theme: screens.Theme = None,
    charset: screens.Charset = None,
) -> int:
    """Train, watch and type with recurrent networks of your own, in the terminal.

    Without a command: the screens, on the latest run if there is one.
    """
    return screens.latest(theme, charset) if context.invoked_subcommand is None else 0


HELPS = {"help", "--help", "-h", "--version"}
"""Arguments that are answered without a check of the environment."""
_TRAIN, _RUNS, _USE, _MORE = "Train", "Runs", "Use a trained run", "More"
train.register(app, _TRAIN)
app.command("plan", rich_help_panel=_TRAIN)(plan.plan)
app.command("compare", rich_help_panel=_TRAIN)(compare.compare)
app.command("memory", rich_help_panel=_TRAIN)(memory.memory)
app.command("tasks", hidden=True)(memory.memory)  # what it was called before
app.command("resume", rich_help_panel=_TRAIN)(resume.resume)
app.command("pause", rich_help_panel=_TRAIN)(request.command("pause"))
app.command("continue", rich_help_panel=_TRAIN)(request.command("continue"))
app.command("stop", rich_help_panel=_TRAIN)(stop.stop)
app.command("save", rich_help_panel=_TRAIN)(request.command("save"))
app.command("set", rich_help_panel=_TRAIN)(set_.set_)
app.command("undo", rich_help_panel=_TRAIN)(request.command("undo"))
app.command("rewind", rich_help_panel=_TRAIN)(request.command("rewind"))
app.command("fork", rich_help_panel=_TRAIN)(fork.fork)
app.command("ls", rich_help_panel=_RUNS)(ls.ls)
app.command("show", rich_help_panel=_RUNS)(show.show)
app.command("plot", rich_help_panel=_RUNS)(plot.plot)
app.command("gradients", rich_help_panel=_RUNS)(gradients.gradients)
app.command("mv", rich_help_panel=_RUNS)(mv.mv)
app.command("pack", rich_help_panel=_RUNS)(pack.pack)
app.command("rm", rich_help_panel=_RUNS)(rm.rm)
app.command("type", rich_help_panel=_USE)(screens.type_)
app.command("complete", rich_help_panel=_USE)(complete.complete)
app.command("translate", rich_help_panel=_USE)(translate.translate)
app.command("transcribe", rich_help_panel=_USE)(transcribe.transcribe)
app.command("adapt", rich_help_panel=_USE)(adapt.adapt)
app.command("sample", rich_help_panel=_USE)(sample.sample)
app.command("evaluate", rich_help_panel=_USE)(evaluate.evaluate)
app.add_typer(corpora.app, name="corpora", rich_help_panel=_MORE)
app.command("docs", rich_help_panel=_MORE)(docs.docs)
app.command("info", rich_help_panel=_MORE)(info.info)
app.command("bench", rich_help_panel=_MORE)(bench.bench)
app.add_typer(cache.app, name="cache", rich_help_panel=_MORE)


@app.command("help", rich_help_panel=_MORE)
def _help(
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
            config.check_environment(os.environ)
        code = app(given, prog_name="lstmtui", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (BrokenPipeError, _OutputClosed):
        discard(sys.stdout)
        return SIGPIPE
    except KeyboardInterrupt:
        return 130
    except typer.Abort:
        notify("Nothing was changed.")
        return 1
    except Exception as error:
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
