"""Operations of `lstmtui.engine.services.serve` for completion.

    {"op": "complete", "text": ..., "k": 5, "phrase": false, "passed": []}
                                                               {"candidates": [{"text", "probability"}], "milliseconds"}
                    a candidate that replaces the partial word has "replaces" too: characters before the cursor
    {"op": "compile"}                                          {"compiled": true}, when the cache has what completes
    {"op": "autocomplete", "files": [...], ...}                     keystroke savings and latency
    {"op": "adapt", "files": [...], "weights": false}  or "text"    {"words": n, "new": n}, stored in the run's profile
                    "names": the names of the files, if others; an empty name for typed text
    {"op": "forget", "what": word or file, or nothing for all}      {"forgotten": true, "words": n}
                    "left_out": whether it is a file of a watched folder, which is not learnt again
    {"op": "profile"}                                               {"words", "texts", "often", "unknown"}

While the run trains on, better checkpoints are loaded in the background and used from the next request on. When the
run has been removed, or a checkpoint cannot be read, the loaded one goes on answering. A profile or adapted biases that
another process has changed are loaded likewise; a small profile counts for the very next answer.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lstmtui.common.hardware import process_memory_mb
from lstmtui.data.reading import ReadOptions, absolute_names, private_cache, read_text
from lstmtui.engine.answering import Answers, Operation
from lstmtui.engine.autocomplete import bias_adaptation, keystroke_savings, typing_simulation
from lstmtui.engine.autocomplete.build import build_completer, build_mixture, completer_with, load_profile
from lstmtui.engine.autocomplete.completer import Candidate, Completer
from lstmtui.engine.autocomplete.ngram_sources import ProfileText
from lstmtui.engine.autocomplete.profile import TYPED, Profile, distinct_lines
from lstmtui.engine.autocomplete.store import text_index
from lstmtui.engine.inference.loaded_model import LoadedModel, load
from lstmtui.engine.nn.plain_steps import can_step, is_compiled, mark_compiled
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.protocol import MAX_CANDIDATES
from lstmtui.runs import watching
from lstmtui.runs.base import is_base
from lstmtui.runs.folder import RunFolder

CHECK_SECONDS = 2.0
"""Seconds between checks for a better checkpoint."""
PROFILE_SECONDS = 0.015
"""Seconds that an answer waits for a changed profile; one of 3 MB takes 60 ms to load."""
MAX_LISTED_WORDS = 1000
"""Words of a profile that are listed."""

Stamp = tuple[int, int, int]
"""Number, size and time of a file."""


class Autocomplete:
    """Completion with one run, which may still be training."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._completer: Completer | None = None
        self._network_stamp, self._profile_stamp = self._read_network_stamp(), _stamp(self._profile_path)
        self._last_check = time.monotonic()
        self._loading: threading.Thread | None = None
        self._newer: LoadedModel | None = None
        self._newer_profile: tuple[ProfileText | None] | None = None
        """A profile that has been loaded, or that there is none any more."""
        self._compiling: subprocess.Popen[bytes] | None = None

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {
            "complete": self._complete,
            "compile": self._compile,
            "autocomplete": self._measure,
            "adapt": self._adapt,
            "forget": self._forget,
            "profile": self._profile,
        }

    def _complete(self, text: str, k: int = 5, phrase: bool = False, passed: Sequence[str] = ()) -> Answers:
        if not 1 <= k <= MAX_CANDIDATES:
            raise UsageError(f"A completion needs a text, and k from 1 to {MAX_CANDIDATES}.")
        start = time.perf_counter()
        self.follow_profile(wait=PROFILE_SECONDS)
        self._switch_to_newer()
        self._switch_to_compiled()
        if self._completer is None:
            self._profile_stamp = _stamp(self._profile_path)
            self._completer = completer_with(self._model, build_mixture(self._model), compiled=not self._is_compiling())
        found = self._completer.complete(text, k=k, phrase=phrase, passed=passed)
        yield {
            "candidates": [_as_answer(candidate) for candidate in found],
            "milliseconds": round(1e3 * (time.perf_counter() - start), 3),
            "step": self._model.step,
        }
        self._completer.read_ahead()
        self._check_for_newer()

    def _measure(
        self,
        files: list[str],
        encoding: str = "",
        apart: bool = False,
        threshold: float = 0.3,
        words: int = 5000,
        adapt: bool = False,
        index: bool = True,
        latency: bool = True,
    ) -> Answers:
        if not 0 <= threshold <= 1:
            raise UsageError(f"The threshold is a probability from 0 to 1, not {threshold}.")
        model = self._model
        text = read_text(files, ReadOptions.of(model.settings.data, encoding))
        plain = build_mixture(model, index=index, adapt=False)
        completer = completer_with(model, plain, adapt=False)
        options = typing_simulation.Options(separate_lines=apart, max_words=words, thorough=plain is not None or adapt)
        typed = typing_simulation.type_text(completer, text, options)
        if not typed.words:
            raise UsageError("There are no words in this text to be typed.")
        answer = {
            "words": len(typed.words),
            **keystroke_savings.measure(typed, plain, threshold),
            "threshold": threshold,
        }
        if plain is not None:
            answer["network"] = keystroke_savings.measure(typed, None, threshold)
        if adapt:
            mixture = build_mixture(model, index=index, adapt=True)
            if bias_adaptation.exists(model.run):
                typed = typing_simulation.type_text(completer_with(model, mixture), text, options)
            answer["adapted"] = keystroke_savings.measure(typed, mixture, threshold)
        if latency:
            beginning = text[: 16 * typing_simulation.MAX_PRESSES].decode("utf-8", "replace")
            answer["latency_ms"] = typing_simulation.latency(
                build_completer(model, index=index, adapt=adapt), beginning
            )
        yield {**answer, "memory_mb": process_memory_mb()}

    # --- adaptation -----------------------------------------------------------------------------------------------

    def _adapt(
        self,
        files: list[str] | None = None,
        text: str = "",
        weights: bool = False,
        encoding: str = "",
        names: list[str] | None = None,
    ) -> Answers:
        if bool(files) == bool(text):
            raise UsageError("Give files or a text to learn from.")
        options = ReadOptions.of(self._model.settings.data, encoding)
        if files:
            keys = [(name and absolute_names([name])[0]) or TYPED for name in names or files]
            with private_cache() as cache:
                texts = {key: read_text([file], options, cache=cache) for file, key in zip(files, keys, strict=True)}
        else:
            texts = {TYPED: text.encode()}
        change = Profile(self._model.run).learn(texts)
        for key in texts:
            watching.leave_out(self._model.run, key, wanted=False)
        answer: dict[str, Any] = {"words": change.words, "new": change.added}
        asides = [change.aside]
        if weights:
            losses, aside = bias_adaptation.adapt(self._model, list(texts.values()))
            answer |= losses
            asides.append(aside)
        if found := [str(aside) for aside in asides if aside is not None]:
            answer["put_aside"] = found
        self._completer = None  # built again for the next request
        yield answer

    def _forget(self, what: str = "") -> Answers:
        run = self._model.run
        profile = Profile(run)
        self._completer = None
        if what:
            (path,) = absolute_names([what])
            change = profile.forget({what, path})
            if is_watched := watching.is_watched(run, path):
                watching.leave_out(run, path)
            counts = {"words": change.words, "new": change.added} if change else {}
            yield {"forgotten": change is not None, "left_out": is_watched, **counts}
        else:
            yield {"forgotten": any([profile.reset(), bias_adaptation.forget(run)])}

    def _profile(self) -> Answers:
        run, settings = self._model.run, self._model.settings
        texts = Profile(run).texts()
        counts: Counter[str] = Counter()
        for line in distinct_lines(texts):
            counts.update(line.split(" "))
        index = text_index(run, settings)
        ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        known = index.frequency if index is not None else lambda word: 1.0
        unknown = [entry for entry in ranked if not known(entry[0].encode("utf-8", "surrogateescape"))]
        yield {
            "words": counts.total(),
            "texts": [{"name": text.name, "lines": len(text.lines), "words": text.word_count()} for text in texts],
            "often": ranked[:MAX_LISTED_WORDS],
            "unknown": unknown[:MAX_LISTED_WORDS],
            "weights": bias_adaptation.exists(run),
        }

    # --- the first time on a machine ----------------------------------------------------------------------------------

    def _compile(self) -> Answers:
        os.nice(10)  # somebody types meanwhile
        self._completer = completer_with(self._model, None)
        mark_compiled(self._model.settings, self._model.weights)
        yield {"compiled": True}

    def _is_compiling(self) -> bool:
        """Return whether another process compiles the kernels for the run that comes with the program.

        It is begun where they are missing, and goes on where this process ends before. A run of the user's own was
        trained, so that most kernels are there.
        """
        model = self._model
        stands_in = is_base(model.run) and can_step(model.settings)
        if self._compiling is None and stands_in and not is_compiled(model.settings, model.weights):
            self._compiling = begin_compiling(model.run)
        return self._compiling is not None

    def _switch_to_compiled(self) -> None:
        if self._compiling is not None and self._compiling.poll() is not None:
            self._compiling = None
            if self._completer is not None:
                self._completer = completer_with(self._model, self._completer.mixture)

    # --- what other processes change ------------------------------------------------------------------------------

    def follow_profile(self, *, wait: float = 0.0) -> None:
        """Begin to load the profile if it has changed, and wait up to `wait` seconds for it."""
        if self._completer is None or self._loading is not None:
            return
        stamp = _stamp(self._profile_path)
        if stamp != self._profile_stamp:
            self._profile_stamp = stamp
            self._load_in_background(self._load_profile)
            assert self._loading is not None
            self._loading.join(wait)

    @property
    def _profile_path(self) -> Path:
        return self._model.run.autocomplete / "profile.npz"

    def _read_network_stamp(self) -> tuple[Stamp | None, ...]:
        """Return when the best checkpoint was last named, and the biases adapted."""
        run = self._model.run
        return _stamp(run.checkpoints / "best.json"), _stamp(run.autocomplete / "biases.npz")

    def _check_for_newer(self) -> None:
        """Begin to load a better checkpoint if there is one."""
        if time.monotonic() - self._last_check < CHECK_SECONDS or self._loading is not None:
            return
        self._last_check = time.monotonic()
        stamp = self._read_network_stamp()
        if stamp == self._network_stamp or stamp[0] is None:
            return
        self._network_stamp = stamp
        self._load_in_background(self._load)

    def _load_in_background(self, work: Callable[[], None]) -> None:
        self._loading = threading.Thread(target=work, daemon=True)
        self._loading.start()

    def _load(self) -> None:
        with contextlib.suppress(LstmtuiError, OSError):
            self._newer = load(self._model.run)

    def _load_profile(self) -> None:
        self._newer_profile = (load_profile(self._model.run),)

    def _switch_to_newer(self) -> None:
        if self._loading is None or self._loading.is_alive():
            return
        self._loading = None
        if self._newer is not None:
            self._model, self._newer = self._newer, None
            if self._completer is not None:
                mixture, compiled = self._completer.mixture, not self._is_compiling()
                self._completer = completer_with(self._model, mixture, compiled=compiled)
        if self._newer_profile is not None:
            if self._completer is not None and self._completer.mixture is not None:
                self._completer.mixture.replace_profile(*self._newer_profile)
            self._newer_profile = None


def _stamp(path: Path) -> Stamp | None:
    """Return what changes with a file; None where it cannot be read."""
    with contextlib.suppress(OSError):
        about = path.stat()
        return about.st_ino, about.st_size, about.st_mtime_ns
    return None


def begin_compiling(run: RunFolder) -> subprocess.Popen[bytes] | None:
    """Start a process that compiles the kernels of completion into the cache, and ends; None where it cannot start."""
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lstmtui.engine.services.serve", str(run.path)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        with process.stdin:
            process.stdin.write(b'{"op": "compile"}\n')
    except OSError:
        return None
    return process


def _as_answer(candidate: Candidate) -> dict[str, Any]:
    """Return the JSON object of a candidate."""
    record: dict[str, Any] = {"text": candidate.text, "probability": candidate.probability}
    return {**record, "replaces": candidate.replaces} if candidate.replaces else record
