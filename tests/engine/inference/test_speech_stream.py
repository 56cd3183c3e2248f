"""Streams: segments end at pauses, whatever the size of what arrives; one direction and both."""

from __future__ import annotations

import numpy as np
import pytest
from support.in_process import train
from support.speech_run import RATE, create, spoken

from lstmtui.engine.inference import loaded_recogniser
from lstmtui.engine.inference.ctc_search import DEFAULT
from lstmtui.engine.inference.error_rates import word_errors
from lstmtui.engine.inference.speech_stream import SpeechStream

TEXTS = ["ab", "cab", "bb"]


@pytest.fixture(scope="module", params=["both", "forward"])
def transcriber(request, tmp_path_factory):
    run = create(tmp_path_factory.mktemp("runs"), steps=150, eval_every=150, directions=request.param)
    assert train(run) == "finished"
    return loaded_recogniser.load(run)


def samples():
    """Return texts with pauses of a second between them."""
    return np.concatenate([spoken(f"{text}{' ' * 10}", n) for n, text in enumerate(TEXTS)])


def stream(transcriber, block, sound=None):
    """Return the segments, the frames, and what was heard at present after each block."""
    listening, sound = SpeechStream(transcriber, RATE, DEFAULT), samples() if sound is None else sound
    segments, frames, present = [], [], []
    for at in range(0, len(sound), block):
        found, new = listening.feed(sound[at : at + block])
        segments += found
        frames.append(new)
        present.append(listening.present.text)
        assert len(listening.present_log_probabilities) <= transcriber.max_frames
    found, new = listening.finish()
    return segments + found, np.concatenate([*frames, new]), present


def test_segments_end_at_pauses(transcriber):
    segments, frames, present = stream(transcriber, RATE // 10)
    assert len(segments) >= 2
    assert word_errors([" ".join(TEXTS)], [" ".join(segment.text for segment in segments)]).rate <= 0.5
    times = [time for segment in segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert len(frames) == pytest.approx(len(samples()) / RATE * 100, abs=2)
    assert any(present)


def test_words_are_heard_before_their_segment_ends(transcriber):
    listening = SpeechStream(transcriber, RATE, DEFAULT)
    segments, _ = listening.feed(spoken("cab", 3))
    assert segments == []
    assert listening.present.text


def test_silence_ends_nothing(transcriber):
    assert stream(transcriber, 1000, np.zeros(3 * RATE, np.float32))[0] == []
    assert stream(transcriber, 1000, np.zeros(0, np.float32))[0] == []


def test_speech_without_pauses_is_cut(transcriber):
    sound = np.concatenate([spoken("abcabc", n) for n in range(8)])
    segments, _, _ = stream(transcriber, RATE // 4, sound)
    assert len(segments) >= 2
    assert all(segment.end - segment.start <= transcriber.max_frames / 100 + 0.01 for segment in segments)


def test_the_size_of_blocks_changes_nothing_for_one_direction(transcriber):
    if transcriber.sizes.both:
        return  # reads again at other moments
    found = [[segment.text for segment in stream(transcriber, block)[0]] for block in (100, 800)]
    assert found[0] == found[1]
