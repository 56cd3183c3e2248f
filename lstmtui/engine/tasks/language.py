"""Language modelling: predict the next token of a text, with states carried along it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
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
from lstmtui.engine.inference.sampler import Piece, Sampler, SamplingOptions, joined, surprise_fields
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.nn.memory_size import check_room
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, Mirror, log_frequencies, parameters
from lstmtui.engine.tasks.run_corpus import run_corpus
from lstmtui.engine.tasks.start_weights import take_over
from lstmtui.engine.tasks.task import Figures, Live, Regularisers, Sample, Task
from lstmtui.errors import UsageError

Array = np.ndarray[Any, Any]

MEMORISATION_CHARACTERS = 2000
"""Length of the final sample whose overlap with the training text is measured."""
PROBED_STREAMS = 8
"""Streams whose gates are read between evaluations; more would take longer and so be read more seldom."""
BEGINNING_TOKENS = 2000
"""Tokens of a text that are searched for an example prompt."""


class LanguageTask(Task):
    """Trains a language model on parallel streams of a text."""

    decides = "nll"
    model: LanguageModel
    data: Dataset

    # --- prepare --------------------------------------------------------------------------------------------------

    def read_data(self) -> dict[str, Any]:
        """Read the text, or load its tokens from the cache."""
        self.data = data = run_corpus(self.settings, self.writer, self.report)
        sizes = {name: len(split.tokens) for name, split in _splits(data)}
        self.writer.status(beginning=_beginning(data), valid_tokens=sizes["valid"])
        return {**sizes, "vocabulary": data.tokenizer.size}

    def build(self) -> None:
        """Create the network and its buffers on the device of the settings.

        Raises UsageError for a text shorter than one window and for an unusable device, MemoryError.
        """
        s, data = self.settings, self.data
        dev, threads, vocabulary = device(s.run.device), s.run.threads, data.tokenizer.size
        if s.run.precision == "bfloat16" and dev.name == "cpu" and not HAS_BFLOAT16:
            raise UsageError(
                "bfloat16 products are compiled code, and NUMBA_DISABLE_JIT is set; set precision to auto or float32."
            )
        self.streams = Streams(data.train.tokens, s.length.batch, s.length.bptt)
        check_room(s, vocabulary, self.streams.T, self.streams.B, dev)
        self.weights = Arena(parameters(s, vocabulary), device=dev)
        self.model = LanguageModel(s, self.weights, self.streams.T, self.streams.B, threads=threads, backward=True)
        self._gate_reader: LanguageModel | None = None
        self.optimizer = Optimizer(s, self.weights, threads)
        self.evaluator = None
        if len(data.valid.tokens) > 1:
            # The number of streams follows the settings, so that figures stay comparable when a run is resumed.
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
        """Draw the weights; the initial bias of the softmax is the log frequency of the tokens.

        A run that starts from another one takes its weights over.
        """
        frequencies, start = log_frequencies(self.data.train.tokens, self.data.tokenizer.size), self.settings.data.start
        self.weights.initialise(self.settings.run.seed)
        with self.weights.on_host() as views:
            views["softmax.b"][...] = frequencies
            if start:
                take_over(views, self.data.tokenizer, Path(start), frequencies)
        self.optimizer.reset()
        self.model.reset()

    def exercise(self) -> None:
        """Evaluate a window, sample a token, and measure memorisation and gradient flow."""
        x = np.zeros((self.model.T, self.model.B), np.int32)
        self.model.evaluate(x, x)
        next(self.sampler.tokens("", SamplingOptions(), np.random.default_rng(0)))
        self._memorisation.measure("")
        if self._flow is not None:
            self._flow.measure()

    @property
    def digest(self) -> str:
        """Digest of the tokenised corpus."""
        return self.data.digest

    @property
    def status(self) -> dict[str, Any]:
        """The size of the vocabulary, and the training loss of guessing by the frequencies of tokens, in nats."""
        frequencies = log_frequencies(self.data.train.tokens, self.data.tokenizer.size)
        unigram = -float(np.sum(np.exp(frequencies) * frequencies))
        return {"vocabulary": self.data.tokenizer.size, "unigram_nll": round(unigram, 4)}

    def identity(self) -> dict[str, Any]:
        """Return the settings that shape the weights, and the tokenizer's digest."""
        return identity(self.settings, self.data.tokenizer)

    # --- train ----------------------------------------------------------------------------------------------------

    @property
    def steps_per_epoch(self) -> int:
        """Number of windows in the training text."""
        return self.streams.windows

    @property
    def tokens_per_step(self) -> int:
        """Number of tokens in a window."""
        return self.streams.tokens_per_window

    def epoch(self, step: int) -> int:
        """Return the pass over the text that the step belongs to."""
        return self.streams.position(step).epoch

    def gradient(self, step: int, regularisers: Regularisers) -> float:
        """Train on the window of the step; states are reset at the beginning of the text."""
        position = self.streams.position(step)
        if position.window == 0:
            self.model.reset()
        x, y = self.streams.window(position.window)
        return self.model.gradient(x, y, *regularisers)

    def end_step(self) -> None:
        """Carry the states to the next window."""
        self.model.carry()

    def change_live(self, live: Live, shift: int, step: int) -> int:
        """Change the length of windows; continue with the last one that starts at or before the present position."""
        streams, length = self.streams, live("bptt")
        if length == streams.T:
            return shift
        at, windows = streams.position(step), max(1, streams.length // length)
        shift = step - (at.epoch * windows + min(at.window * streams.T // length, windows - 1))
        self.restore_live(live, shift)
        return shift

    def restore_live(self, live: Live, shift: int) -> None:
        """Change the length of windows and keep the states. Raises UsageError and MemoryError."""
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
        """Number of validation tokens in an evaluation during training."""
        return self.evaluator.predictions if self.evaluator else 0

    @property
    def final_tokens(self) -> int:
        """Number of all validation and test tokens."""
        return len(self.data.valid.tokens) + len(self.data.test.tokens)

    def evaluate(self) -> Figures | None:
        """Evaluate the validation text."""
        if self.evaluator is None:
            return None
        score = self.evaluator.run(between=self.check)
        values = {"nll": score.nll, "perplexity": score.perplexity, "bits_per_char": score.bits_per_char}
        return Figures(values | ({"unknown": score.unknown} if score.unknown else {}), score.tokens)

    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Sample text, and measure its overlap with the training text."""
        temperature, prompt = ((asked or {}).get(name, live(name)) for name in ("temperature", "prompt"))
        # Repeated requests should give different texts.
        random = np.random.default_rng([self.settings.run.seed, step] if asked is None else None)
        options = SamplingOptions(temperature, live("top_k"), live("top_p"))
        # A sample without prompt starts after a line end, where a text of paragraphs continues with an empty line.
        pieces = self._sampled(prompt, live("sample_length"), options, random)
        sampled = joined(pieces)
        text = sampled.lstrip("\n")
        if not text:
            return None
        copied = self._memorisation.measure(text)
        record = {
            "temperature": options.temperature, "prompt": prompt, "text": text,
            **surprise_fields(pieces, skipped=len(sampled) - len(text)), **_copied_fields(text, copied),
        }  # fmt: skip
        return Sample(record, {"copied": {"step": step, **copied}})

    def _sampled(self, prompt: str, length: int, options: SamplingOptions, random: np.random.Generator) -> list[Piece]:
        self._evaluated_on_host.refresh()
        return self.sampler.written(prompt, length, options, random, self.check) if length else []

    def probe_gates(self, step: int) -> None:
        """Write the saturation of the gates over the next window of some of the streams."""
        reader = self._gate_reader
        if self.model.B <= PROBED_STREAMS or self.model.device.name != "cpu":
            self._observe(step)
            return
        if reader is None or reader.T != self.model.T:
            reader = self._gate_reader = LanguageModel(
                self.settings, self.weights, self.model.T, PROBED_STREAMS,
                threads=self.settings.run.threads, backward=False,
            )  # fmt: skip
        reader.pack()
        reader.set_states({name: states[:PROBED_STREAMS] for name, states in self.model.states().items()})
        reader.observe(self.streams.window(self.streams.position(step).window)[0][:, :PROBED_STREAMS])
        self.writer.saturation(step, reader.cell.gate_names, **gate_statistics.saturation(reader))

    def _observe(self, step: int) -> Array:
        """Read the next window, write the saturation of its gates, and return its tokens that have gates (T, B)."""
        tokens = self.streams.window(self.streams.position(step).window)[0]
        first = self.model.observe(tokens)
        self.writer.saturation(step, self.model.cell.gate_names, **gate_statistics.saturation(self.model))
        return tokens[first:]

    def probe(self, step: int) -> None:
        """Write saturation, gates and gradient flow of the next window."""
        tokens, gates = self._observe(step)[:, 0], self.model.cell.gate_names
        self.writer.window(step, gates, gate_statistics.gate_window(self.model), tokens)
        if self._flow is not None:
            self._trained_on_host.refresh()
            self.writer.gradient(**self._flow.measure(step).arrays())

    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return the figures of validation and test text, and the overlap of a long sample with the training text."""
        s, results = self.settings, {"copied": self._memorised(live, step)}
        for name, split in _splits(self.data):
            if name != "train" and len(split.tokens) > 1:
                max_tokens = 0 if share == 1 else max(1, int(share * len(split.tokens)))
                evaluator = Evaluator(
                    s,
                    self.optimizer.evaluated,
                    split,
                    self.data.tokenizer,
                    max_tokens=max_tokens,
                    threads=s.run.threads,
                )
                results[name] = {**evaluator.run(between=self.check).as_dict(), "whole": share == 1}
        return results

    def _memorised(self, live: Live, step: int) -> dict[str, Any] | None:
        """Measure the overlap of a long sample with the training text; None if sampling is off."""
        if live("sample_length") == 0:
            return None
        options = SamplingOptions(live("temperature"), live("top_k"), live("top_p"))
        random = np.random.default_rng([self.settings.run.seed, step, 1])
        return self._memorisation.measure(joined(self._sampled("", MEMORISATION_CHARACTERS, options, random)))


def _copied_fields(text: str, copied: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the longest passage of the training text stands in a sample, and what unseen text shares with it."""
    at = text.find(copied["text"]) if copied["text"] else -1
    return {} if at < 0 else {"copied": [at, copied["characters"]], "usual": copied["usual"]}


def _splits(data: Dataset) -> tuple[tuple[str, Split], ...]:
    return ("train", data.train), ("valid", data.valid), ("test", data.test)


def _beginning(data: Dataset) -> str:
    """Return an example prompt from the validation text, or else from the training text."""
    splits = (split for split in (data.valid, data.train) if len(split.tokens))
    texts = (data.tokenizer.text(split.tokens[:BEGINNING_TOKENS]) for split in splits)
    return next(filter(None, map(text_beginning.example_prompt, texts)), "")
