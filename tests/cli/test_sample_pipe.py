"""Samples from a pipe, as they come."""

import io
import os

import numpy as np
import pytest
from support.recordings import tone, wav_bytes

from lstmtui.cli import sample_pipe
from lstmtui.cli.sample_pipe import SamplePipe, is_wav, stored
from lstmtui.data.audio import AudioError


def whole(pipe):
    found = []
    while (samples := pipe.read()) is not None:
        found.append(samples)
    return np.frombuffer(b"".join(found), "<i2")


def test_wav_of_any_kind_becomes_samples_of_16_bits():
    sine = tone()
    stereo = np.stack([sine, sine], axis=1)
    pipe = SamplePipe(io.BytesIO(wav_bytes(stereo, 16_000, 32, is_float=True)))
    found = whole(pipe)
    assert pipe.rate == 16_000
    assert pipe.samples == len(found) == len(sine)
    np.testing.assert_allclose(found / 32767, sine, atol=1 / 32767)


def test_samples_without_a_header_have_the_rate_that_is_given():
    data = (tone() * 32767).astype("<i2")
    pipe = SamplePipe(io.BytesIO(data.tobytes() + b"x"), 8000)  # half a sample is left out
    np.testing.assert_allclose(whole(pipe), data, atol=1)


def test_samples_are_given_while_the_pipe_is_open():
    reading, writing = os.pipe()
    with open(reading, "rb") as stream, open(writing, "wb", buffering=0) as writer:
        writer.write(wav_bytes(tone(), size=0))
        pipe = SamplePipe(stream)
        found = b""
        while len(found) < 2 * 4000:
            found += pipe.read()
        assert pipe.read() == b""
        writer.close()
        while (more := pipe.read()) is not None:
            assert more == b""


def test_what_is_no_wav_is_refused_and_a_bad_end_raises_where_it_is_read(monkeypatch):
    with pytest.raises(AudioError, match="on standard input is not a WAV file"):
        SamplePipe(io.BytesIO(b"RIFF"))

    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 3000:
                raise OSError(5, "Input/output error")
            return super().read(min(size, 2000))

    pipe = SamplePipe(Broken(wav_bytes(tone())))
    with pytest.raises(AudioError, match="cannot be read"):
        whole(pipe)


def test_the_kind_is_seen_in_the_first_bytes():
    assert is_wav(wav_bytes(tone())[:12])
    assert not is_wav(b"fLaC\0\0\0\x22\x10\0\x10\0")
    assert not is_wav(b"RIFF")


def test_a_stored_recording_is_removed_afterwards():
    with stored(io.BytesIO(b"fLaC")) as path:
        assert path.read_bytes() == b"fLaC"
    assert not path.parent.exists()
    assert sample_pipe.NAME == "on standard input"
