"""Graphs of encoders and decoders in ONNX Runtime, against the engine."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from support import exported_sequences

from lstmtui.config import CELLS
from lstmtui.engine.nn.incremental_caption import IncrementalCaption
from lstmtui.engine.nn.incremental_translation import IncrementalTranslation
from lstmtui.exchange.onnx_encoder_decoder import decoder, encoder


def run(graph, inputs):
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def compare(exported, writes, source, lengths, inputs):
    """Compare what is read of sources, and three steps of a decoder, with those of the engine."""
    model, V = exported.model, exported.model.target.size
    writes.begin(source, lengths)
    found = run(encoder(model), inputs)
    memory, keys, _ = writes._encoded
    # The states of a minGRU have no bound: they are compared in proportion.
    np.testing.assert_allclose(found["memory"], memory, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["keys"], keys, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found["mask"].sum(axis=1), lengths)
    graph = decoder(model)
    for step in range(3):
        token = np.array([(2 * b + step) % V for b in range(len(lengths))])
        after = run(graph, {"token": token, **found})
        following = writes.step(token.astype(np.int32))
        for b in range(len(lengths)):
            expected = writes.log_p(b, np.arange(V))
            # Logarithms of about -10 in float32, after sums in another order.
            np.testing.assert_allclose(after["log_probabilities"][b], expected, atol=1e-5, rtol=2e-6)
        np.testing.assert_allclose(after["attention"], following.attention, atol=1e-5)
        found.update({name: after[f"{name}_after"] for name in CELLS[model.cell].states})


@pytest.mark.parametrize("cell", CELLS)
def test_sources_of_different_lengths_are_translated_as_the_engine_does(cell):
    exported = exported_sequences.translation(cell, joint=cell == "lstm", tokens="bytes" if cell == "lstm" else "words")
    lengths = np.array([5, 2, 4], np.int32)
    source = np.random.default_rng(1).integers(0, exported.model.source.size, (5, 3)).astype(np.int32)
    writes = IncrementalTranslation(exported.sizes, exported.weights, (5, 3, 1), compute=exported_sequences.COMPUTE)
    inputs = {"tokens": source.T.astype(np.int64), "lengths": lengths.astype(np.int64)}
    compare(exported, writes, source, lengths, inputs)


@pytest.mark.parametrize("cell", CELLS)
def test_pictures_are_described_as_the_engine_does(cell):
    exported = exported_sequences.captions(cell, vectors=3 if cell == "rnn" else 4, layers=1 if cell == "lstm" else 2)
    S = exported.sizes.grid.positions
    vectors = np.random.default_rng(1).normal(size=(S, 2, exported.sizes.vector)).astype(np.float32) / 4
    writes = IncrementalCaption(exported.sizes, exported.weights, (2, 1), compute=exported_sequences.COMPUTE)
    compare(exported, writes, vectors, np.full(2, S, np.int32), {"vectors": vectors.swapaxes(0, 1)})
