"""What `lstmtui.engine.services.serve` is asked about completion.

    {"op": "complete", "text": ..., "k": 5, "phrase": false, "passed": []}
                                                               {"candidates": [{"text", "probability"}], "milliseconds"}
                    a candidate that takes the place of the word begun has "replaces" too: characters before the cursor
    {"op": "autocomplete", "files": [...], ...}                     what `report.measure` counts, and the latency
    {"op": "adapt", "files": [...], "weights": false}  or "text"    {"words": n, "new": n}, kept in the run's profile
                    "names": what the files are called, if not so; an empty name for what was typed
    {"op": "forget", "what": word or file, or nothing for all}      {"forgotten": true, "words": n}
    {"op": "profile"}                                               {"words", "texts", "often", "unknown"}

While the run trains on, a better checkpoint is loaded on the side and used from the next question on. When the run
has been removed, or a checkpoint cannot be read, the one that was loaded goes on answering.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lstmtui.common.hardware import process_memory_mb
from lstmtui.data.reading import ReadOptions, absolute_names, read_text
from lstmtui.engine.autocomplete import bias_adaptation, build, keystroke_savings
from lstmtui.engine.autocomplete.completer import Candidate, Completer
from lstmtui.engine.autocomplete.profile import TYPED, Profile, common
from lstmtui.engine.autocomplete.store import text_index
from lstmtui.engine.inference.loaded_model import LoadedModel, load
from lstmtui.errors import LstmtuiError, UsageError

Answers = Iterator[dict[str, Any]]

LOOK = 2.0
"""Seconds between looks for a better checkpoint."""
MOST = 100
"""The largest k."""
MAX_SHOWN = 1000
"""Words of a profile that are shown."""


class Autocomplete:
    """Completion with one run, kept up to date."""

    def __init__(self, trained: LoadedModel) -> None:
        self._trained = trained
        self._completer: Completer | None = None
        self._seen = self._stamp()
        self._looked = time.monotonic()
        self._loading: threading.Thread | None = None
        self._newer: LoadedModel | None = None

    def operations(self) -> dict[str, Callable[..., Answers]]:
        """Return what can be asked, by name."""
        return {
            "complete": self._complete,
            "autocomplete": self._report,
            "adapt": self._adapt,
            "forget": self._forget,
            "profile": self._profile,
        }

    def _complete(self, text: str, k: int = 5, phrase: bool = False, passed: Sequence[str] = ()) -> Answers:
        if not isinstance(text, str) or not isinstance(k, int) or not 1 <= k <= MOST:
            raise UsageError(f"A completion needs a text, and k from 1 to {MOST}.")
        if isinstance(passed, str) or not all(isinstance(word, str) for word in passed):
            raise UsageError("Words that were passed over are given as a list.")
        begun = time.perf_counter()
        self._take_newer()
        if self._completer is None:
            self._completer = build.completer(self._trained)
        found = self._completer.complete(text, k=k, phrase=phrase, passed=passed)
        yield {
            "candidates": [_record(c) for c in found],
            "milliseconds": round(1e3 * (time.perf_counter() - begun), 3),
            "step": self._trained.step,
        }
        self._completer.get_ready()
        self._look()

    def _report(
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
        text = read_text(files, ReadOptions.of(self._trained.settings.data, encoding))
        t = self._trained
        plain = build.memory(t, index=index, adapt=False)
        completer = build.with_memory(t, plain, adapt=False)
        typed = keystroke_savings.type_out(
            completer, text, apart=apart, most=words, thorough=plain is not None or adapt
        )
        if not typed.words:
            raise UsageError("There are no words in this text to be typed.")
        answer = {
            "words": len(typed.words),
            **keystroke_savings.figures(typed, plain, threshold),
            "threshold": threshold,
        }
        if plain is not None:
            answer["network"] = keystroke_savings.figures(typed, None, threshold)
        if adapt:
            counted = build.memory(t, index=index, adapt=True)
            if bias_adaptation.known(t.run):
                moved = build.with_memory(t, counted)
                typed = keystroke_savings.type_out(moved, text, apart=apart, most=words, thorough=True)
            answer["adapted"] = keystroke_savings.figures(typed, counted, threshold)
        if latency:
            single = build.completer(t, index=index, adapt=adapt)
            answer["latency_ms"] = keystroke_savings.latency(
                single, text[: 16 * keystroke_savings.PRESSES].decode("utf-8", "replace")
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
        how = ReadOptions.of(self._trained.settings.data, encoding)
        if files:
            named = [(name and absolute_names([name])[0]) or TYPED for name in names or files]
            texts = {name: read_text([file], how) for file, name in zip(files, named, strict=True)}
        else:
            texts = {TYPED: text.encode()}
        change = Profile(self._trained.run).learn(texts)
        answer: dict[str, Any] = {"words": change.words, "new": change.by}
        asides = [change.aside]
        if weights:
            moved, aside = bias_adaptation.learn(self._trained, list(texts.values()))
            answer |= moved
            asides.append(aside)
        if found := [str(aside) for aside in asides if aside is not None]:
            answer["put_aside"] = found
        self._completer = None  # made anew with the next question
        yield answer

    def _forget(self, what: str = "") -> Answers:
        profile = Profile(self._trained.run)
        self._completer = None
        if what:
            change = profile.forget({what, *absolute_names([what])})
            yield {"forgotten": change is not None, **({"words": change.words, "new": change.by} if change else {})}
        else:
            yield {"forgotten": any([profile.reset(), bias_adaptation.forget(self._trained.run)])}

    def _profile(self) -> Answers:
        run, settings = self._trained.run, self._trained.settings
        texts = Profile(run).texts()
        counts: Counter[str] = Counter()
        for line in common(texts):
            counts.update(line.split(" "))
        index = text_index(run, settings)
        ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        known = index.share if index is not None else lambda word: 1.0
        unknown = [entry for entry in ranked if not known(entry[0].encode("utf-8", "surrogateescape"))]
        yield {
            "words": counts.total(),
            "texts": [{"name": text.name, "lines": len(text.lines), "words": text.words()} for text in texts],
            "often": ranked[:MAX_SHOWN],
            "unknown": unknown[:MAX_SHOWN],
            "weights": bias_adaptation.known(run),
        }

    # --- a run that trains on -------------------------------------------------------------------------------------

    def _stamp(self) -> int | None:
        """Return when the best checkpoint was named; None where nothing can be seen."""
        with contextlib.suppress(OSError):
            return (self._trained.run.checkpoints / "best.json").stat().st_mtime_ns
        return None

    def _look(self) -> None:
        """Begin to load a better checkpoint when there is one."""
        if time.monotonic() - self._looked < LOOK or self._loading is not None:
            return
        self._looked = time.monotonic()
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return
        self._seen = stamp
        self._loading = threading.Thread(target=self._load, daemon=True)
        self._loading.start()

    def _load(self) -> None:
        with contextlib.suppress(LstmtuiError, OSError):
            self._newer = load(self._trained.run)

    def _take_newer(self) -> None:
        if self._loading is None or self._loading.is_alive():
            return
        self._loading = None
        if self._newer is not None:
            self._trained, self._newer = self._newer, None
            if self._completer is not None:
                self._completer = build.with_memory(self._trained, self._completer.memory)


def _record(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate as it is answered."""
    record: dict[str, Any] = {"text": candidate.text, "probability": candidate.probability}
    return {**record, "replaces": candidate.replaces} if candidate.replaces else record
