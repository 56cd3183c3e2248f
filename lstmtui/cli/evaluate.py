"""`lstmtui evaluate RUN FILE`: perplexity, or with --autocomplete the keystrokes that completion would save.

Runs that translate or recognise speech have figures of their own (`evaluate_translation`, `evaluate_speech`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from lstmtui.cli import piped
from lstmtui.cli.beam_options import BEAM
from lstmtui.cli.evaluate_captions import evaluate_captions
from lstmtui.cli.evaluate_speech import evaluate_speech
from lstmtui.cli.evaluate_translation import TranslationOptions, evaluate_translation
from lstmtui.cli.options import AsJson, Encoding, Run, RunsDir, resolve_run
from lstmtui.cli.output import figures, notify, write, write_json
from lstmtui.cli.progress import progress_bar
from lstmtui.cli.search_options import search_options
from lstmtui.cli.signature import takes
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
    lm: Annotated[
        str | None,
        typer.Option(
            metavar="RUN", rich_help_panel=_SPEECH, show_default=False,
            help="A run trained on text, which helps to choose between words.",
        ),
    ] = None  # fmt: skip
    lm_weight: Annotated[
        float | None,
        typer.Option(
            min=0, max=10, metavar="NUMBER", rich_help_panel=_SPEECH, show_default=False,
            help="How much it counts beside what is heard (default 0.5).",
        ),
    ] = None  # fmt: skip
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


@takes(EvaluateArguments)
def evaluate(args: EvaluateArguments) -> int:
    """Measure a trained run on other data: how it predicts a text, translates, transcribes or describes pictures.

    With --dynamic a copy of the weights keeps learning from the text, after each 20 tokens that it has predicted, and
    decays towards the trained ones (Krause et al. 2018). It shows how much adaptation gains on a text of one subject
    and style; figures without it are printed too, and checkpoints are never changed.

    With --autocomplete the text is typed word by word, looking at the first 1, 3 or 5 suggestions before each letter.
    When the intended word is among them, one keystroke accepts it with the space after it; until then every
    character costs one, as does everything that is not a word (with --apart, line ends do not count). In scripts
    without spaces each character is a word, and a correct suggestion writes all its characters.

    A run that translates is evaluated on two files, sources and references, or one table of both; the lines of a table
    with the same source are its references. It prints BLEU and chrF with their signatures (sacreBLEU), and the
    keystrokes that its suggestions save where the references are typed.

    A run of speech is evaluated on folders of recordings with their texts, or manifests, as 'lstmtui train' reads them;
    of a manifest with a column split, on the rows for the test. It prints word and character error rates: words (or
    characters) that are wrong, missing or too many, for each one of the texts; also by speaker, where they are named.

    A run of captions is evaluated on pictures with their captions, as 'lstmtui train' reads them; of a table with a
    column split, on the rows for the test. It prints the part of the captions that are a reference word for word, the
    F1 of their words by picture and by concept (column base), BLEU and CIDEr-D.

    [bold]saved[/bold] = 1 - keystrokes / characters.
    [bold]each once[/bold] = the same, when a rejected suggestion is not shown again for the word, and others take its
    place.
    [bold]hit[/bold] = share of words suggested before any letter of them.
    [bold]MRR[/bold] = mean of 1 / rank there, 0 beyond five.
    [bold]coverage[/bold] = share of the positions before a letter, among those that a typist with one suggestion
    reaches, where its probability reaches the threshold.
    [bold]precision[/bold] = share of these where it is right.
    [bold]ghost[/bold] = saved when only these are shown.
    [bold]latency[/bold] = milliseconds a key press for the beginning of the text, five candidates, one thread: half,
    90 % and 99 % of the presses take no longer than p50, p90 and p99.
    [bold]network[/bold] leaves out the index of the training text.
    [bold]adapted[/bold] adds what was typed so far and the profile.
    """
    from lstmtui import config
    from lstmtui.client.model import Model
    from lstmtui.data.notes import source_notes
    from lstmtui.data.reading import ReadOptions, open_source

    if not args.autocomplete and (args.apart or args.adapt):
        raise UsageError("--apart and --adapt belong to --autocomplete; add that, or leave them out.")
    if not args.dynamic and not (args.dynamic_rule is args.dynamic_lr is args.dynamic_decay is None):
        raise UsageError("--dynamic-rule, --dynamic-lr and --dynamic-decay belong to --dynamic; add that.")
    if args.dynamic and args.autocomplete:
        raise UsageError("--dynamic is for figures of prediction, --adapt for --autocomplete; leave one out.")
    if args.dynamic_rule not in (None, *RULES):
        raise UsageError(f"--dynamic-rule must be {' or '.join(RULES)}, not '{one_line(str(args.dynamic_rule), 20)}'.")
    found = resolve_run(args.run, args.runs_dir)
    data = config.load(found.config).data
    if data.purpose in ("translation", "speech", "captions"):
        if args.autocomplete or args.dynamic:
            raise UsageError("--autocomplete and --dynamic are for runs trained on text; leave them out.")
        if data.purpose == "speech":
            asked: dict[str, Any] = search_options(args.beam, args.lm, args.lm_weight, args.runs_dir)
            return evaluate_speech(found, args.files or [], {**asked, "encoding": args.encoding or ""}, json=args.json)
        if data.purpose == "captions":
            asked = {"beam": args.beam or BEAM, "encoding": args.encoding or ""}
            if args.features:
                asked["features"] = str(Path(args.features).expanduser().absolute())
            return evaluate_captions(found, args.files or [], asked, json=args.json)
        options = TranslationOptions(args.beam or BEAM, args.tokenize, args.lowercase)
        return evaluate_translation(found, args.files or [], options, encoding=args.encoding or "", json=args.json)
    with piped.files(args.files) as names:
        for note in source_notes(open_source(names, ReadOptions.of(data, args.encoding or ""))):
            notify(note)
        asked = {"files": names, **({"encoding": args.encoding} if args.encoding else {})}
        if args.dynamic:
            asked["dynamic"] = {"rule": args.dynamic_rule, "lr": args.dynamic_lr, "decay": args.dynamic_decay}
        with Model(found) as model:
            if args.autocomplete:
                details: dict[str, Any] = {
                    "apart": args.apart,
                    "words": args.words,
                    "threshold": args.threshold,
                    "adapt": args.adapt,
                }
                result = model.ask("autocomplete", **asked, **details)
            else:
                with progress_bar() as bar:
                    result = model.ask("evaluate", on_progress=partial(bar.show, "Evaluating"), **asked)
    if args.json:
        write_json({"run": found.name, "files": args.files or [piped.STDIN], **result})
    elif args.autocomplete:
        for line in table(result):
            write(line)
    else:
        write(figures(result))
        if result.get("unknown"):
            notify(f"{result['unknown']:.1%} of it is not in the run's vocabulary.")
        if args.dynamic:
            write(f"dynamic: {figures(result['dynamic'])}")
            notify(_gained(result))
    return 0


def _gained(result: dict[str, Any]) -> str:
    """Return the sentence about the gain of dynamic evaluation and its settings."""
    dynamic = result["dynamic"]
    gained = result["nll"] - dynamic["nll"]
    word = "better" if gained > 0 else "worse"
    return (
        f"Dynamic evaluation is {abs(gained):.4f} nats per token {word} "
        f"({dynamic['rule']} rule, learning rate {dynamic['lr']:g}, decay {dynamic['decay']:g}, "
        f"every {dynamic['window']} tokens)."
    )


def table(result: dict[str, Any]) -> list[str]:
    """Return the lines of a keystroke report: its counts, a column each, and the latency."""
    columns: dict[str, Any] = {
        "as it is": result,
        **{name: result[name] for name in ("network", "adapted") if name in result},
    }
    rows: list[tuple[str, Any]] = [
        *((f"saved, {k} suggestion{'s' * (k != 1)}", lambda c, k=k: c["savings"][str(k)]) for k in (1, 3, 5)),
        *((f"each once, {k}", lambda c, k=k: c["savings_once"][str(k)]) for k in (1, 3, 5)),
        ("saved, ghost text only", lambda c: c["savings_ghost"]),
        *((f"hit before a letter, {k}", lambda c, k=k: c["recall"][str(k)]) for k in (1, 3, 5)),
        ("MRR before a letter", lambda c: c["mrr"]),
        (f"coverage at {result['threshold']:g}", lambda c: c["coverage"]),
        (f"precision at {result['threshold']:g}", lambda c: c["precision"]),
    ]
    lines = [f"{result['words']:,} words, {result['characters']:,} characters"]
    if len(columns) > 1:
        lines.append(" " * 26 + "".join(f"{name:>10}" for name in columns))
    for title, figure in rows:
        shares = [figure(column) for column in columns.values()]
        lines.append(f"{title:<26}" + "".join("         -" if x is None else f"{x:>10.1%}" for x in shares))
    if "latency_ms" in result:
        times = ", ".join(f"{name} {ms:.1f}" for name, ms in result["latency_ms"].items())
        lines.append(f"{'latency in ms':<26}{times:>10}")
    return lines
