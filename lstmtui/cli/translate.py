"""`lstmtui translate RUN [TEXT]`: one text, or the lines of standard input as a filter."""

from __future__ import annotations

import dataclasses
import queue
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmtui.cli import piped
from lstmtui.cli.beam_options import Alpha, Beam, beam_of
from lstmtui.cli.options import RunOrLatest, RunsDir, resolve_run
from lstmtui.cli.output import notify, write, write_json
from lstmtui.cli.signature import takes
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.protocol import MAX_BEAM, MAX_LINE_CHARACTERS

if TYPE_CHECKING:
    from lstmtui.client.translator import Translation, Translator

BATCH = 256
"""Lines that are translated at once, where so many are waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslateArguments:
    """Arguments and options of the command."""

    run: RunOrLatest = "latest"
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT", help="Text to translate; '-' or none: each line that is piped in.", show_default=False
        ),
    ] = None
    nbest: Annotated[
        int, typer.Option(min=1, max=MAX_BEAM, metavar="INTEGER", help="Translations of each line, the best first.")
    ] = 1
    beam: Beam = None
    alpha: Alpha = 1.0
    prefix: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="How translations begin; the last word may go on, unless a space follows it.",
            show_default=False,
        ),
    ] = None
    keep_unknown: Annotated[
        bool,
        typer.Option(
            "--keep-unknown",
            metavar="",
            help="Leave words that the vocabulary lacks, rather than put the source word that was read most for them.",
        ),
    ] = False
    alignment: Annotated[
        bool, typer.Option("--alignment", metavar="", help="Draw what each word of a translation has read.")
    ] = False
    json: Annotated[
        bool,
        typer.Option("--json", metavar="", help="Print one JSON object a line, with scores, tokens and alignments."),
    ] = False
    runs_dir: RunsDir = None


@takes(TranslateArguments)
def translate(args: TranslateArguments) -> int:
    """Translate with a run that was trained for translation.

    As a filter it keeps the order of the lines and answers as they come: an empty line stays empty.
    """
    from lstmtui.client.translator import Translator

    beam_of(args.beam, args.nbest)  # refused before the model is loaded
    if args.text is not None and args.text != piped.STDIN and not args.text.strip():
        raise UsageError("An empty text has no translation; give a sentence, or pipe lines in.")
    if args.text in (None, piped.STDIN) and not piped.is_piped() and not sys.stdin.isatty():
        raise UsageError("No text is given: name a TEXT, or pipe lines in.")
    with Translator(resolve_run(args.run, args.runs_dir)) as translator:
        doubts = _Doubts()
        for lines in _batches(args.text):
            _answer(translator, lines, args, doubts)
        doubts.warn(args.prefix)
    return 0


def _batches(text: str | None) -> Iterator[list[str]]:
    """Yield the lines to translate: those of a text, or those of standard input as they come."""
    if text not in (None, piped.STDIN):
        yield str(text).splitlines()
        return
    if sys.stdin.isatty():
        notify("Type a line and press Enter; Ctrl-D on a line of its own ends it.")
    waiting: queue.Queue[bytes] = queue.Queue(4 * BATCH)
    threading.Thread(target=_read_lines, args=(waiting,), daemon=True).start()
    number = 0
    while line := waiting.get():
        lines = [line]
        while len(lines) < BATCH and not waiting.empty() and lines[-1]:
            lines.append(waiting.get())
        yield from _readable([one for one in lines if one], number)
        number += len(lines)
        if not lines[-1]:
            return


def _read_lines(waiting: queue.Queue[bytes]) -> None:
    """Put each line of standard input into a queue, and an empty one at its end."""
    try:
        for line in sys.stdin.buffer:
            waiting.put(line)
    finally:
        waiting.put(b"")


def _readable(lines: Sequence[bytes], before: int) -> Iterator[list[str]]:
    """Yield lines of standard input as text; those that precede a bad one, and then raise UsageError."""
    found: list[str] = []
    for number, line in enumerate(lines, before + 1):
        try:
            found.append(_decoded(line, number))
        except UsageError:
            yield found
            raise
    yield found


def _decoded(line: bytes, number: int) -> str:
    which = f"Line {number:,} of standard input"
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError(f"{which} is not UTF-8; convert it first, for example with iconv.") from None
    if "\0" in text:
        raise UsageError(f"{which} has NUL bytes, as UTF-16 has; convert it to UTF-8 first, for example with iconv.")
    if len(text) > MAX_LINE_CHARACTERS:
        raise UsageError(
            f"{which} has {len(text):,} characters; give at most {MAX_LINE_CHARACTERS:,}, best a sentence a line."
        )
    return text


class _Doubts:
    """Counts source tokens that stand for what the vocabulary lacks, and lines whose prefix is improbable."""

    def __init__(self) -> None:
        self.unknown = self.tokens = self.improbable = self.lines = 0

    def count(self, best: Translation) -> None:
        self.unknown += best.unknown
        self.tokens += len(best.source)
        self.improbable += best.has_improbable_prefix
        self.lines += 1

    def warn(self, prefix: str | None) -> None:
        if self.improbable:
            of_lines = f" for {self.improbable:,} of {self.lines:,} lines" if self.lines > 1 else ""
            notify(
                f"The model finds the beginning '{one_line(prefix or '', 40)}' very improbable{of_lines}; what follows "
                f"it may have little to do with the source."
            )
        if self.unknown:
            notify(
                f"{self.unknown:,} of {self.tokens:,} source tokens stand for words or characters that the run's "
                f"vocabulary lacks, so it cannot know what they mean."
            )


def _answer(translator: Translator, lines: Sequence[str], args: TranslateArguments, doubts: _Doubts) -> None:
    """Translate some lines, and write the translations in their order."""
    texts = [line for line in lines if line.strip()]
    prefixes = None if args.prefix is None else [args.prefix] * len(texts)
    beam = beam_of(args.beam, args.nbest)
    options = {"beam": beam, "alpha": args.alpha, "replace_unknown": not args.keep_unknown}
    found = iter(translator.search(texts, prefixes=prefixes, nbest=args.nbest, **options) if texts else ())
    for line in lines:
        translations = next(found) if line.strip() else []
        if line.strip() and not translations:
            raise LstmtuiError(
                f"The model cannot write a translation that begins with '{one_line(args.prefix or '', 40)}'; it may "
                f"have characters that were not in the training text."
            )
        if translations:
            doubts.count(translations[0])
        _write(line, translations, args)


def _write(line: str, translations: Sequence[Translation], args: TranslateArguments) -> None:
    if args.json:
        write_json({"source": line, "translations": [_record(best) for best in translations]})
        return
    if not translations:
        write("")
    for best in translations:
        write(f"{best.score:.3f}\t{best.text}" if args.nbest > 1 else best.text)
        if args.alignment:
            for row in _picture(best):
                write(row)


def _record(best: Translation) -> dict[str, Any]:
    return {**dataclasses.asdict(best), "alignment": [list(row) for row in best.alignment]}


def _picture(best: Translation) -> list[str]:
    from lstmtui.reports.alignment import Alignment, picture

    plain = not (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    width = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80
    return ["", *picture(Alignment(best.source, best.target, best.alignment), width, plain=plain), ""]
