"""A trained model that answers questions: python -m lstmtui.engine.services.serve RUN_FOLDER.

One JSON object a line on standard input, one (for `sample`: several) on standard output. The first line out says what
was loaded, or why not.

    {"op": "complete", "text": ..., "k": 5, "phrase": false}   {"candidates": [{"text", "probability"}], "milliseconds"}
    {"op": "autocomplete", ...}, {"op": "adapt", ...}              see `lstmtui.engine.autocomplete.operations`
    {"op": "sample", "prompt", "length", "temperature", "top_k", "top_p", "seed"}     {"piece": ...} ... {"done": true}
                       "line": true ends it before the first line end
    {"op": "evaluate", "files": [...], "encoding": ""}               {"nll", "perplexity", "bits_per_char", "tokens"}
                       "dynamic": {"rule", "lr", "decay"}, each or null       {"progress": 0.1} ..., and "dynamic" so
    {"op": "inspect", ...}, {"op": "gradients", ...}                 see `lstmtui.engine.services.unit_inspector`

A question that cannot be answered gets {"error": sentence, "exit_code": n}, and the next one is read. While an answer
takes longer than a few seconds, {"working": true} comes now and then.
"""

from __future__ import annotations

import reprlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.data.corpus import tokenise_files
from lstmtui.data.reading import ReadOptions
from lstmtui.data.token_files import Split
from lstmtui.engine import process_memory
from lstmtui.engine.answering import Answers, answer_lines, answered, checked, failure, say
from lstmtui.engine.autocomplete.operations import Autocomplete
from lstmtui.engine.inference import dynamic_evaluation as dynamic
from lstmtui.engine.inference.evaluate import Evaluator
from lstmtui.engine.inference.loaded_model import Trained, load, second_moments
from lstmtui.engine.inference.sampler import Sampler, SamplingOptions
from lstmtui.engine.services import unit_inspector
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder

MAX_SAMPLE = 1 << 20
"""Characters of a sample."""


class Service:
    """One loaded model and what it can be asked. Each part is made when it is first needed."""

    def __init__(self, trained: Trained) -> None:
        self._trained = trained
        self._operations: dict[str, Callable[..., Answers]] = {
            **Autocomplete(trained).operations(),
            "sample": self._sample,
            "evaluate": self._evaluate,
            **unit_inspector.operations(trained),
        }

    def answers(self, question: Any) -> Answers:
        """Yield the answers to one question. Raises LstmtuiError."""
        if not isinstance(question, dict):
            raise UsageError('Each line must be a JSON object such as {"op": "complete", "text": "The "}.')
        name = question.get("op", "complete")
        details = {key: value for key, value in question.items() if key != "op"}
        operation = self._operations.get(name) if isinstance(name, str) else None
        if operation is None:
            raise UsageError(f"There is no operation {reprlib.repr(name)}; use {', '.join(self._operations)}.")
        try:
            yield from operation(**checked(operation, details))
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"The question cannot be understood ({error}).") from error

    def _sample(
        self,
        prompt: str = "",
        length: int = 400,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        line: bool = False,
    ) -> Answers:
        t = self._trained
        choice = SamplingOptions(float(temperature), min(top_k, t.tokenizer.size), float(top_p))
        choice.check()
        if length > MAX_SAMPLE:
            raise UsageError(f"A sample has at most {MAX_SAMPLE:,} characters, not {length:,}.")
        sampler = Sampler(t.settings, t.weights, t.tokenizer)
        pieces = sampler.pieces(prompt, length, choice, np.random.default_rng(seed))
        for piece in first_line(pieces, begun=bool(prompt)) if line else pieces:
            yield {"piece": piece}
        yield {"done": True}

    def _evaluate(self, files: list[str], dynamic: dict[str, Any] | None = None, encoding: str = "") -> Answers:
        t = self._trained
        split = tokenise_files(files, t.tokenizer, ReadOptions.of(t.settings, encoding))
        threads = t.settings.threads or 1
        result = Evaluator(t.settings, t.weights, split, t.tokenizer, threads=threads).run().as_dict()
        if dynamic is not None:
            for answer in self._dynamically(split, **dynamic):
                if "progress" in answer:
                    yield answer
                else:
                    result["dynamic"] = answer
        yield result

    def _dynamically(
        self, split: Split, rule: str | None = None, lr: float | None = None, decay: float | None = None
    ) -> Answers:
        t = self._trained
        moments = second_moments(t)
        how = dynamic.rule(rule, lr, decay, has_moments=moments is not None)
        evaluator = dynamic.DynamicEvaluator(
            t.settings, t.weights, split, how, t.tokenizer, moments=moments, threads=t.settings.threads or 1
        )
        for done in evaluator.steps():
            yield {"progress": round(done, 4)}
        yield dynamic.told(evaluator.found(), how)


def first_line(pieces: Iterator[str], *, begun: bool) -> Iterator[str]:
    """Yield the first line that has something in it; where a line has `begun` before, its rest."""
    for piece in pieces:
        rest = piece if begun else piece.lstrip("\n")
        head, end, _ = rest.partition("\n")
        if head:
            begun = True
            yield head
        if end and begun:
            return


def main(arguments: list[str]) -> int:
    """Serve the run in the folder given until standard input ends."""
    process_memory.map_large_arrays()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the front end, which ends this process
    if len(arguments) != 1:
        print("usage: python -m lstmtui.engine.services.serve RUN_FOLDER", file=sys.stderr)
        return 2
    try:
        trained = load(RunFolder(Path(arguments[0])))
    except LstmtuiError as error:
        say(failure(error))
        return error.exit_code
    service = Service(trained)
    return answer_lines(lambda line: answered(service.answers, line), {"ready": True, **trained.about()})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
