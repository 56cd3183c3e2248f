"""Graphs of recognisers in ONNX Runtime, against the engine."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from support import exported_sequences

from lstmtui.config import CELLS
from lstmtui.engine.nn.speech_model import SpeechModel
from lstmtui.exchange.onnx_speech import recogniser

LENGTHS = np.array([6, 2, 5])


def session(exported):
    graph = recogniser(exported.model).SerializeToString()
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


def states(exported, batch):
    return {name: np.zeros((2, batch, 8), np.float32) for name in CELLS[exported.model.cell].states}


def features(exported):
    return np.random.default_rng(1).normal(size=(6, 3, exported.sizes.features)).astype(np.float32)


def compare(found, exported, frames):
    """Compare log probabilities of a batch with the engine's; what lies behind the end of an utterance is nothing."""
    model = SpeechModel(exported.sizes, exported.weights, (6, 3, 1), compute=exported_sequences.COMPUTE)
    expected = model.recognise(frames, LENGTHS.astype(np.int32))
    for b, n in enumerate(LENGTHS):
        np.testing.assert_allclose(found[:n, b], expected[:n, b], atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_utterances_of_different_lengths_are_heard_in_both_directions_as_the_engine_does(cell):
    exported = exported_sequences.speech(cell)
    frames = features(exported)
    (found,) = session(exported).run(None, {"features": frames, "lengths": LENGTHS})
    compare(found, exported, frames)


@pytest.mark.parametrize("cell", CELLS)
def test_a_stream_goes_on_from_the_states_at_the_end_of_each_utterance(cell):
    exported = exported_sequences.speech(cell, directions="forward")
    frames, runtime = features(exported), session(exported)
    whole, *last = runtime.run(None, {"features": frames, "lengths": LENGTHS, **states(exported, 3)})
    compare(whole, exported, frames)
    # Each utterance in two parts, the first of which ends elsewhere in each.
    first, rest = np.array([4, 1, 2]), np.zeros_like(frames)
    for b, n in enumerate(first):
        rest[: 6 - n, b] = frames[n:, b]
    begun, *carried = runtime.run(None, {"features": frames, "lengths": first, **states(exported, 3)})
    carried = dict(zip(states(exported, 3), carried, strict=True))
    then, *after = runtime.run(None, {"features": rest, "lengths": LENGTHS - first, **carried})
    for b, n in enumerate(first):
        found = np.concatenate([begun[:n, b], then[: LENGTHS[b] - n, b]])
        np.testing.assert_allclose(found, whole[: LENGTHS[b], b], atol=1e-5)
    for state, again in zip(last, after, strict=True):
        np.testing.assert_allclose(again, state, atol=1e-5)
