"""Ask a trained model, which lives in a process of its own: completion, samples, evaluation.

with Model(run) as model:                    # python -m lstmtui.engine.services.serve RUN_FOLDER
    model.complete("The ", k=5)

with lstmtui.Completer.load("diary") as completer:    # the same by name, for other programs
    completer.complete("The ", k=5)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lstmtui.client.process import LoadedRun


@dataclass(frozen=True, slots=True)
class Candidate:
    """One continuation: the text to insert at the cursor, and how probable the model finds it."""

    text: str
    probability: float
    replaces: int = 0
    """Characters before the cursor that the text replaces: a begun word that is misspelt."""


class Model(LoadedRun):
    """A trained run, loaded in a process of its own that answers one question at a time.

    Thread-safe: callers wait for each other. Raises the LstmtuiError that the process reports.
    """

    process_name, service = "The model's process", "lstmtui.engine.services.serve"
    about: dict[str, Any]
    """What was loaded: step, cell, hidden, layers, tokens, vocabulary."""

    def ask(
        self,
        op: str,
        on_piece: Callable[[str], None] | None = None,
        on_progress: Callable[[float], None] | None = None,
        on_surprise: Callable[[str, float], None] | None = None,
        **details: Any,
    ) -> dict[str, Any]:
        """Send one question and return its answer.

        `on_piece` receives text as it is generated, `on_surprise` the same with its bits (op sample), `on_progress` the
        fraction done (op evaluate).
        """

        def receive(line: dict[str, Any]) -> None:
            if on_piece is not None and "piece" in line:
                on_piece(line["piece"])
            elif on_surprise is not None and "piece" in line:
                on_surprise(line["piece"], float(line["bits"]))
            elif on_progress is not None and "progress" in line:
                on_progress(line["progress"])

        return self._child.ask({"op": op, **details}, receive)

    def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Iterable[str] = ()) -> list[Candidate]:
        """Return up to `k` distinct continuations of `text`, the most probable first.

        With `phrase` they continue as long as that is expected to save keystrokes. Words in `passed` were rejected as
        completions of the word being typed; others take their places.
        """
        answer = self.ask("complete", text=text, k=k, phrase=phrase, passed=list(passed))
        self.about["step"] = answer.get("step", self.about.get("step"))  # a run that still trains has newer checkpoints
        return [Candidate(c["text"], c["probability"], c.get("replaces", 0)) for c in answer["candidates"]]

    def adapt(self, text: str, *, weights: bool = False) -> int:
        """Add `text` to the run's profile, which ranks completions from now on; return the number of words in it.

        Text that the profile has already is not counted again.
        With `weights`, the biases of gates and softmax are adapted to it too. The checkpoint is never changed.
        """
        answer = self.ask("adapt", text=text, weights=weights)
        self.about["put_aside"] = answer.get("put_aside", [])  # unreadable profiles
        return int(answer["words"])

    def forget(self, what: str = "") -> None:
        """Remove a word or a file from the profile; without `what`, all of it."""
        self.ask("forget", what=what)

    def profile(self) -> dict[str, Any]:
        """Return the profile: its texts, its most frequent words, and those that the training text lacks."""
        return self.ask("profile")


class Completer(Model):
    """Completion with a run, for other programs:

        import lstmtui

        with lstmtui.Completer.load("diary") as completer:
            for candidate in completer.complete("Dear ", k=5):
                print(candidate.text, candidate.probability)

    The model runs in a process of its own, which ends with `close` or with this one. The first answer takes about a
    second. Pass the whole text each time: the model continues from the part that it has read already.
    """
