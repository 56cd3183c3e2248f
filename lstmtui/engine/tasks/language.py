"""Language modelling: predict the next token of a text, states carried through it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmtui.common import text_beginning
from lstmtui.data.batches import Streams
from lstmtui.data.corpus import Dataset
from lstmtui.data.token_files import Split
from lstmtui.engine.analysis import gate_statistics, gradient_flow
from lstmtui.engine.analysis.memorisation import MemorisationMeter
from lstmtui.engine.backend import HAS_BFLOAT16, device
from lstmtui.engine.checkpoint_identity import identity
from lstmtui.engine.inference.evaluate import Evaluator
from lstmtui.engine.inference.sampler import Sampler, SamplingOptions
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.nn.memory_size import check_room
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, Mirror, log_frequencies, parameters
from lstmtui.engine.tasks.run_corpus import run_corpus
from lstmtui.engine.tasks.task import Figures, Live, Regularisers, Sample, Task
from lstmtui.errors import UsageError

MEMORISED_OF = 2000
"""Characters that are sampled at the end, to see how much of them the training text has."""
BEGINNING_TOKENS = 2000
"""Tokens that an example of how a text begins is looked for in."""


class LanguageTask(Task):
    """Trains a language model on a text that is read in parallel streams."""

    decides = "nll"
    model: LanguageModel
    data: Dataset

    # --- prepare --------------------------------------------------------------------------------------------------

    def read_data(self) -> dict[str, Any]:
        """Read the text, or find its tokens in the cache."""
        self.data = data = run_corpus(self.settings, self.writer, self.check)
        sizes = {name: len(split.tokens) for name, split in _splits(data)}
        self.writer.status(beginning=_beginning(data), valid_tokens=sizes["valid"])
        return {**sizes, "vocabulary": data.tokenizer.size}

    def build(self) -> None:
        """Make the network and its buffers on the device that is set.

        Raises UsageError for a text shorter than one window and for a device that cannot be used, MemoryError.
        """
        s, data = self.settings, self.data
        on, threads, vocabulary = device(s.run.device), s.run.threads, data.tokenizer.size
        if s.run.precision == "bfloat16" and on.name == "cpu" and not HAS_BFLOAT16:
            raise UsageError(
                "bfloat16 products are compiled code, and NUMBA_DISABLE_JIT is set; leave precision at auto or say "
                "float32."
            )
        self.streams = Streams(data.train.tokens, s.length.batch, s.length.bptt)
        check_room(s, vocabulary, self.streams.T, self.streams.B, on)
        self.weights = Arena(parameters(s, vocabulary), device=on)
        self.model = LanguageModel(s, self.weights, self.streams.T, self.streams.B, threads=threads, backward=True)
        self.optimizer = Optimizer(s, self.weights, threads)
        self.evaluator = None
        if len(data.valid.tokens) > 1:
            # As many streams as threads, as ever: the best so far stays comparable when a run is resumed.
            self.evaluator = Evaluator(
                s, self.optimizer.evaluated, data.valid, data.tokenizer,
                max_tokens=s.run.eval_tokens, threads=threads, streams=threads,
            )  # fmt: skip
        self._trained_on_host = Mirror(self.weights)
        self._evaluated_on_host = self._trained_on_host
        if self.optimizer.evaluated is not self.weights:
            self._evaluated_on_host = Mirror(self.optimizer.evaluated)
        self.sampler = Sampler(s, self._evaluated_on_host.host, data.tokenizer)
        self._memorisation = MemorisationMeter(data)
        self._flow = gradient_flow.from_dataset(s, self._trained_on_host.host, data)

    def initialise(self) -> None:
        """Draw the weights; the softmax begins with the frequencies of the tokens."""
        self.weights.initialise(self.settings.run.seed)
        with self.weights.on_host() as views:
            views["softmax.b"][...] = log_frequencies(self.data.train.tokens, self.data.tokenizer.size)
        self.optimizer.reset()
        self.model.reset()

    def exercise(self) -> None:
        """Evaluate a window, sample a token, and measure memorisation and gradient flow once."""
        x = np.zeros((self.model.T, self.model.B), np.int32)
        self.model.evaluate(x, x)
        next(self.sampler.tokens("", SamplingOptions(), np.random.default_rng(0)))
        self._memorisation.measure("")
        if self._flow is not None:
            self._flow.measure()

    @property
    def digest(self) -> str:
        """That of the tokenised corpus."""
        return self.data.digest

    @property
    def status(self) -> dict[str, Any]:
        """The size of the vocabulary."""
        return {"vocabulary": self.data.tokenizer.size}

    def identity(self) -> dict[str, Any]:
        """Return the settings that shape the weights, and the tokenizer's digest."""
        return identity(self.settings, self.data.tokenizer)

    # --- train ----------------------------------------------------------------------------------------------------

    @property
    def steps_per_epoch(self) -> int:
        """The windows of the training text."""
        return self.streams.windows

    @property
    def tokens_per_step(self) -> int:
        """The tokens of a window."""
        return self.streams.tokens_per_window

    def epoch(self, step: int) -> int:
        """Return which pass over the text the step belongs to."""
        return self.streams.position(step).epoch

    def gradient(self, step: int, regularisers: Regularisers) -> float:
        """Read the window of the step; at the beginning of the text the states are zero."""
        position = self.streams.position(step)
        if position.window == 0:
            self.model.reset()
        x, y = self.streams.window(position.window)
        return self.model.gradient(x, y, *regularisers)

    def end_step(self) -> None:
        """Carry the states into the next window."""
        self.model.carry()

    def change_live(self, live: Live, shift: int, step: int) -> int:
        """Read windows of the length that is set, from the last one that begins no later than the text stands."""
        streams, length = self.streams, live("bptt")
        if length == streams.T:
            return shift
        at, windows = streams.position(step), max(1, streams.length // length)
        shift = step - (at.epoch * windows + min(at.window * streams.T // length, windows - 1))
        self.restore_live(live, shift)
        return shift

    def restore_live(self, live: Live, shift: int) -> None:
        """Read windows of the length that is set; the states stay. Raises UsageError and MemoryError."""
        length = live("bptt")
        if (length, shift) == (self.streams.T, self.streams.shift):
            return
        streams = Streams(self.data.train.tokens, self.streams.B, length)
        streams.shift = shift
        model = LanguageModel(
            self.settings, self.weights, length, streams.B, threads=self.settings.run.threads, backward=True
        )
        model.set_states(self.model.states())
        self.streams, self.model = streams, model

    # --- observe --------------------------------------------------------------------------------------------------

    @property
    def evaluated_tokens(self) -> int:
        """The validation tokens that an evaluation on the way reads."""
        return self.evaluator.predictions if self.evaluator else 0

    @property
    def final_tokens(self) -> int:
        """All validation and test tokens."""
        return len(self.data.valid.tokens) + len(self.data.test.tokens)

    def evaluate(self) -> Figures | None:
        """Read validation text."""
        if self.evaluator is None:
            return None
        found = self.evaluator.run(between=self.check)
        values = {"nll": found.nll, "perplexity": found.perplexity, "bits_per_char": found.bits_per_char}
        return Figures(values | ({"unknown": found.unknown} if found.unknown else {}), found.tokens)

    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Sample text, and measure how much of it the training text has."""
        temperature, prompt = ((asked or {}).get(name, live(name)) for name in ("temperature", "prompt"))
        # What a person asks for twice should not be the same text.
        random = np.random.default_rng([self.settings.run.seed, step] if asked is None else None)
        options = SamplingOptions(temperature, live("top_k"), live("top_p"))
        # Without a prompt it begins at a line's end, where a text of paragraphs goes on with an empty line.
        text = self._sampled(prompt, live("sample_length"), options, random).lstrip("\n")
        if not text:
            return None
        record = {"temperature": options.temperature, "prompt": prompt, "text": text}
        return Sample(record, {"copied": {"step": step, **self._memorisation.measure(text)}})

    def _sampled(self, prompt: str, length: int, options: SamplingOptions, random: np.random.Generator) -> str:
        self._evaluated_on_host.refresh()
        return self.sampler.text(prompt, length, options, random, self.check) if length else ""

    def probe(self, step: int) -> None:
        """Write saturation, one window of gates and the gradient flow, on the window that comes next."""
        tokens = self.streams.window(self.streams.position(step).window)[0]
        first, gates = self.model.observe(tokens), self.model.cell.gate_names
        self.writer.saturation(step, gates, *gate_statistics.saturation(self.model))
        self.writer.window(step, gates, gate_statistics.gate_window(self.model), tokens[first:, 0])
        if self._flow is not None:
            self._trained_on_host.refresh()
            self.writer.gradient(**self._flow.measure(step).arrays())

    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return the figures of validation and test text, and what a long sample repeats of the training text."""
        s, found = self.settings, {"copied": self._memorised(live, step)}
        for name, split in _splits(self.data):
            if name != "train" and len(split.tokens) > 1:
                most = 0 if share == 1 else max(1, int(share * len(split.tokens)))
                evaluator = Evaluator(
                    s, self.optimizer.evaluated, split, self.data.tokenizer, max_tokens=most, threads=s.run.threads
                )
                found[name] = {**evaluator.run(between=self.check).as_dict(), "whole": share == 1}
        return found

    def _memorised(self, live: Live, step: int) -> dict[str, Any] | None:
        """Return what a sample long enough to tell repeats of the training text."""
        if live("sample_length") == 0:
            return None
        options = SamplingOptions(live("temperature"), live("top_k"), live("top_p"))
        random = np.random.default_rng([self.settings.run.seed, step, 1])
        return self._memorisation.measure(self._sampled("", MEMORISED_OF, options, random))


def _splits(data: Dataset) -> tuple[tuple[str, Split], ...]:
    return ("train", data.train), ("valid", data.valid), ("test", data.test)


def _beginning(data: Dataset) -> str:
    """Return how a text of this kind may begin, from the validation text where there is one."""
    splits = (split for split in (data.valid, data.train) if len(split.tokens))
    texts = (data.tokenizer.text(split.tokens[:BEGINNING_TOKENS]) for split in splits)
    return next(filter(None, map(text_beginning.example_prompt, texts)), "")
