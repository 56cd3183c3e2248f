"""What the screens depend on: the folder of runs, and how runs are created, started and queried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from lstmtui import config
from lstmtui.client import captioner, forecast, microphone, model, runs, transcriber, translator
from lstmtui.common import paths
from lstmtui.runs import replay
from lstmtui.runs.folder import RunFolder


class Completer(Protocol):
    """A loaded model that continues a text; `lstmtui.client.model.Model` is one."""

    about: dict[str, Any]

    def complete(
        self, text: str, *, k: int = 5, phrase: bool = False, passed: Sequence[str] = ()
    ) -> list[model.Candidate]: ...

    def adapt(self, text: str) -> int: ...

    def forget(self) -> None: ...

    def close(self) -> None: ...


class Translator(Protocol):
    """A loaded model that translates; `lstmtui.client.translator.Translator` is one."""

    about: dict[str, Any]

    def search(
        self, lines: Sequence[str], *, prefixes: Sequence[str] | None = None, nbest: int = 1
    ) -> list[list[translator.Translation]]: ...

    def close(self) -> None: ...


class Captioner(Protocol):
    """A loaded model that describes pictures; `lstmtui.client.captioner.Captioner` is one."""

    about: dict[str, Any]

    def describe(
        self, files: Sequence[str | Path], *, nbest: int = 1, pixels: bool = False
    ) -> list[captioner.Described]: ...

    def close(self) -> None: ...


class Transcriber(Protocol):
    """A loaded recogniser of speech; `lstmtui.client.transcriber.Transcriber` is one."""

    about: dict[str, Any]

    def transcribe(
        self, file: Path, *, on_segment: transcriber.OnSegment | None = None,
        on_progress: transcriber.OnProgress | None = None, **options: Any,
    ) -> transcriber.Transcript: ...  # fmt: skip

    def listen(self, rate: int, **options: Any) -> None: ...

    def hear(self, samples: bytes, *, details: bool = False) -> transcriber.Heard: ...

    def finish(self, *, details: bool = False) -> transcriber.Heard: ...

    def close(self) -> None: ...


class Microphone(Protocol):
    """An open microphone; `lstmtui.client.microphone.Microphone` is one."""

    rate: int

    def __enter__(self) -> Microphone: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def read(self) -> bytes: ...


class Forecaster(Protocol):
    """Estimates what a network would cost; `lstmtui.client.forecast.Forecaster` is one."""

    def ask(self, settings: config.RunSettings) -> dict[str, Any]: ...

    def measure(self, settings: config.RunSettings) -> dict[str, Any]: ...

    def close(self) -> None: ...


def resolved(options: Mapping[str, object]) -> config.Settings:
    """Return settings: `options`, and the user's configuration for what they leave open. Raises UsageError."""
    return config.resolve(options, user_file=config.user_file())


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The dependencies of the screens; tests pass their own."""

    root: Path = field(default_factory=paths.runs_root)
    drafts: Path = field(default_factory=paths.drafts_root)
    """The folder of texts that were typed and not cleared yet."""
    open_model: Callable[[RunFolder], Completer] = model.Model
    open_captioner: Callable[[RunFolder], Captioner] = captioner.Captioner
    open_translator: Callable[[RunFolder], Translator] = translator.Translator
    open_transcriber: Callable[[RunFolder], Transcriber] = transcriber.Transcriber
    open_microphone: Callable[[int], Microphone] = microphone.Microphone
    """Takes the samples a second that are wanted."""
    create: Callable[..., RunFolder] = runs.create
    """Takes settings, `name` and `root`."""
    start: Callable[[RunFolder], object] = runs.start
    demo: Callable[[], AbstractContextManager[RunFolder]] = replay.demo
    """Plays a recorded run back."""
    fork: Callable[..., tuple[RunFolder, int]] = runs.fork
    forecaster: Callable[[], Forecaster] = forecast.Forecaster
