"""Pieces of a recording: bounded, complete, and cut where it is quiet."""

from __future__ import annotations

import numpy as np
import pytest

from lstmtui.engine.inference.speech_pieces import Piece, Pieces, is_speech, quietest, trimmed


def speech(n, pauses=(), seed=1):
    frames = np.random.default_rng(seed).normal(-4, 1, (n, 5)).astype(np.float32)
    for start, end in pauses:
        frames[start:end] -= 8
    return frames


@pytest.mark.parametrize("block", [7, 100, 5000])
def test_pieces_are_the_recording(block):
    frames, pieces, found = speech(1234), Pieces(300, 5), []
    for at in range(0, len(frames), block):
        found += pieces.feed(frames[at : at + block])
    found += pieces.finish()
    np.testing.assert_array_equal(np.concatenate([piece.frames for piece in found]), frames)
    starts = np.cumsum([0, *(len(piece.frames) for piece in found)])
    assert [piece.first for piece in found] == starts[:-1].tolist()
    assert all(100 <= len(piece.frames) <= 300 for piece in found[:-1])
    assert pieces.finish() == []


def test_cuts_fall_into_pauses():
    frames, pieces = speech(900, [(250, 290), (440, 480), (700, 740)]), Pieces(400, 5)
    found = [*pieces.feed(frames), *pieces.finish()]
    cuts = [piece.first for piece in found[1:]]
    assert [any(start < cut < end for start, end in ((250, 290), (440, 480), (700, 740))) for cut in cuts] == [
        True
    ] * len(cuts)
    assert 2 <= len(cuts) <= 3


def test_the_middle_of_silence_is_the_quietest():
    frames = speech(300)
    frames[120:200] = -15
    assert 150 <= quietest(frames, 10) <= 170
    assert quietest(np.full((50, 5), -15.0), 10) == 30


def test_a_short_recording_is_one_piece():
    frames, pieces = speech(30), Pieces(400, 5)
    assert pieces.feed(frames) == []
    (piece,) = pieces.finish()
    np.testing.assert_array_equal(piece.frames, frames)


def test_silence_and_steady_noise_are_no_speech():
    assert not is_speech(np.zeros((0, 40)))
    assert not is_speech(np.full((100, 40), -15.9))
    assert not is_speech(np.random.default_rng(1).normal(-9, 1, (500, 40)))
    frames = np.random.default_rng(1).normal(-9, 1, (500, 40))
    frames[100:150] += 4
    assert is_speech(frames)


def test_no_length_raises():
    with pytest.raises(ValueError, match="0 frames"):
        Pieces(0, 5)


def test_silence_at_the_ends_is_trimmed():
    frames = speech(400, [(0, 150), (300, 400)])
    found = trimmed(Piece(1000, frames))
    assert 1100 <= found.first <= 1130
    assert 320 <= found.first - 1000 + len(found.frames) <= 350
    np.testing.assert_array_equal(found.frames, frames[found.first - 1000 :][: len(found.frames)])
    for same in (speech(0), speech(1), np.full((50, 5), -15.0)):
        assert len(trimmed(Piece(3, same)).frames) == len(same)
