"""The small door to the engine: create a run, start its process, ask a trained model.

    run = create(settings, name="diary")
    start(run)                                   # python -m lstmtui.engine RUN_FOLDER, a process of its own
    with Model(run) as model:                    # python -m lstmtui.engine.services.serve RUN_FOLDER
        model.complete("The ", k=5)

    with lstmtui.Completer.load("diary") as completer:    # the same by name, for other programs
        completer.complete("The ", k=5)

Nothing here computes: a compiled loop in another process never freezes a key press, and killing the front end never
touches a training run.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from lstmtui import config, recipe
from lstmtui.client.process import Child, command
from lstmtui.common.files import write_atomically
from lstmtui.common.opening import open_to_append
from lstmtui.common.paths import runs_root
from lstmtui.errors import FAMILIES, LstmtuiError, UsageError
from lstmtui.runs.creation import creation
from lstmtui.runs.folder import RunFolder, is_taken
from lstmtui.runs.names import check_name, free_name


def create(
    settings: config.Settings, *, name: str | None = None, root: Path | None = None, text: Path | None = None
) -> RunFolder:
    """Check the corpus, let the recipe choose what is left open, and write a new run folder.

    `text` is the file of the corpus that exists for this run alone, in the folder of runs: it moves into the run.
    Raises UsageError for a corpus or a name that cannot be used.
    """
    from lstmtui.data.corpus import anchored, texts_of

    root = root or runs_root()
    texts = texts_of(settings)
    resolved = recipe.complete(settings, corpus_bytes=texts.bytes, beginning=texts.beginning)
    resolved = dataclasses.replace(  # so that it can be resumed from any folder
        resolved, corpus=anchored(settings.corpus), valid=anchored(settings.valid), test=anchored(settings.test)
    )
    name = check_name(name) if name is not None else free_name(root, f"{Path(settings.corpus[0]).stem}-{settings.cell}")
    run = RunFolder(root / name)
    if text is not None:
        own = str(run.text.absolute())
        resolved = dataclasses.replace(
            resolved, corpus=tuple(own if one == str(text.absolute()) else one for one in resolved.corpus)
        )
    try:
        with creation(run) as draft:
            if text is not None:
                os.replace(text, draft.text)
            write_atomically(draft.config, config.dump(resolved).encode())
    except OSError as error:
        raise LstmtuiError(f"The run folder {run.path} cannot be written ({error.strerror or error}).") from error
    return run


def start(
    run: RunFolder, device: str | None = None, *, more: tuple[str, float] | None = None
) -> subprocess.Popen[bytes]:
    """Start the engine on `run` (fresh, or from its newest checkpoint) as a process that outlives this one.

    It computes where the run's settings say, or on `device`: "auto", "cpu" or "cuda". `more`, such as ("steps", 500),
    moves the end of its schedule to so much from where it stands; the unit is one of config.LENGTHS.
    Raises LstmtuiError.
    """
    # A session of its own: Ctrl-C and a closing terminal reach the front end, which decides what to ask of the engine.
    options = [*([device] if device else []), *(["{}={}".format(*more)] if more else [])]
    try:
        log = open_to_append(run.log)
    except OSError as error:
        raise LstmtuiError(f"{run.log} cannot be written ({error.strerror or error}).") from error
    with log:
        return subprocess.Popen(
            command("lstmtui.engine", str(run.path), *options),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def fork(
    run: RunFolder, *, at: str = "latest", name: str | None = None, changes: dict[str, str] | None = None
) -> tuple[RunFolder, int]:
    """Make a run beside `run` that begins at its "latest" or "best" checkpoint, or at that of a step; not started yet.

    Returns it and the step. `changes` are settings as text. Raises UsageError, CorruptError, LstmtuiError.
    """
    root = run.path.parent
    child = RunFolder(root / (check_name(name) if name is not None else free_name(root, f"{run.name}-fork")))
    if is_taken(child.path):
        raise UsageError(f"There is already a run '{child.name}'; choose another name.")
    done = subprocess.run(
        command(
            "lstmtui.engine.training.fork", f"--from={at}", str(run.path), str(child.path),
            *(f"{key}={value}" for key, value in (changes or {}).items()),
        ),
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise LstmtuiError(f"The fork failed unexpectedly ({last[0] if last else 'no message'}).") from error
    if "error" in answer:
        raise FAMILIES.get(answer.get("exit_code", 1), LstmtuiError)(answer["error"])
    return child, int(answer["step"])


class Forecaster:
    """Tells what a network would cost, from a process of its own that is started at the first question.

    Thread-safe: callers wait for each other. Raises the LstmtuiError that the process reports.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None

    def ask(self, settings: config.Settings) -> dict[str, Any]:
        """Return `parameters`, `flop_per_token`, `memory_mb`, `vocabulary` and `tokens` of resolved settings."""
        return self._ask("ask", settings)

    def measure(self, settings: config.Settings) -> dict[str, Any]:
        """Return the same and `tokens_per_second`, measured; may take a minute where kernels must be compiled."""
        return self._ask("measure", settings)

    def close(self) -> None:
        """End the process; a call that waits for it raises LstmtuiError."""
        if self._child is not None:
            self._child.close()

    def _ask(self, op: str, settings: config.Settings) -> dict[str, Any]:
        with self._lock:
            if self._child is None:
                self._child = Child("The process that makes plans", "lstmtui.engine.benchmark.forecast")
        return self._child.ask({"op": op, "settings": dataclasses.asdict(settings)})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One continuation: the text to insert at the cursor, and how probable the model finds it."""

    text: str
    probability: float
    replaces: int = 0
    """Characters before the cursor that the text takes the place of: the word begun, where no known word begins so."""


class Model:
    """A trained run in a process of its own that answers one question at a time over a pipe.

    Thread-safe: callers wait for each other. Raises the LstmtuiError that the process reports.
    """

    def __init__(self, run: RunFolder) -> None:
        self._child = Child("The model's process", "lstmtui.engine.services.serve", str(run.path))
        try:
            about = self._child.first_answer()
        except BaseException:
            self._child.close()
            raise
        self.about: dict[str, Any] = about
        """What was loaded: step, cell, hidden, layers, tokens, vocabulary."""

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the process can still answer."""
        return self._child.alive

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def ask(
        self,
        op: str,
        on_piece: Callable[[str], None] | None = None,
        on_progress: Callable[[float], None] | None = None,
        **details: Any,
    ) -> dict[str, Any]:
        """Send one question and return its answer.

        `on_piece` receives text as it is written (op sample), `on_progress` how much is done, 0 to 1 (op evaluate).
        """

        def hear(line: dict[str, Any]) -> None:
            if on_piece is not None and "piece" in line:
                on_piece(line["piece"])
            elif on_progress is not None and "progress" in line:
                on_progress(line["progress"])

        return self._child.ask({"op": op, **details}, hear)

    def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Iterable[str] = ()) -> list[Candidate]:
        """Return up to `k` distinct continuations of `text`, the most probable first.

        With `phrase` they go on for as long as is expected to save keystrokes. Words in `passed` were proposed for the
        one begun and not wanted, and leave their places to others.
        """
        answer = self.ask("complete", text=text, k=k, phrase=phrase, passed=list(passed))
        self.about["step"] = answer.get("step", self.about.get("step"))  # a run that trains on gets better meanwhile
        return [Candidate(c["text"], c["probability"], c.get("replaces", 0)) for c in answer["candidates"]]

    def adapt(self, text: str, *, weights: bool = False) -> int:
        """Keep `text` in the run's profile, so that it has a say from now on; return how many words are kept.

        What the profile has already is not counted again.
        With `weights` a few biases of the network are moved towards it too. The checkpoint is never changed.
        """
        answer = self.ask("adapt", text=text, weights=weights)
        self.about["put_aside"] = answer.get("put_aside", [])  # profiles that could not be understood
        return int(answer["words"])

    def forget(self, what: str = "") -> None:
        """Forget a word of the profile, or a file that it learnt, or all of it."""
        self.ask("forget", what=what)

    def profile(self) -> dict[str, Any]:
        """Return what the profile holds: words, texts, the words met most often, and those new to the training text."""
        return self.ask("profile")


class Completer(Model):
    """Completion with a run, for other programs:

        import lstmtui

        with lstmtui.Completer.load("diary") as completer:
            for candidate in completer.complete("Dear ", k=5):
                print(candidate.text, candidate.probability)

    The model lives in a process of its own, which ends with `close` or with this one. The first answer takes about a
    second; then give the whole text each time: what was read is not read again.
    """

    @classmethod
    def load(cls, run: str | Path, *, runs_dir: str | Path | None = None) -> Completer:
        """Load a run by its name, 'latest' or the path of its folder.

        Raises UsageError for a run that is not there or has no checkpoint yet, CorruptError for a damaged one.
        """
        from lstmtui.runs.listing import find

        if isinstance(run, Path) or os.sep in str(run):
            run = os.path.join(os.curdir, run)
        return cls(find(str(run), Path(runs_dir).expanduser() if runs_dir else None))
