"""What tasks with an encoder, attention and a decoder share: translation and captions."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from lstmtui.engine.backend import CPU, Device
from lstmtui.engine.nn.encoder_decoder import Batch
from lstmtui.engine.nn.encoder_decoder_buckets import EncoderDecoderBuckets
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena, log_frequencies
from lstmtui.engine.nn.recurrent import Dropout
from lstmtui.engine.nn.translation_decoder import TranslationDropout
from lstmtui.engine.tasks.example_task import ExampleBatches, ExampleTask
from lstmtui.engine.tasks.task import Regularisers

Array = np.ndarray[Any, Any]


class EncoderDecoderTask(ExampleTask[Batch]):
    """Trains a model of encoder and decoder."""

    model: EncoderDecoderBuckets[Batch]
    weights: Arena
    evaluated: EncoderDecoderBuckets[Batch]
    """The model with the weights that are evaluated."""

    @property
    @abstractmethod
    def training_tokens(self) -> Array:
        """All targets that are trained on."""

    def compute(self, device: Device = CPU) -> Compute:
        """Return how a device computes."""
        run = self.settings.run
        return Compute(device.resolve_precision(run.precision, np.float32), run.threads)

    def initialise(self) -> None:
        """Draw the weights; the initial bias of the softmax is the log frequency of the target tokens."""
        self.weights.initialise(self.settings.run.seed)
        with self.weights.on_host() as views:
            bias = views["softmax.b"]
            bias[...] = log_frequencies(self.training_tokens, len(bias))
        self.optimizer.reset()

    def gradient(self, step: int, regularisers: Regularisers) -> float:
        """Train on the batch of the step."""
        return self.model.gradient(
            self.batch(step), _dropout(regularisers.dropout), self.settings.translation.label_smoothing
        )

    def likelihood(self, batches: ExampleBatches[Batch]) -> dict[str, float]:
        """Return the mean negative log-likelihood of a target in nats, without label smoothing, and its exponential."""
        total, count = 0.0, 0
        for k in range(batches.batches):
            batch = batches.batch(0, k)
            total += float(self.evaluated.evaluate(batch).sum(dtype=np.float64))
            count += batch.predictions
            self.check()
        return {"nll": total / count, "perplexity": math.exp(min(700.0, total / count))}


def labelled(**texts: str) -> str:
    """Return texts on a line each, after their names."""
    return "\n".join(f"{name:<11}  {text or '(nothing)'}" for name, text in texts.items())


def _dropout(drop: Dropout) -> TranslationDropout:
    """Return the rates of a step; those of layers apply to contexts and outputs, as to the outputs of layers."""
    return TranslationDropout(
        embeddings=drop.inputs, context=drop.layers, outputs=drop.layers, weights=drop.weights, key=drop.key
    )
