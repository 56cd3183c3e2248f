"""`transcribe`, over a fake transcriber and a fake microphone."""

from __future__ import annotations

import io
import json
import signal
import sys

import numpy as np
import pytest
import soundfile
from support import fake_transcriber
from support.recordings import tone, wav_bytes, write_wav

from lstmtui.cli import piped, transcribe
from lstmtui.client import microphone, transcriber
from lstmtui.errors import LstmtuiError

RATE = 8000


@pytest.fixture(autouse=True)
def run(make_run, monkeypatch):
    monkeypatch.setattr(transcriber, "Transcriber", fake_transcriber.FakeTranscriber)
    fake_transcriber.asked.clear()
    return make_run("digits")


@pytest.fixture
def wav(tmp_path):
    return str(write_wav(tmp_path / "a.wav", tone()))


@pytest.fixture
def pipe(monkeypatch):
    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))
        monkeypatch.setattr(piped, "is_piped", lambda: True)

    return give


def test_each_segment_is_a_line(lstmtui, wav):
    said = lstmtui("transcribe", "digits", wav)
    assert (said.code, said.out, said.err) == (0, "open it\nnow\n", "")


def test_each_of_several_files_is_a_row(lstmtui, wav, tmp_path):
    silent = write_wav(tmp_path / "silent.wav", tone())
    said = lstmtui("transcribe", "digits", wav, silent)
    assert said.out == f"{wav}\topen it now\n{silent}\t\n"
    assert f"No speech was heard in {silent}." in said.err


def test_speed_is_told_of_what_is_long():
    assert transcribe.progress_words(1.0, 2.0, 5.0) == "100%, 2 s read"
    assert transcribe.progress_words(0.5, 60.0, 2.0) == "50%, 1 min 00 s read, 30 times as fast as it plays"
    assert transcribe.progress_words(None, 60.0, 75.0) == "1 min 00 s read, 0.8 times as fast as it plays"


def test_a_bad_file_among_others_is_reported_and_the_rest_is_read(lstmtui, wav, tmp_path):
    (tmp_path / "b.wav").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(90))
    said = lstmtui("transcribe", "digits", tmp_path / "b.wav", wav, "--json")
    assert said.code == 2
    assert "b.wav is a PNG picture." in said.err
    failed, found = map(json.loads, said.out.splitlines())
    assert failed["error"].endswith("is a PNG picture.")
    assert found["text"] == "open it now"


def test_json_has_times_and_confidences(lstmtui, wav):
    found = json.loads(lstmtui("transcribe", "digits", wav, "--json").out)
    assert (found["file"], found["seconds"], found["text"]) == (wav, 6.0, "open it now")
    assert found["words"][1] == {"text": "it", "start": 1.0, "end": 1.25, "confidence": 0.75}
    assert found["segments"][1] == {"start": 4.0, "end": 5.0, "text": "now"}


def test_subtitles_are_numbered_through(lstmtui, wav):
    assert lstmtui("transcribe", "digits", wav, "--srt").out == (
        "1\n00:00:00,500 --> 00:00:01,500\nopen it\n\n2\n00:00:04,125 --> 00:00:05,125\nnow\n\n"
    )


def test_a_language_model_is_a_run(lstmtui, wav, make_run):
    words = make_run("words")
    lstmtui("transcribe", "digits", wav, "--lm", "words", "--lm-weight", "0.3", "--beam", "8")
    assert {name: fake_transcriber.asked[0][name] for name in ("lm", "weight", "beam")} == {
        "lm": words.path, "weight": 0.3, "beam": 8
    }  # fmt: skip


def test_an_overdriven_recording_is_read_and_told(lstmtui, tmp_path):
    said = lstmtui("transcribe", "digits", str(write_wav(tmp_path / "clipped.wav", tone())))
    assert said.out == "open it\nnow\n"
    assert "clipped.wav is overdriven (clipped); at a lower recording level more is understood." in said.err


def test_a_file_that_ends_early_is_read_and_told(lstmtui, tmp_path):
    path = tmp_path / "cut.wav"
    path.write_bytes(wav_bytes(tone(), size=100_000))
    said = lstmtui("transcribe", "digits", path)
    assert said.out == "open it\nnow\n"
    assert "cut.wav ends 46,000 samples before its header says; what is there is read." in said.err


def test_wav_is_read_from_a_pipe(lstmtui, pipe):
    pipe(wav_bytes(tone(0.5, 22_050), 22_050, size=0xFFFFFFFF))
    said = lstmtui("transcribe", "digits", "-", "--beam", "1")
    assert (said.code, said.out, said.err) == (0, "11025 samples\n", "")
    assert fake_transcriber.asked == [{"rate": 22_050, "beam": 1}]


def test_samples_without_a_header_are_read_from_a_pipe(lstmtui, pipe):
    pipe((tone() * 32767).astype("<i2").tobytes())
    found = json.loads(lstmtui("transcribe", "digits", "--raw", RATE, "--json").out)
    assert found["words"] == [{"text": "4000", "start": 0.0, "end": 1.0, "confidence": 0.9}]


def test_another_format_is_stored_first(lstmtui, pipe):
    data = io.BytesIO()
    soundfile.write(data, tone(), RATE, format="FLAC")
    pipe(data.getvalue())
    said = lstmtui("transcribe", "digits")
    assert (said.code, said.out) == (0, "open it\nnow\n")
    assert not fake_transcriber.asked[0]["file"].exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The recording on standard input is empty."),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "The recording on standard input is a PNG picture."),
        (b"hello, hello", "The recording on standard input is no recording"),
        (wav_bytes(np.zeros(0)), "The recording on standard input has no samples."),
        (wav_bytes(np.zeros(9), 800), "The recording on standard input has a sampling rate of 800 Hz"),
        (wav_bytes(tone())[:30], "The recording on standard input"),
    ],
)
def test_a_pipe_without_a_recording_is_refused_in_a_sentence(lstmtui, pipe, data, words):
    pipe(data)
    said = lstmtui("transcribe", "digits", "-")
    assert (said.code, said.out) == (2, "")
    assert words in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "No recording is given"),
        (("a.wav", "--microphone"), "leave out FILE"),
        (("a.wav", "--json", "--srt"), "choose one"),
        (("a.wav", "b.wav", "--srt"), "one FILE at a time"),
        (("a.wav", "-"), "give it alone"),
        (("a.wav", "--raw", "8000"), "samples on standard input"),
        (("a.wav", "--device", "1"), "add --microphone"),
        (("a.wav", "--lm-weight", "1"), "name one with --lm"),
        (("a.wav", "--lm", "digits", "--beam", "1"), "--beam 2 or more"),
        (("missing.wav",), "missing.wav is missing"),
        ((" ",), "names no file"),
    ],
)
def test_what_cannot_be_transcribed_is_said_in_a_sentence(lstmtui, monkeypatch, arguments, words):
    monkeypatch.setattr(piped, "is_piped", lambda: False)
    said = lstmtui("transcribe", "digits", *arguments)
    assert (said.code, said.out) == (2, "")
    assert words in said.err


def test_a_recording_in_place_of_the_run_is_seen(lstmtui, wav):
    said = lstmtui("transcribe", wav)
    assert said.code == 2
    assert "a.wav is a file; name the run before it, as in: lstmtui transcribe latest " in said.err


class FakeMicrophone:
    """Gives two blocks; then Ctrl-C is pressed, or it is gone."""

    gone = False

    def __init__(self, rate: int, device: object) -> None:
        self.rate, self.device, self.lost, self._blocks = rate, device, True, [bytes(800), b"", bytes(200)]

    def __enter__(self) -> FakeMicrophone:
        return self

    def __exit__(self, *of_error: object) -> None:
        pass

    def read(self) -> bytes:
        if self._blocks:
            return self._blocks.pop(0)
        if self.gone:
            raise LstmtuiError("The microphone is gone.")
        signal.raise_signal(signal.SIGINT)
        return b""


def test_a_microphone_is_heard_until_it_is_interrupted(lstmtui, monkeypatch):
    monkeypatch.setattr(microphone, "Microphone", FakeMicrophone)
    before = signal.getsignal(signal.SIGINT)
    said = lstmtui("transcribe", "digits", "--microphone", "--device", "3")
    assert (said.code, said.out) == (0, "500 samples\n")
    assert "Listening; Ctrl-C ends it." in said.err
    assert "Some samples were lost" in said.err
    assert signal.getsignal(signal.SIGINT) is before


def test_what_a_microphone_gave_before_it_was_gone_is_written(lstmtui, monkeypatch):
    monkeypatch.setattr(microphone, "Microphone", FakeMicrophone)
    monkeypatch.setattr(FakeMicrophone, "gone", True)
    said = lstmtui("transcribe", "digits", "--microphone")
    assert (said.code, said.out) == (1, "500 samples\n")
    assert "lstmtui: The microphone is gone." in said.err
