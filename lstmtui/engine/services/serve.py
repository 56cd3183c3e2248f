"""A trained model that answers requests: python -m lstmtui.engine.services.serve RUN_FOLDER.

One JSON object a line on standard input, one (for `sample`: several) on standard output. The first line out describes
the loaded model, or reports why it cannot be loaded.

    {"op": "complete", "text": ..., "k": 5, "phrase": false}   {"candidates": [{"text", "probability"}], "milliseconds"}
    {"op": "autocomplete", ...}, {"op": "adapt", ...}              see `lstmtui.engine.autocomplete.operations`
    {"op": "sample", "prompt", "length", "temperature", "top_k", "top_p", "seed"}     {"piece": ...} ... {"done": true}
                       "line": true stops at the end of the first line
    {"op": "generate", "prompt", "temperature", "top_k", "top_p", "seed", "logprobs", "score",
     "tokens": 0}                                        {"stream": number, "prompt_tokens": n, "pieces": [...]}
    {"op": "continue", "stream": number, "tokens": 8}    {"pieces": [{"text", "in_prompt", "logprob", "top"}, ...]}
    {"op": "end", "stream": number}                      {"ended": true}
                       several texts in turn: see `lstmtui.engine.inference.generation`
    {"op": "evaluate", "files": [...], "encoding": ""}               {"nll", "perplexity", "bits_per_char", "tokens"}
                       "dynamic": {"rule", "lr", "decay"}, each or null; then {"progress": 0.1} ... come first, and the
                       result has the same figures under "dynamic"
    {"op": "inspect", ...}, {"op": "gradients", ...}                 see `lstmtui.engine.services.unit_inspector`

Errors and heartbeats: see `lstmtui.engine.answering`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.data.corpus import tokenise_files
from lstmtui.data.reading import ReadOptions
from lstmtui.data.token_files import Split
from lstmtui.engine.answering import Answer, Answering, Answers, Operation, dispatch, serve_run
from lstmtui.engine.autocomplete.operations import Autocomplete
from lstmtui.engine.inference import dynamic_evaluation
from lstmtui.engine.inference.evaluate import Evaluator
from lstmtui.engine.inference.generation import Generations, WrittenToken
from lstmtui.engine.inference.loaded_model import LoadedModel, load, require_language_model, second_moments
from lstmtui.engine.inference.sampler import Piece, Sampler, SamplingOptions
from lstmtui.engine.services import unit_inspector
from lstmtui.engine.services.language_reader import LanguageReader
from lstmtui.engine.services.reading import Reader
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder

MAX_SAMPLE = 1 << 20
"""Characters of a sample."""


class Service:
    """One loaded model and its operations. Each part is made when it is first needed."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._autocomplete = Autocomplete(model)
        self._operations: dict[str, Operation] = {
            **self._autocomplete.operations(),
            "sample": self._sample,
            "generate": self._generate,
            "continue": self._continue,
            "end": self._end,
            "evaluate": self._evaluate,
            **unit_inspector.operations(LanguageReader(model)),
        }

    def answers(self, request: Any) -> Answers:
        """Yield the answers to one request. Raises LstmtuiError."""
        return dispatch(self._operations, request, "complete")

    def follow_profile(self) -> None:
        """Begin to load a profile that another process has changed, where none is being asked."""
        self._autocomplete.follow_profile()

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
        model, options = self._model, self._options(temperature, top_k, top_p)
        options.check()
        if length > MAX_SAMPLE:
            raise UsageError(f"A sample has at most {MAX_SAMPLE:,} characters, not {length:,}.")
        sampler = Sampler(model.settings, model.weights, model.tokenizer)
        pieces = sampler.pieces(prompt, length, options, np.random.default_rng(seed))
        for piece in first_line(pieces, started=bool(prompt)) if line else pieces:
            yield {"piece": piece.text, "bits": round(piece.bits, 2)}
        yield {"done": True}

    @cached_property
    def _generations(self) -> Generations:
        return Generations(self._model)

    def _options(self, temperature: float, top_k: int, top_p: float) -> SamplingOptions:
        return SamplingOptions(float(temperature), min(top_k, self._model.tokenizer.size), float(top_p))

    def _generate(
        self, prompt: str = "", temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, seed: int | None = None,
        logprobs: int | None = None, score: bool = False, tokens: int = 0,
    ) -> Answers:  # fmt: skip
        options, random = self._options(temperature, top_k, top_p), np.random.default_rng(seed)
        number = self._generations.start(prompt, options, random, logprobs=logprobs, score=score)
        # The first turn is part of this answer, so that a text begins one question earlier.
        pieces = [_as_answer(piece) for piece in self._generations.turn(number, tokens)] if tokens else []
        yield {"stream": number, "prompt_tokens": self._generations.prompt_tokens(prompt), "pieces": pieces}

    def _continue(self, stream: int, tokens: int = 8) -> Answers:
        yield {"pieces": [_as_answer(piece) for piece in self._generations.turn(stream, tokens)]}

    def _end(self, stream: int) -> Answers:
        self._generations.end(stream)
        yield {"ended": True}

    def _evaluate(self, files: list[str], dynamic: dict[str, Any] | None = None, encoding: str = "") -> Answers:
        model = self._model
        split = tokenise_files(files, model.tokenizer, ReadOptions.of(model.settings.data, encoding))
        threads = model.settings.run.threads
        result = Evaluator(model.settings, model.weights, split, model.tokenizer, threads=threads).run().as_dict()
        if dynamic is not None:
            for answer in self._evaluate_dynamically(split, **dynamic):
                if "progress" in answer:
                    yield answer
                else:
                    result["dynamic"] = answer
        yield result

    def _evaluate_dynamically(
        self, split: Split, rule: str | None = None, lr: float | None = None, decay: float | None = None
    ) -> Answers:
        model = self._model
        moments = second_moments(model)
        chosen = dynamic_evaluation.choose_rule(rule, lr, decay, has_moments=moments is not None)
        evaluator = dynamic_evaluation.DynamicEvaluator(
            model.settings, model.weights, split, chosen, model.tokenizer,
            moments=moments, threads=model.settings.run.threads,
        )  # fmt: skip
        for done in evaluator.steps():
            yield {"progress": round(done, 4)}
        yield dynamic_evaluation.as_answer(evaluator.result(), chosen)


class InspectionService:
    """A loaded translator or captioner, whose units can be inspected; services of their own translate and caption."""

    def __init__(self, reader: Reader, run: RunFolder) -> None:
        self._operations, self._run = unit_inspector.operations(reader), run

    def answers(self, request: Any) -> Answers:
        """Yield the answers to one request. Raises LstmtuiError."""
        if isinstance(request, dict) and request.get("op") not in self._operations:
            require_language_model(self._run, config.load(self._run.config))
        return dispatch(self._operations, request, "inspect")


def _as_answer(piece: WrittenToken) -> Answer:
    """Return the JSON object of a piece."""
    about = {"top": piece.top, "logprob": piece.log_probability} if piece.log_probability is not None else {}
    return {"text": piece.text, "in_prompt": piece.in_prompt, **about}


def first_line(pieces: Iterator[Piece], *, started: bool) -> Iterator[Piece]:
    """Yield the first non-empty line of a text in pieces; where the line was `started` before, the rest of it."""
    for piece in pieces:
        rest = piece.text if started else piece.text.lstrip("\n")
        head, end, _ = rest.partition("\n")
        if head:
            started = True
            yield piece._replace(text=head)
        if end and started:
            return


def main(arguments: list[str]) -> int:
    """Serve the run in the folder given until standard input ends."""

    def open_run(run: RunFolder) -> tuple[Answering, Answer]:
        if config.load(run.config).data.purpose == "translation":
            # Imported here, so that a language model is not later for it.
            from lstmtui.engine.services.translation_reader import TranslationReader

            reader = TranslationReader(run)
            return InspectionService(reader, run).answers, {"ready": True, **reader.about()}
        if config.load(run.config).data.purpose == "captions":
            from lstmtui.engine.services.caption_reader import CaptionReader

            of_pictures = CaptionReader(run)
            return InspectionService(of_pictures, run).answers, {"ready": True, **of_pictures.about()}
        model = load(run)
        return Service(model).answers, {"ready": True, **model.about()}

    return serve_run("lstmtui.engine.services.serve", arguments, open_run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
