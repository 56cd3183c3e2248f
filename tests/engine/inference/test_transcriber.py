"""Recordings to text: files of any rate, pieces of long ones, silence, words that follow each other in time."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from support.in_process import train
from support.recordings import wav_bytes, write_wav
from support.speech_run import RATE, create, spoken, texts

from lstmtui.data.audio import AudioError
from lstmtui.data.resampling import resample
from lstmtui.engine.inference import loaded_recogniser
from lstmtui.engine.inference.ctc_search import SearchOptions
from lstmtui.engine.inference.error_rates import word_errors


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = create(tmp_path_factory.mktemp("runs"), steps=150, eval_every=150)
    assert train(run) == "finished"
    return run


@pytest.fixture
def transcriber(run):
    return loaded_recogniser.load(run)


def heard(transcriber, source, **options):
    return [segment.text for segment in transcriber.transcribe(source, **options)]


def test_it_hears_what_was_said(transcriber, tmp_path):
    wanted = texts(20, seed=9)
    found = [
        " ".join(heard(transcriber, write_wav(tmp_path / f"{n}.wav", spoken(text, 100 + n))))
        for n, text in enumerate(wanted)
    ]
    assert word_errors(wanted, found).rate < 0.2


@pytest.mark.parametrize("rate", [16000, 44100])
def test_other_rates_are_resampled(transcriber, tmp_path, rate):
    samples = spoken("abc cab")
    (at_own,) = heard(transcriber, write_wav(tmp_path / "own.wav", samples))
    assert heard(transcriber, write_wav(tmp_path / "other.wav", resample(samples, RATE, rate), rate)) == [at_own]


def test_streams_are_read_as_files_are(transcriber, tmp_path):
    samples = spoken("cab")
    path = write_wav(tmp_path / "a.wav", samples)
    stream = io.BytesIO(wav_bytes(samples, RATE))
    assert heard(transcriber, stream, name="standard input") == heard(transcriber, path)


def test_words_have_times_in_order_and_confidences(transcriber, tmp_path):
    samples = np.concatenate([np.zeros(RATE // 2, np.float32), spoken("ab cc"), np.zeros(RATE // 2, np.float32)])
    (segment,) = transcriber.transcribe(write_wav(tmp_path / "a.wav", samples))
    assert (segment.start, segment.end) == pytest.approx((0, len(samples) / RATE), abs=0.02)
    times = [time for word in segment.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] > 0.4
    assert times[-1] < segment.end - 0.4
    assert all(0 < word.confidence <= 1 for word in segment.words)


def test_a_long_recording_is_cut_between_words(transcriber, tmp_path):
    sentences = ["ab", "cab a", "bb c", "ca ab"] * 3
    samples = np.concatenate([spoken(f"{text}     ", n) for n, text in enumerate(sentences)])  # half a second between
    done = []
    path = write_wav(tmp_path / "long.wav", samples)
    segments = list(transcriber.transcribe(path, progress=lambda *args: done.append(args)))
    assert len(segments) > 1
    assert word_errors([" ".join(sentences)], [" ".join(segment.text for segment in segments)]).rate < 0.3
    assert done[-1] == pytest.approx((len(samples) / RATE, len(samples) / RATE, False), abs=0.02)
    for before, after in itertools.pairwise(segments):
        assert before.start < before.end <= after.start < after.end


def test_an_overdriven_recording_is_seen(transcriber, tmp_path):
    done = []
    path = write_wav(tmp_path / "loud.wav", np.clip(9 * spoken("ab"), -1, 1))
    list(transcriber.transcribe(path, progress=lambda *args: done.append(args[2])))
    assert done[0] is False
    assert done[-1] is True


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.zeros(3), 1e-2 * np.random.default_rng(1).normal(size=RATE)])
def test_silence_and_noise_have_no_text(transcriber, tmp_path, samples):
    assert heard(transcriber, write_wav(tmp_path / "a.wav", samples.astype(np.float32))) == []


def test_what_is_no_recording_raises(transcriber, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and more")
    with pytest.raises(AudioError, match="PNG"):
        heard(transcriber, path)


def test_labels_without_text_are_never_heard(transcriber):
    frames = np.random.default_rng(1).normal(size=(50, transcriber.speech.mel)).astype(np.float32)
    assert (transcriber.log_probabilities(frames)[:, 1] < -1e20).all()
    assert SearchOptions().least > -1e20
