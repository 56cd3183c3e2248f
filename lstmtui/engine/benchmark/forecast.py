"""What a run would cost, before it starts: python -m lstmtui.engine.benchmark.forecast; JSON lines in, JSON lines out.

    {"op": "ask", "settings": {...}}       parameters, flop_per_token, memory_mb, vocabulary, tokens; at once
    {"op": "measure", "settings": {...}}   those, and tokens_per_second: a training step on this machine, compiled;
                                           seconds_per_evaluation and seconds_around: what a run spends besides;
                                           gpu_memory_mb: what it takes of a GPU's memory, null on the processor

RunSettings are those of a run, resolved. An answer may be {"error": sentence, "exit_code": n}. The first measurement of
a cell compiles it, which takes up to a minute where that was never done.
"""

from __future__ import annotations

import json
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
from lstmtui.engine.answering import answer_stdin
from lstmtui.engine.backend import CELLS, Device, device
from lstmtui.engine.inference.evaluate import evaluation_shape
from lstmtui.engine.nn.language_model import Network, numbers_a_step, window_numbers
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.engine.nn.recurrent import Dropout, Penalty
from lstmtui.engine.training.setup import check_room, device_bytes
from lstmtui.engine.training.step_plan import seconds_of
from lstmtui.engine.training.time_budget import LAST
from lstmtui.errors import LstmtuiError, UsageError

SAMPLE = 2_000_000
"""Bytes of the text that are looked at to guess its vocabulary and how many bytes a token takes."""
PROGRAM_MB = 173.0
"""What an engine takes beside its arrays: Python, Numba, compiled kernels."""
SECONDS = 1.5
"""How long steps are timed."""
START = 3.0
"""Seconds until a run trains, where its kernels have been compiled and its text has been read before."""


class Forecast:
    """Answers one question after the other; what was read and measured once is kept."""

    def __init__(self) -> None:
        self._texts: dict[DataSettings, tuple[int, int, int]] = {}
        self._speeds: dict[tuple[Any, ...], float] = {}

    def ask(self, s: RunSettings) -> dict[str, Any]:
        """Return what can be told without computing. Raises UsageError."""
        vocabulary, count, valid = self._text(s)
        layout = parameters(s, vocabulary)
        count_weights = sum(int(np.prod(p.shape)) for p in layout)
        layers = sum(p.shape[0] * p.shape[1] for p in layout if p.name.endswith((".W_ih", ".W_hh")))
        products = layers + vocabulary * s.network.hidden
        numbers = {
            "weights": count_weights + layers,  # which are packed for the products too
            "optimizer": (2 + (s.optimisation.optimizer == "adamw") + bool(s.optimisation.ema))
            * count_weights,  # and gradients
            "activations": window_numbers(s, vocabulary, s.length.bptt, s.length.batch),
            "evaluation": _numbers_to_evaluate(s, vocabulary, valid, layers),
        }
        parts = {"program": PROGRAM_MB, **{name: 4 * number / 1e6 for name, number in numbers.items()}}
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
        """Return what `ask` does, and the tokens a second that training takes here. Raises UsageError, MemoryError."""
        told, on = self.ask(s), device(s.run.device)
        T, B, V = s.length.bptt, s.length.batch, told["vocabulary"]
        check_room(s, V, T, B, on)
        if on.name == "cpu" and told["memory_mb"] > 0.8 * told["machine_mb"]:
            raise UsageError("That network does not fit this machine's memory; choose fewer or smaller layers.")
        # What decides the speed: all of the network and its regularisers, nothing of the text but its vocabulary.
        shaping = s.changed(corpus=(), valid=(), test=(), steps=1, seed=0)
        key = (shaping, V)
        if key not in self._speeds:
            self._speeds[key] = _speed(s, V, on)
        speed = self._speeds[key]
        gpu = None if on.name == "cpu" else device_bytes(s, V, T, B) / 1e6
        return {**told, "gpu_memory_mb": gpu, "tokens_per_second": speed, **_besides(s, told, speed)}

    def _text(self, s: RunSettings) -> tuple[int, int, int]:
        """Return about how many kinds of tokens the corpus has, and how many tokens to train on and to validate."""
        if s.data not in self._texts:
            self._texts[s.data] = _counted(open_corpus(s.data), s)
        return self._texts[s.data]


def _counted(texts: Corpus, s: RunSettings) -> tuple[int, int, int]:
    """Return about how many kinds of tokens there are, and how many tokens to train on and to validate."""
    sample = b""
    source = texts.vocabulary.source
    for chunk in source.chunks():
        sample += chunk
        if len(sample) >= SAMPLE:
            break
    sample = sample[:SAMPLE].decode("utf-8", errors="ignore").encode() if s.data.tokens != "bytes" else sample[:SAMPLE]
    if not sample:
        raise UsageError(f"The corpus {source.name} is empty; give another text.")
    if s.data.tokens == "bpe":
        vocabulary, per_byte = s.data.vocabulary or 2000, 1 / 3.5  # as many bytes a token as English has, about
    else:
        tokenizer = tokens.train(s.data.tokens, iter([sample]), s.data.vocabulary)
        vocabulary, per_byte = tokenizer.size, len(tokenizer.encode(sample)) / len(sample)
    train, valid = (round(per_byte * texts.ranges[role].length) for role in ("train", "valid"))
    return vocabulary, train, valid


def _speed(s: RunSettings, vocabulary: int, on: Device) -> float:
    weights = Arena(parameters(s, vocabulary), device=on)
    weights.initialise(s.run.seed)
    T, B, threads = s.length.bptt, s.length.batch, s.run.threads
    network = Network(s, weights, T, B, threads=threads, backward=True)
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
        network.gradient(x, y, drop, penalties)
        norm = optimizer.norm(network.gradients)
        optimizer.apply(network.gradients, norm=norm, step=1, lr=1e-6, clip=1.0, weight_decay=0.0)
        network.carry()

    for _ in range(2):  # compile, and warm up
        step()
    return T * B / seconds_of(step, at_least=SECONDS, most=1000)


def _token_bytes(vocabulary: int) -> int:
    """Return the bytes that a token takes in its file."""
    return 1 if vocabulary <= 1 << 8 else 2 if vocabulary <= 1 << 16 else 4


def _numbers_to_evaluate(s: RunSettings, V: int, valid: int, layers: int) -> int:
    """Return how many numbers are held to evaluate, to write samples and to follow gradients.

    Each of them has the weights of the layers packed once more, and buffers for what it reads at once; the last two
    have those of the softmax too.
    """
    cell, H, L = CELLS[s.network.cell], s.network.hidden, s.network.layers
    kept = numbers_a_step(cell)
    T, B = evaluation_shape(min(valid, s.run.eval_tokens or valid), s.run.threads, V)
    evaluates = layers + T * B * (V + kept * L * H) if valid > 1 else 0
    writes = layers + V * H
    follows = layers + V * H + SEQUENCES * (CHUNK * kept * L * H + LAGS * (kept + 2) * L * H)
    return evaluates + writes + follows


def _besides(s: RunSettings, told: dict[str, Any], speed: float) -> dict[str, float]:
    """Return the seconds of an evaluation with all that is done then, and those before and after training.

    From counts: a token is read for two fifths of what training on it costs (as `setup.make_plan` has it), following
    gradients costs as much as training on about as many tokens as it reads, a sample reads all weights for each token,
    and a checkpoint is digested and written at some hundred MB a second.
    """
    read, weights_mb = 0.4 / speed, 4e-6 * told["parameters"]
    valid = told["valid_tokens"]
    length = {"words": 5.5, "bpe": 3.5}.get(s.data.tokens, 1.0)
    sample = s.sampling.sample_length / length * (30e-6 + weights_mb / 10_000)
    look = SEQUENCES * (CONTEXT + LAGS) / speed + sample + 3 * weights_mb / 300
    last = read * valid if s.length.minutes is None else min(read * valid, LAST * 60 * s.length.minutes)
    return {
        "seconds_per_evaluation": look + read * min(valid, s.run.eval_tokens or valid),
        "seconds_around": START + last + look + 2000 / max(1, s.sampling.sample_length or 400) * sample,
    }


def answer(forecast: Forecast, line: bytes | str) -> dict[str, Any]:
    """Return the answer to one line."""
    try:
        asked = json.loads(line)
        where = "the plan"
        given = {name: config.convert(name, value, where) for name, value in asked["settings"].items()}
        settings = RunSettings.from_values(given)
        return forecast.measure(settings) if asked.get("op") == "measure" else forecast.ask(settings)
    except LstmtuiError as error:
        return {"error": str(error), "exit_code": error.exit_code}
    except MemoryError:
        return {"error": "That network does not fit the memory; choose fewer or smaller layers.", "exit_code": 1}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return {"error": f"The plan cannot be made ({type(error).__name__}: {error}).", "exit_code": 1}


def main() -> int:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    forecast = Forecast()
    return answer_stdin(lambda line: [answer(forecast, line)])


if __name__ == "__main__":
    sys.exit(main())
