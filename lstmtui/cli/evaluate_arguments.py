"""Arguments and options of `lstmtui evaluate`, and which of them a run can take."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated

import typer

from lstmtui.cli.beam_options import BEAM
from lstmtui.cli.options import AsJson, Encoding, Run, RunsDir
from lstmtui.cli.search_options import language_model_option, language_model_weight_option
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import UsageError
from lstmtui.protocol import MAX_BEAM

THRESHOLD = 0.3
"""The least probability of ghost text, as on the typing screen."""
_PANEL = "With --autocomplete"
_DYNAMIC = "With --dynamic"
_TRANSLATION = "Of translations"
_SEARCH = "Of translations, speech and captions"
_SPEECH = "Of speech"
_CAPTIONS = "Of captions"
RULES = ("rms", "sgd")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateArguments:
    """Arguments and options of the command."""

    run: Run
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="Text that the run has not seen; '-' or none: what is piped in. Of speech, captions: folder or table.",
            show_default=False,
        ),
    ] = None
    autocomplete: Annotated[
        bool, typer.Option("--autocomplete", metavar="", help="Count what typing the text with the run would save.")
    ] = False
    apart: Annotated[
        bool,
        typer.Option("--apart", metavar="", rich_help_panel=_PANEL, help="Each line is a text of its own."),
    ] = False
    words: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="INTEGER",
            rich_help_panel=_PANEL,
            help="Type at most this many words, from all over (0: all).",
        ),
    ] = 5000
    threshold: Annotated[
        float,
        typer.Option(
            min=0, max=1, metavar="NUMBER", rich_help_panel=_PANEL, help="Probability from which ghost text would show."
        ),
    ] = THRESHOLD
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            metavar="",
            rich_help_panel=_PANEL,
            help="Also count with adaptation: the profile and the text so far.",
        ),
    ] = False
    dynamic: Annotated[
        bool,
        typer.Option("--dynamic", metavar="", help="Also let a copy of the weights learn from the text as it reads."),
    ] = False
    dynamic_rule: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(RULES),
            rich_help_panel=_DYNAMIC,
            show_default=False,
            help="Gradients divided by their usual size, or as they are (rms after AdamW).",
        ),
    ] = None
    dynamic_lr: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", rich_help_panel=_DYNAMIC, help="Learning rate (auto).", show_default=False),
    ] = None
    dynamic_decay: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.999,
            metavar="NUMBER",
            rich_help_panel=_DYNAMIC,
            show_default=False,
            help="How far weights decay to the trained ones at each step (auto).",
        ),
    ] = None
    beam: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_BEAM,
            metavar="INTEGER",
            rich_help_panel=_SEARCH,
            show_default=False,
            help=f"Hypotheses that the search keeps (default {BEAM}, of speech 16).",
        ),
    ] = None
    lm: Annotated[str | None, language_model_option(_SPEECH)] = None
    lm_weight: Annotated[float | None, language_model_weight_option(_SPEECH)] = None
    tokenize: Annotated[
        str,
        typer.Option(
            metavar="WORD", rich_help_panel=_TRANSLATION, help="How BLEU cuts words: 13a, intl, char, or none."
        ),
    ] = "13a"
    lowercase: Annotated[
        bool, typer.Option("--lowercase", metavar="", rich_help_panel=_TRANSLATION, help="Without regard to case.")
    ] = False
    features: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", rich_help_panel=_CAPTIONS, show_default=False,
            help="Vectors of the pictures (.npy), where the run was trained on such (default: those of its training).",
        ),
    ] = None  # fmt: skip
    encoding: Encoding = None
    json: AsJson = False
    runs_dir: RunsDir = None


DYNAMIC = ("dynamic_rule", "dynamic_lr", "dynamic_decay")
AUTOCOMPLETE = ("apart", "adapt")
SEARCHING = ("translation", "speech", "captions")
PURPOSES_OF = {
    **dict.fromkeys(("autocomplete", "words", "threshold", *AUTOCOMPLETE, "dynamic", *DYNAMIC), ("text",)),
    "beam": SEARCHING,
    "lm": ("speech",),
    "lm_weight": ("speech",),
    "tokenize": ("translation",),
    "lowercase": ("translation",),
    "features": ("captions",),
}
"""What a run has to be trained for to take an option; others are for all runs."""


def check_options(args: EvaluateArguments, purpose: str) -> None:
    """Raise UsageError for options that contradict each other, or that a run of this purpose does not take."""
    given = {f.name for f in dataclasses.fields(args) if getattr(args, f.name) != f.default}
    for name in sorted(given):
        purposes = PURPOSES_OF.get(name, (purpose,))
        if purpose not in purposes:
            option = "--" + name.replace("_", "-")
            raise UsageError(f"{option} is for runs of {' or '.join(purposes)}; leave it out.")
    if given.intersection(AUTOCOMPLETE) and not args.autocomplete:
        raise UsageError("--apart and --adapt belong to --autocomplete; add that, or leave them out.")
    if given.intersection(DYNAMIC) and not args.dynamic:
        raise UsageError("--dynamic-rule, --dynamic-lr and --dynamic-decay belong to --dynamic; add that.")
    if args.dynamic and args.autocomplete:
        raise UsageError("--dynamic is for figures of prediction, --adapt for --autocomplete; leave one out.")
    if args.dynamic_rule not in (None, *RULES):
        raise UsageError(f"--dynamic-rule must be {' or '.join(RULES)}, not '{one_line(str(args.dynamic_rule), 20)}'.")
