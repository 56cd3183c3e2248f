"""What a run would cost, before it starts: python -m lstmtui.engine.forecast; JSON lines in, JSON lines out.

    {"op": "ask", "settings": {...}}       parameters, flop_per_token, memory_mb, vocabulary, tokens; at once
    {"op": "measure", "settings": {...}}   those, and tokens_per_second: a training step on this machine, compiled

Settings are those of a run, resolved. An answer may be {"error": sentence, "exit_code": n}. The first measurement of
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
from lstmtui.config import Settings
from lstmtui.data import tokens
from lstmtui.data.corpus import resolve
from lstmtui.data.sources import Source
from lstmtui.engine.model import Network, window_numbers
from lstmtui.engine.optimizer import Optimizer
from lstmtui.engine.params import Arena, parameters
from lstmtui.engine.plan import seconds_of
from lstmtui.engine.stack import Dropout
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.files import to_json

SAMPLE = 2_000_000
"""Bytes of the text that are looked at to guess its vocabulary and how many bytes a token takes."""
PROGRAM_MB = 185.0
"""What an engine takes beside its arrays: Python, Numba, compiled kernels."""
SECONDS = 0.6
"""How long steps are timed."""


class Forecast:
    """Answers one question after the other; what was read and measured once is kept."""

    def __init__(self) -> None:
        self._texts: dict[tuple[Any, ...], tuple[int, int]] = {}
        self._speeds: dict[tuple[Any, ...], float] = {}

    def ask(self, s: Settings) -> dict[str, Any]:
        """Return what can be told without computing. Raises UsageError."""
        vocabulary, count = self._text(s)
        layout = parameters(s, vocabulary)
        count_weights = sum(int(np.prod(p.shape)) for p in layout)
        products = sum(p.shape[0] * p.shape[1] for p in layout if p.name.endswith((".W_ih", ".W_hh", ".W")))
        products += vocabulary * (s.hidden or 0) * bool(s.tied)
        copies = 4 + bool(s.ema)  # weights, gradients, moments, average
        parts = {
            "program": PROGRAM_MB,
            "weights": 4 * count_weights / 1e6,
            "optimizer": 4 * (copies - 1) * count_weights / 1e6,  # and gradients
            "activations": 4 * window_numbers(s, vocabulary, s.bptt or 1, s.batch or 1) / 1e6,
        }
        return {
            "vocabulary": vocabulary,
            "tokens": count,
            "parameters": count_weights,
            "flop_per_token": 6 * products,
            "memory_mb": sum(parts.values()),
            "memory_parts": parts,
            "machine_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6,
        }

    def measure(self, s: Settings) -> dict[str, Any]:
        """Return what `ask` does, and the tokens a second that training takes here. Raises UsageError, MemoryError."""
        told = self.ask(s)
        if told["memory_mb"] > 0.8 * told["machine_mb"]:
            raise UsageError("That network does not fit this machine's memory; choose fewer or smaller layers.")
        key = (
            s.cell,
            s.layers,
            s.hidden,
            s.embedding,
            s.tied,
            s.batch,
            s.bptt,
            s.threads,
            s.recompute,
            told["vocabulary"],
        )
        if key not in self._speeds:
            self._speeds[key] = _speed(s, told["vocabulary"])
        return {**told, "tokens_per_second": self._speeds[key]}

    def _text(self, s: Settings) -> tuple[int, int]:
        """Return about how many kinds of tokens the corpus has, and how many tokens to train on."""
        key = (s.corpus, s.tokens, s.vocabulary)
        if key not in self._texts:
            source = resolve(s.corpus)
            self._texts[key] = _counted(source if s.tokens == "bytes" else source.as_text(), s)
        vocabulary, count = self._texts[key]
        return vocabulary, int(count * (1 - s.valid_fraction - s.test_fraction))


def _counted(source: Source, s: Settings) -> tuple[int, int]:
    sample = b""
    for chunk in source.chunks():
        sample += chunk
        if len(sample) >= SAMPLE:
            break
    sample = sample[:SAMPLE].decode("utf-8", errors="ignore").encode() if s.tokens != "bytes" else sample[:SAMPLE]
    if not sample:
        raise UsageError(f"The corpus {source.name} is empty; give another text.")
    if s.tokens == "bpe":
        return s.vocabulary or 2000, round(source.bytes / 3.5)  # as many bytes a token as English has, about
    tokenizer = tokens.train(s.tokens, iter([sample]), s.vocabulary)
    return tokenizer.size, round(source.bytes * len(tokenizer.encode(sample)) / len(sample))


def _speed(s: Settings, vocabulary: int) -> float:
    weights = Arena(parameters(s, vocabulary))
    weights.initialise(s.seed)
    T, B, threads = s.bptt or 1, s.batch or 1, s.threads or 1
    network = Network(s, weights, T, B, threads=threads, backward=True)
    optimizer = Optimizer(s, weights, threads)
    x, y = np.random.default_rng(0).integers(0, vocabulary, (2, T, B)).astype(np.int32)
    drop = Dropout(s.dropout_in or 0.0, s.dropout or 0.0, s.weight_drop, key=1)

    def step() -> None:
        network.gradient(x, y, drop)
        norm = optimizer.norm(network.gradients)
        optimizer.apply(network.gradients, norm=norm, step=1, lr=1e-6, clip=1.0, weight_decay=0.0)
        network.carry()

    for _ in range(2):  # compile, and warm up
        step()
    return T * B / seconds_of(step, at_least=SECONDS, most=1000)


def answer(forecast: Forecast, line: str) -> dict[str, Any]:
    """Return the answer to one line."""
    try:
        asked = json.loads(line)
        where = "the plan"
        settings = Settings(
            **{
                name: config.convert(name, value, where)
                for name, value in asked["settings"].items()
                if value is not None
            }
        )
        return forecast.measure(settings) if asked.get("op") == "measure" else forecast.ask(settings)
    except LstmtuiError as error:
        return {"error": str(error), "exit_code": error.exit_code}
    except MemoryError:
        return {"error": "That network does not fit the memory; choose fewer or smaller layers.", "exit_code": 1}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return {"error": f"The plan cannot be made ({type(error).__name__}: {error}).", "exit_code": 1}


def main() -> int:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    forecast = Forecast()
    for line in sys.stdin:
        print(to_json(answer(forecast, line)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
