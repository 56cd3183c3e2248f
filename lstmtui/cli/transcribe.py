"""`lstmtui transcribe RUN FILE...|-|--microphone`: what is said in recordings, or as it is said."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmtui.cli import piped
from lstmtui.cli.options import Run, RunsDir, resolve_run
from lstmtui.cli.output import notify
from lstmtui.cli.search_options import language_model_option, language_model_weight_option, search_options
from lstmtui.cli.signature import takes
from lstmtui.cli.status_line import StatusLine
from lstmtui.cli.transcripts import Lines, Objects, Rows, SegmentObjects, Subtitles
from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_duration
from lstmtui.errors import ERROR_BY_EXIT_CODE, LstmtuiError, UsageError
from lstmtui.protocol import MAX_BEAM
from lstmtui.runs.folder import RunFolder

if TYPE_CHECKING:
    from lstmtui.client.transcriber import Segment, Transcriber

MIN_SPEED_SECONDS = 20.0
"""Seconds of a recording from which on the speed is told."""
_STREAM = "Of standard input and the microphone"
_SEARCH = "Of the search"


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribeArguments:
    """Arguments and options of the command."""

    run: Run
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Recordings; '-' or none: the one that is piped in.", show_default=False),
    ] = None
    microphone: Annotated[
        bool, typer.Option("--microphone", metavar="", help="Listen until Ctrl-C, and write what is said.")
    ] = False
    json: Annotated[
        bool,
        typer.Option(
            "--json", metavar="", help="Print an object for each file, with times and confidences of its words."
        ),
    ] = False
    srt: Annotated[bool, typer.Option("--srt", metavar="", help="Print subtitles, in the SubRip form.")] = False
    beam: Annotated[
        int | None,
        typer.Option(
            min=1, max=MAX_BEAM, metavar="INTEGER", rich_help_panel=_SEARCH, show_default=False,
            help="Prefixes that the search follows; 1: greedy (default 16).",
        ),
    ] = None  # fmt: skip
    lm: Annotated[str | None, language_model_option(_SEARCH)] = None
    lm_weight: Annotated[float | None, language_model_weight_option(_SEARCH)] = None
    raw: Annotated[
        int | None,
        typer.Option(
            metavar="HZ", rich_help_panel=_STREAM, show_default=False,
            help="Samples have no header: 16 bits, one channel, so many a second.",
        ),
    ] = None  # fmt: skip
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", rich_help_panel=_STREAM, show_default=False,
            help="Which microphone: a part of its name, or its number.",
        ),
    ] = None  # fmt: skip
    runs_dir: RunsDir = None


@takes(TranscribeArguments)
def transcribe(args: TranscribeArguments) -> int:
    """Write what is said in recordings, with a run that was trained for speech.

    A recording of any length is cut at pauses; each part is a line, as soon as it is read. Several files make a line
    each, with the name, a tab and the text; one that cannot be read is reported, and the others are read on.

    Of a WAV file or raw samples on standard input, and of a microphone, a line comes as soon as somebody pauses.
    """
    from lstmtui.client.transcriber import Transcriber

    if os.path.isfile(args.run):
        name = one_line(args.run, 80)
        raise UsageError(f"{name} is a file; name the run before it, as in: lstmtui transcribe latest {name}")
    names = _checked(args)
    run = resolve_run(args.run, args.runs_dir)
    options = search_options(args.beam, args.lm, args.lm_weight, args.runs_dir)
    if args.microphone:
        with Transcriber(run) as transcriber, StatusLine() as line:
            _listen(transcriber, args, options, line)
        return 0
    if names == [piped.STDIN]:
        return _read_pipe(run, args, options)
    return _read_files(run, {name: Path(name).expanduser() for name in names}, args, options)


def _checked(args: TranscribeArguments) -> list[str]:
    """Return the names of files, "-" for standard input; raise UsageError for options that exclude each other."""
    names = list(args.files or [])
    if args.json and args.srt:
        raise UsageError("--json and --srt are two forms of the same; choose one.")
    if args.microphone:
        if names or args.raw is not None:
            raise UsageError("--microphone listens; leave out FILE and --raw.")
        return []
    if args.device is not None:
        raise UsageError("--device chooses a microphone; add --microphone.")
    if not names:
        if not piped.is_piped():
            raise UsageError("No recording is given: name a FILE, pipe one in, or add --microphone.")
        names = [piped.STDIN]
    if piped.STDIN in names and len(names) > 1:
        raise UsageError("'-' is standard input; give it alone.")
    if args.raw is not None and names != [piped.STDIN]:
        raise UsageError("--raw is for samples on standard input; give '-' for FILE.")
    if args.srt and len(names) > 1:
        raise UsageError("--srt writes the subtitles of one recording; give one FILE at a time.")
    if not all(name.strip() for name in names):
        raise UsageError("An empty text names no file.")
    return names


# --- files ------------------------------------------------------------------------------------------------------------


def _read_files(run: RunFolder, files: dict[str, Path], args: TranscribeArguments, options: dict[str, Any]) -> int:
    """Transcribe files, by the names that are shown; return the exit code of the first failure, 0 without one."""
    from lstmtui.client.transcriber import Transcriber
    from lstmtui.data.audio import AudioError, audio_facts

    form = Objects() if args.json else Subtitles() if args.srt else Rows() if len(files) > 1 else Lines()
    code = 0
    with contextlib.ExitStack() as stack:
        line = stack.enter_context(StatusLine())
        transcriber: Transcriber | None = None
        for name, path in files.items():
            try:
                facts = audio_facts(path)  # before a model is loaded for nothing
                if facts.missing:
                    notify(f"{name} ends {facts.missing:,} samples before its header says; what is there is read.")
                transcriber = transcriber or stack.enter_context(Transcriber(run))
                _read_file(transcriber, path, name, form, options, line)
            except AudioError as error:
                if len(files) == 1:
                    raise
                line.clear()
                notify(str(error))
                form.failed(name, str(error))
                code = code or error.exit_code
    return code


def _read_file(
    transcriber: Transcriber, path: Path, name: str, form: Lines, options: dict[str, Any], line: StatusLine
) -> None:
    """Transcribe one file, whose `name` is shown."""
    begun = time.monotonic()

    def on_segment(segment: Segment) -> None:
        line.clear()
        form.segment(segment)

    def on_progress(part: float | None, seconds: float) -> None:
        text = f"{name}: {progress_words(part, seconds, time.monotonic() - begun)}"
        line.show(text, text)

    found = transcriber.transcribe(path, on_segment=on_segment, on_progress=on_progress, **options)
    line.clear()
    form.end(name, found)
    if found.clipped:
        notify(f"{name} is overdriven (clipped); at a lower recording level more is understood.")
    if not found.segments:
        notify(f"No speech was heard in {name}.")


def progress_words(part: float | None, seconds: float, took: float) -> str:
    """Return what was read of a recording, and how fast where the beginning, which takes longer, no longer counts."""
    share = "" if part is None else f"{part:.0%}, "
    speed = seconds / max(took, 1e-3)
    fast = f", {speed:.{0 if speed >= 10 else 1}f} times as fast as it plays" if seconds >= MIN_SPEED_SECONDS else ""
    return f"{share}{format_duration(seconds)} read{fast}"


# --- standard input and the microphone --------------------------------------------------------------------------------


def _read_pipe(run: RunFolder, args: TranscribeArguments, options: dict[str, Any]) -> int:
    """Transcribe what is piped in: as it comes, or at its end where the format does not allow it."""
    from lstmtui.cli import sample_pipe
    from lstmtui.client.transcriber import Transcriber

    stream: Any = sys.stdin.buffer
    head = b"" if args.raw is not None else stream.peek(sample_pipe.HEAD_BYTES)
    if args.raw is None and not sample_pipe.is_wav(head):
        with sample_pipe.stored(stream) as path:
            try:
                return _read_files(run, {piped.STDIN: path}, args, options)
            except LstmtuiError as error:
                message = str(error).replace(str(path), sample_pipe.NAME)
                raise ERROR_BY_EXIT_CODE[error.exit_code](message) from error
    pipe = sample_pipe.SamplePipe(stream, args.raw)
    with Transcriber(run) as transcriber, StatusLine() as line:
        heard = _follow(transcriber, pipe.rate, pipe.read, args, options, line)
    if not pipe.samples:
        raise UsageError("The recording on standard input has no samples.")
    if not heard:
        notify("No speech was heard on standard input.")
    return 0


def _listen(transcriber: Transcriber, args: TranscribeArguments, options: dict[str, Any], line: StatusLine) -> None:
    """Transcribe what the microphone hears, until Ctrl-C."""
    from lstmtui.client.microphone import Microphone

    device = int(args.device) if args.device is not None and args.device.isdecimal() else args.device
    with Microphone(transcriber.about["sample_rate"], device) as microphone, _interrupted() as interrupted:
        notify("Listening; Ctrl-C ends it.")
        _follow(transcriber, microphone.rate, lambda: None if interrupted() else microphone.read(), args, options, line)
        if microphone.lost:
            notify("Some samples were lost, because this machine was too busy to read them in time.")


def _follow(
    transcriber: Transcriber,
    rate: int,
    read: Callable[[], bytes | None],
    args: TranscribeArguments,
    options: dict[str, Any],
    line: StatusLine,
) -> int:
    """Transcribe samples as `read` gives them, until it gives None; return the number of segments."""
    form = SegmentObjects() if args.json else Subtitles() if args.srt else Lines()
    transcriber.listen(rate, **options)
    count = 0
    try:
        while (samples := read()) is not None:
            if not samples:
                continue
            heard = transcriber.hear(samples)
            for segment in heard.segments:
                line.clear()
                form.segment(segment)
            count += len(heard.segments)
            line.show(heard.present.text)
    finally:  # what was heard before a microphone is gone is written too
        if transcriber.alive:
            line.clear()
            for segment in transcriber.finish().segments:
                form.segment(segment)
                count += 1
    return count


@contextlib.contextmanager
def _interrupted() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed; what is heard up to then is then written."""
    pressed = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.set())
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
