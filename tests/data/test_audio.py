"""Recordings: by their content rather than their name, and one sentence for each that cannot be read."""

from __future__ import annotations

import builtins
import io
import os
import threading

import numpy as np
import pytest
import soundfile
from support.recordings import tone, wav_bytes, write_wav

from lstmtui.data.audio import AudioError, audio_facts, open_audio, read_audio
from lstmtui.errors import LstmtuiError, UsageError


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 96000])
def test_every_usual_rate_is_read_at_another(tmp_path, rate):
    path = write_wav(tmp_path / "a.wav", tone(0.1, rate), rate)
    assert len(read_audio(path)) == len(tone(0.1, rate))
    found = read_audio(path, 8000)
    np.testing.assert_allclose(found[200:600], tone(0.1, 8000)[200:600], atol=1e-3)


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "AIFF", "WAV"])
def test_other_formats_are_read_whatever_their_name(tmp_path, kind):
    path = tmp_path / "a.wav"
    stereo = np.stack([tone(), tone()], axis=1)
    soundfile.write(path, stereo, 8000, format=kind, subtype="ULAW" if kind == "WAV" else None)
    found = read_audio(path)
    assert audio_facts(path)[:3] == (8000, 2, 4000)
    # Vorbis keeps what one hears, mu-law 8 bits on a logarithmic scale.
    np.testing.assert_allclose(found[100:3900], tone()[100:3900], atol=0.05 if kind in ("OGG", "WAV") else 1e-4)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "is a PNG picture"),
        (b"\xff\xd8\xff\xe0" + bytes(90), "is a JPEG picture"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "is a WEBP file, not a WAV file"),
        (b"it was a dark and stormy night", "no recording in a format that can be read"),
        (wav_bytes(tone())[:40], "ends before its first sample"),
        (wav_bytes(tone()[:0]), "has no samples"),
        (wav_bytes(tone(), rate=0), "sampling rate of 0 Hz"),
        (wav_bytes(tone(), rate=1_000_000), "sampling rate of 1,000,000 Hz"),
    ],
)
def test_what_is_no_recording_is_named_in_a_sentence(tmp_path, data, words):
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    for use in (audio_facts, read_audio):
        with pytest.raises(AudioError, match=words) as error:
            use(path)
        assert str(error.value).startswith(f"The recording {path} ")
        assert isinstance(error.value, UsageError)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(AudioError, match="is missing"):
        read_audio(tmp_path / "a.wav")
    with pytest.raises(AudioError, match="is a folder"):
        read_audio(tmp_path)


def test_a_header_that_promises_more_is_told_and_the_rest_is_read(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(tone(), size=80_000))
    assert audio_facts(path) == (8000, 1, 4000, 36_000)
    assert len(read_audio(path)) == 4000
    path.write_bytes(wav_bytes(tone(), size=0))
    assert audio_facts(path) == (8000, 1, 4000, 0)


def test_a_file_that_was_written_into_a_pipe_is_named(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(), 8000)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the 36 bits of its length
    data[22:26] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(AudioError, match="does not say how long it is"):
        audio_facts(path)


def test_a_damaged_file_of_another_format_is_an_error(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(1).normal(size=20_000) * 0.1, 8000)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match=r"a\.flac"):
        read_audio(path)


def test_a_pipe_is_read_as_it_arrives():
    reader, writer = os.pipe()
    data = wav_bytes(tone(), size=0xFFFFFFFF)
    sender = threading.Thread(target=lambda: [os.write(writer, data), os.close(writer)])
    sender.start()
    with os.fdopen(reader, "rb") as stream, open_audio(stream, "standard input") as sound:
        assert (sound.rate, sound.frames) == (8000, None)
        assert len(sound.read(3000)) == 3000
        assert len(sound.read(3000)) == 1000
    sender.join()


def test_another_format_from_a_pipe_is_read_whole():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    stream = io.BytesIO()
    soundfile.write(stream, tone(), 8000, format="FLAC")
    with open_audio(Pipe(stream.getvalue())) as sound:
        assert len(sound.read(9999)) == 4000
    with pytest.raises(AudioError, match="samples of an unknown kind"), open_audio(Pipe(wav_bytes(tone(), kind=17))):
        pass


def test_without_the_extra_only_plain_wav_is_read(tmp_path, monkeypatch):
    usual = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "soundfile":
            raise ImportError(name)
        return usual(name, *args, **kwargs)

    plain, other = write_wav(tmp_path / "a.wav", tone()), tmp_path / "b.flac"
    soundfile.write(other, tone(), 8000)
    monkeypatch.setattr(builtins, "__import__", without)
    assert len(read_audio(plain)) == 4000
    with pytest.raises(LstmtuiError, match=r"lstmtui\[speech\]"):
        read_audio(other)
