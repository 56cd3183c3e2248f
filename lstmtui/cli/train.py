"""`lstmtui train [FILE...]`: its options are the settings of `lstmtui.config`, which describes them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lstmtui import config
from lstmtui.cli import help as helping
from lstmtui.cli import piped
from lstmtui.cli.options import ConfigFile, Detach, RunsDir
from lstmtui.cli.output import notify
from lstmtui.cli.pair_files import with_second_files
from lstmtui.cli.signature import set_parameters
from lstmtui.common.paths import runs_root
from lstmtui.common.units import format_duration, format_size
from lstmtui.runs.folder import RunFolder

if TYPE_CHECKING:
    from lstmtui.data.caption_corpus import CaptionCorpus
    from lstmtui.data.captions import Captions
    from lstmtui.data.corpus import Corpus
    from lstmtui.data.open import Data
    from lstmtui.data.parallel_corpus import ParallelCorpus
    from lstmtui.data.recordings import Recordings
    from lstmtui.data.speech_corpus import SpeechCorpus

_METAVARS = {int: "INTEGER", float: "NUMBER", str: "TEXT", tuple: "FILE"}


def train(**given: Any) -> int:
    """Train a new run on FILE... and follow it. Ctrl-C saves it and leaves.

    What is 'auto' follows from the text and the time; the run's settings are printed before it starts.

    For translation, FILE... is a table (source, tab, target) or two files of lines, and so are those of --valid and
    --test. For speech, it is a folder of recordings with a .txt beside each, or a manifest (.tsv). For captions, it is
    a folder of pictures with a .txt beside each, or a table (.tsv) with the columns file and caption.
    """
    from lstmtui.cli.follow import detached, follow
    from lstmtui.client import runs
    from lstmtui.data.open import data_notes, data_of_run
    from lstmtui.runs.listing import find_run
    from lstmtui.runs.start import settings_from_start

    options = {name: given.pop(name) for name in config.FIELDS}
    settings = config.resolve(options, config_file=given["config"], user_file=config.user_file())
    root = given["runs_dir"] or runs_root()
    if settings.start:
        start = find_run(settings.start, root)
        settings = settings_from_start(settings, start, {name for name, value in options.items() if value is not None})
    run, opened = _create(settings, given["name"], root)
    chosen = config.load(run.config)
    notify(f"Run {run.name} in {run.path}")
    data = data_of_run(chosen.data, opened)
    for line in describe(chosen, data):
        notify(f"  {line}")
    for note in data_notes(data):
        notify(note)
    process = runs.start(run)
    return (detached if given["detach"] else follow)(run, process, before=None, as_json=given["json"])


def _create(settings: config.Settings, name: str | None, root: Path) -> tuple[RunFolder, Data | None]:
    """Create the run, and return it with its data; None where that has moved since: a piped text is stored in it."""
    from lstmtui.client import runs
    from lstmtui.data.open import open_data

    corpus = settings.corpus
    if corpus == config.FIELDS["corpus"].default and piped.holds_text():
        corpus = (piped.STDIN,)
    if piped.STDIN not in corpus:
        data = open_data(config.DataSettings.of(settings))
        return runs.create(settings, name=name, root=root, data=data), data
    root.mkdir(parents=True, exist_ok=True)
    with piped.files(corpus, root) as names:
        text = next(Path(own) for own, given in zip(names, corpus, strict=True) if given == piped.STDIN)
        return runs.create(dataclasses.replace(settings, corpus=tuple(names)), name=name, root=root, text=text), None


def describe(s: config.RunSettings, data: Data) -> list[str]:
    """Return the resolved settings in a few lines."""
    network, regularisation, optimisation, length = s.network, s.regularisation, s.optimisation, s.length
    drop = "".join(
        f", {name.replace('_', ' ')} {value:g}"
        for name in ("dropout", "dropout_in", "weight_drop", "embedding_dropout", "activation_reg", "temporal_reg")
        if (value := s.value(name))
    )
    if regularisation.dropout_rise and (regularisation.dropout or regularisation.dropout_in):
        drop += f" (dropout rising over {regularisation.dropout_rise:.0%} of the run)"
    layers = "1 layer" if network.layers == 1 else f"{network.layers} layers"
    return [
        f"corpus     {_corpus(s, data)}",
        *([f"from       {Path(s.data.start).name}: its weights and vocabulary"] if s.data.start else []),
        f"network    {network.cell}, {layers} of {network.hidden}{_reading(s)}, embedding {network.embedding}"
        f"{', tied' if network.tied else ''}{drop}",
        f"training   {length.amount:g} {length.unit}, {_batch(s)}, "
        f"{optimisation.optimizer}, lr {optimisation.lr:g} {optimisation.schedule}",
        f"computing  {s.run.threads} threads, seed {s.run.seed}"
        f"{', gates computed again in backward' if s.run.recompute else ''}",
    ]


def _corpus(s: config.RunSettings, data: Data) -> str:
    from lstmtui.data.caption_corpus import CaptionCorpus
    from lstmtui.data.parallel_corpus import ParallelCorpus
    from lstmtui.data.speech_corpus import SpeechCorpus

    if isinstance(data, SpeechCorpus):
        return _recordings(s, data)
    if isinstance(data, CaptionCorpus):
        return _pictures(s, data)
    return _pairs(s, data) if isinstance(data, ParallelCorpus) else _text(s, data)


def _reading(s: config.RunSettings) -> str:
    """Return how the layers of a run that reads no text read."""
    if s.data.purpose == "captions":
        return " over rows and columns"
    if s.data.purpose != "speech":
        return ""
    return " in both directions" if s.speech.directions == "both" else " that follow the recording"


def _recordings(s: config.RunSettings, corpus: SpeechCorpus) -> str:
    seconds = sum(corpus.train.seconds)
    audio = f"{len(corpus.train):,} recordings ({format_duration(seconds)}, at {s.speech.sample_rate:,} Hz)"
    return ", ".join([f"{names(s.data.corpus)}, {audio} as {_tokens(s)}", *_others(s, corpus.valid, corpus.test)])


def _pictures(s: config.RunSettings, corpus: CaptionCorpus) -> str:
    count = sum(map(len, corpus.train.references)) if s.pictures.references == "all" else len(corpus.train)
    vectors = f"{s.pictures.vectors:,} {'vectors' if s.data.features else 'patches'}"
    parts = f"{len(corpus.train):,} pictures of {vectors}, {count:,} captions as {_tokens(s)}"
    return ", ".join([f"{names(s.data.corpus)}, {parts}", *_others(s, corpus.valid, corpus.test)])


def _others(s: config.RunSettings, valid: Recordings | Captions, test: Recordings | Captions) -> list[str]:
    """Return how many recordings or pictures there are for validation and test."""
    return [
        f"{len(part):,} {f'from {names(files)}' if files else 'more'} for {use}"
        for part, files, use in ((valid, s.data.valid, "validation"), (test, s.data.test, "the test"))
        if len(part)
    ]


def _batch(s: config.RunSettings) -> str:
    batch, bptt = s.length.batch, s.length.bptt
    if s.data.purpose == "translation":
        return f"batches of at most {batch * bptt:,} tokens per side"
    if s.data.purpose == "captions":
        return f"batch {batch}"
    return f"batch {batch} x {bptt} steps"


def _text(s: config.RunSettings, text: Corpus) -> str:
    return f"{names(s.data.corpus)} ({format_size(text.bytes)}) as {_tokens(s)}, {_validation(s, text)}"


def _tokens(s: config.RunSettings) -> str:
    return f"{s.data.tokens} (at most {s.data.vocabulary})" if s.data.vocabulary else s.data.tokens


def _pairs(s: config.RunSettings, pairs: ParallelCorpus) -> str:
    parts = [
        f"{len(part.source):,} {f'from {names(files)}' if files else 'held out'} for {use}"
        for part, files, use in ((pairs.valid, s.data.valid, "validation"), (pairs.test, s.data.test, "the test"))
        if part.source
    ]
    return f"{', '.join([f'{names(s.data.corpus)}, {len(pairs.train):,} pairs as {_tokens(s)}', *parts])}"


def names(corpus: tuple[str, ...]) -> str:
    """Return the names of the texts: the last parts of their paths."""
    return ", ".join(Path(name).name if os.path.isabs(name) else name for name in corpus)


def _validation(s: config.RunSettings, texts: Corpus) -> str:
    """Return the source of the validation text."""
    train, valid = texts.ranges["train"], texts.ranges["valid"]
    if s.data.valid:
        return f"validation {names(s.data.valid)}"
    if valid.source.parts != train.source.parts:
        return "validation the set's own"
    share = f"{valid.length / train.source.bytes:.0%}" if valid.length else "nothing"
    return f"{share} from all kinds of files for validation" if texts.is_mixed else f"last {share} for validation"


def _with_choices(words: str, choices: list[str]) -> str:
    """Return the help of a setting with its choices, unless it names them or the column of types has room."""
    return words if all(choice in words for choice in choices) else f"{words}{helping.choices_suffix(choices)}"


def _option(name: str) -> tuple[type, Any]:
    """Return annotation and Typer option of a setting; all but flags are text, which `config.convert` checks."""
    about = config.FIELDS[name].metadata
    kind, optional = config.base_type(name)
    default = config.FIELDS[name].default
    choices = list(about["choices"])
    words = _with_choices(about["help"], choices)
    if optional or default not in ("", ()):
        joined = f"{words[:-1]}; " if words.endswith(")") else f"{words} ("
        shown = ("yes" if default else "no") if kind is bool and not optional else default
        words = f"{joined}{'auto' if optional else f'default {shown}'})"
    common: dict[str, Any] = {
        "help": f"{words[0].upper()}{words[1:]}.",
        "rich_help_panel": about["group"],
        "show_default": False,
    }
    flag = config.option(name)
    if kind is bool:
        return bool | None, typer.Option(None, f"{flag}/--no-{flag[2:]}", metavar="", **common)  # type: ignore[return-value]
    common["metavar"] = helping.metavar(choices) if choices else _METAVARS[kind]
    if choices:
        common["autocompletion"] = lambda incomplete: [c for c in choices if c.startswith(incomplete)]
    annotation = list[str] | None if kind is tuple else str | None
    return annotation, typer.Option(None, flag, **common)  # type: ignore[return-value]


class _TrainCommand(helping.Command):
    """`train`, whose options of files take both files of a parallel text."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        flags = {name for option in self.params if getattr(option, "is_flag", False)
                 for name in (*option.opts, *option.secondary_opts)}  # fmt: skip
        return super().parse_args(ctx, with_second_files(args, flags))


def _app() -> helping.App:
    """Return the command with an option for each setting."""
    described: dict[str, tuple[Any, Any]] = {
        "corpus": (
            list[str] | None,
            typer.Argument(
                None,
                metavar="FILE",
                help="Files, folders, names from 'lstmtui corpora list', or '-' for what is piped in. Without one: "
                "what is piped in, else English that comes with Python.",
                show_default=False,
            ),
        ),
        "name": (
            str | None,
            typer.Option(None, metavar="NAME", help="What to call the run (auto).", show_default=False),
        ),
        "config": (ConfigFile, None),
        "detach": (Detach, False),
        "json": (bool, typer.Option(False, "--json", metavar="", help="Print one JSON object with the result.")),
        "runs_dir": (RunsDir, None),
        **{name: _option(name) for name in config.FIELDS if name != "corpus"},
    }
    set_parameters(train, described)
    app = helping.App()
    app.command(cls=_TrainCommand)(train)
    return app


app = _app()
