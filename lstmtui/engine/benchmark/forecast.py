"""Predicts what a run costs before it starts.

    python -m lstmtui.engine.benchmark.forecast      JSON lines in, JSON lines out

    {"op": "ask", "settings": {...}}       parameters, flop_per_token, memory_mb, vocabulary, tokens; at once
    {"op": "measure", "settings": {...}}   those; tokens_per_second of compiled training steps on this machine;
                                           seconds_per_evaluation, and seconds_around before and after training;
                                           gpu_memory_mb: memory on a GPU, null on the processor

Settings are resolved ones (`RunSettings`). An answer may be {"error": sentence, "exit_code": n}. The first measurement
of a cell compiles its kernels, up to a minute, unless they are in the cache.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.config import DataSettings, RunSettings
from lstmtui.data import tokens
from lstmtui.data.corpus import Corpus, open_corpus
from lstmtui.engine.analysis.gradient_flow import CHUNK, CONTEXT, LAGS, SEQUENCES
from lstmtui.engine.answering import Answers, Operation, answer_request, answer_stdin, dispatch
from lstmtui.engine.backend import CELLS, Device, device
from lstmtui.engine.inference.evaluate import evaluation_shape
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.nn.memory_size import activation_count, check_room, device_bytes, values_per_unit_step
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.engine.nn.recurrent import Dropout, Penalty
from lstmtui.engine.nn.training_step import Update, take_step
from lstmtui.engine.step_plan import median_seconds
from lstmtui.engine.training.time_budget import MAX_FINAL_SHARE
from lstmtui.errors import UsageError

SAMPLE_BYTES = 2_000_000
"""Bytes of the text from which its vocabulary and the bytes per token are estimated."""
PROGRAM_MB = 173.0
"""Memory of an engine besides its arrays: Python, Numba, compiled kernels."""
TIMED_SECONDS = 1.5
"""How long steps are timed."""
START_SECONDS = 3.0
"""Seconds until a run trains, with kernels and tokens in the cache."""


class Forecast:
    """Answers one question after the other, and caches what it has read and measured."""

    def __init__(self) -> None:
        self._texts: dict[DataSettings, tuple[int, int, int]] = {}
        self._speeds: dict[tuple[Any, ...], float] = {}

    def ask(self, s: RunSettings) -> dict[str, Any]:
        """Return the figures that need no measurement. Raises UsageError."""
        vocabulary, count, valid = self._text(s)
        layout = parameters(s, vocabulary)
        count_weights = sum(int(np.prod(p.shape)) for p in layout)
        layers = sum(p.shape[0] * p.shape[1] for p in layout if p.name.endswith((".W_ih", ".W_hh")))
        products = layers + vocabulary * s.network.hidden
        values = {
            "weights": count_weights + layers,  # packed copies for the products included
            "optimizer": (2 + (s.optimisation.optimizer == "adamw") + bool(s.optimisation.ema))
            * count_weights,  # and gradients
            "activations": activation_count(s, vocabulary, s.length.bptt, s.length.batch),
            "evaluation": _values_to_evaluate(s, vocabulary, valid, layers),
        }
        parts = {"program": PROGRAM_MB, **{name: 4 * count / 1e6 for name, count in values.items()}}
        parts["corpus"] = _token_bytes(vocabulary) * (count + valid) / 1e6
        return {
            "vocabulary": vocabulary,
            "tokens": count,
            "valid_tokens": valid,
            "parameters": count_weights,
            "flop_per_token": 6 * products,
            "memory_mb": sum(parts.values()),
            "memory_parts": parts,
            "machine_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6,
        }

    def measure(self, s: RunSettings) -> dict[str, Any]:
        """Return the figures of `ask`, and measured ones. Raises UsageError, MemoryError."""
        figures, on = self.ask(s), device(s.run.device)
        T, B, V = s.length.bptt, s.length.batch, figures["vocabulary"]
        check_room(s, V, T, B, on)
        if on.name == "cpu" and figures["memory_mb"] > 0.8 * figures["machine_mb"]:
            raise UsageError("The network does not fit this machine's memory; choose fewer or smaller layers.")
        # Speed depends on the network and its regularisers, and on nothing of the text but the vocabulary.
        network = s.changed(corpus=(), valid=(), test=(), steps=1, seed=0)
        key = (network, V)
        if key not in self._speeds:
            self._speeds[key] = _measure_speed(s, V, on)
        speed = self._speeds[key]
        gpu = None if on.name == "cpu" else device_bytes(s, V, T, B) / 1e6
        return {**figures, "gpu_memory_mb": gpu, "tokens_per_second": speed, **_other_seconds(s, figures, speed)}

    def _text(self, s: RunSettings) -> tuple[int, int, int]:
        """Return estimates of the vocabulary's size, the training tokens and the validation tokens."""
        if s.data not in self._texts:
            self._texts[s.data] = _estimate_text(open_corpus(s.data), s)
        return self._texts[s.data]


def _estimate_text(texts: Corpus, s: RunSettings) -> tuple[int, int, int]:
    """Estimate the vocabulary's size, the training tokens and the validation tokens from the text's beginning."""
    sample = b""
    source = texts.vocabulary.source
    for chunk in source.chunks():
        sample += chunk
        if len(sample) >= SAMPLE_BYTES:
            break
    sample = sample[:SAMPLE_BYTES]
    if s.data.tokens != "bytes":
        sample = sample.decode("utf-8", errors="ignore").encode()
    if not sample:
        raise UsageError(f"The corpus {source.name} is empty; give another text.")
    if s.data.tokens == "bpe":
        vocabulary, per_byte = s.data.vocabulary or 2000, 1 / 3.5  # about as in English
    else:
        tokenizer = tokens.train(s.data.tokens, iter([sample]), s.data.vocabulary)
        vocabulary, per_byte = tokenizer.size, len(tokenizer.encode(sample)) / len(sample)
    train, valid = (round(per_byte * texts.ranges[role].length) for role in ("train", "valid"))
    return vocabulary, train, valid


def _measure_speed(s: RunSettings, vocabulary: int, on: Device) -> float:
    """Return the tokens a second of training."""
    weights = Arena(parameters(s, vocabulary), device=on)
    weights.initialise(s.run.seed)
    T, B, threads = s.length.bptt, s.length.batch, s.run.threads
    network = LanguageModel(s, weights, T, B, threads=threads, backward=True)
    optimizer = Optimizer(s, weights, threads)
    x, y = np.random.default_rng(0).integers(0, vocabulary, (2, T, B)).astype(np.int32)
    drop = Dropout(
        s.regularisation.dropout_in,
        s.regularisation.dropout,
        s.regularisation.weight_drop,
        key=1,
        tokens=s.regularisation.embedding_dropout,
    )
    penalties = Penalty(s.regularisation.activation_reg, s.regularisation.temporal_reg)

    def step() -> None:
        update = Update(step=1, lr=1e-6, clip=1.0, weight_decay=0.0)
        take_step(optimizer, network.gradients, lambda: network.gradient(x, y, drop, penalties), update)
        network.carry()

    for _ in range(2):  # compiles and warms up
        step()
    return T * B / median_seconds(step, at_least=TIMED_SECONDS, max_calls=1000)


def _token_bytes(vocabulary: int) -> int:
    """Return the bytes of a token in its file."""
    return 1 if vocabulary <= 1 << 8 else 2 if vocabulary <= 1 << 16 else 4


def _values_to_evaluate(s: RunSettings, V: int, valid: int, layers: int) -> int:
    """Return how many values the buffers hold that evaluate, sample and measure the gradient flow.

    Each has its own packed weights of the layers and buffers for the tokens that it reads at once; the last two also
    have packed weights of the softmax.
    """
    cell, H, L = CELLS[s.network.cell], s.network.hidden, s.network.layers
    per_unit = values_per_unit_step(cell)
    T, B = evaluation_shape(min(valid, s.run.eval_tokens or valid), s.run.threads, V)
    evaluation = layers + T * B * (V + per_unit * L * H) if valid > 1 else 0
    sampling = layers + V * H
    gradient_flow = layers + V * H + SEQUENCES * (CHUNK * per_unit * L * H + LAGS * (per_unit + 2) * L * H)
    return evaluation + sampling + gradient_flow


def _other_seconds(s: RunSettings, figures: dict[str, Any], speed: float) -> dict[str, float]:
    """Return the seconds of an evaluation with its sample, probes and checkpoint, and those before and after training.

    Estimated from counts: evaluating a token costs two fifths of training on it (as in `setup.make_plan`), measuring
    the gradient flow costs as much as training on the tokens that it reads, a sample reads all weights for each token,
    and a checkpoint is digested and written at some hundred MB a second.
    """
    evaluation, weights_mb = 0.4 / speed, 4e-6 * figures["parameters"]
    valid = figures["valid_tokens"]
    length = {"words": 5.5, "bpe": 3.5}.get(s.data.tokens, 1.0)
    sample = s.sampling.sample_length / length * (30e-6 + weights_mb / 10_000)
    after = SEQUENCES * (CONTEXT + LAGS) / speed + sample + 3 * weights_mb / 300
    last = (
        evaluation * valid
        if s.length.minutes is None
        else min(evaluation * valid, MAX_FINAL_SHARE * 60 * s.length.minutes)
    )
    return {
        "seconds_per_evaluation": after + evaluation * min(valid, s.run.eval_tokens or valid),
        "seconds_around": START_SECONDS + last + after + 2000 / max(1, s.sampling.sample_length or 400) * sample,
    }


def operations(forecast: Forecast) -> dict[str, Operation]:
    """Return what the process answers, by name; each takes settings as config.toml has them."""

    def ask(settings: dict[str, Any]) -> Answers:
        yield forecast.ask(_settings(settings))

    def measure(settings: dict[str, Any]) -> Answers:
        try:
            yield forecast.measure(_settings(settings))
        except MemoryError as error:
            raise UsageError("The network does not fit the memory; choose fewer or smaller layers.") from error

    return {"ask": ask, "measure": measure}


def _settings(values: dict[str, Any]) -> RunSettings:
    return RunSettings.from_values({name: config.convert(name, value, "the plan") for name, value in values.items()})


def main() -> int:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    known = operations(Forecast())
    return answer_stdin(lambda line: answer_request(lambda request: dispatch(known, request, "ask"), line))


if __name__ == "__main__":
    sys.exit(main())
