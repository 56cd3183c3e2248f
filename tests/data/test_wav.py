"""WAV files: every kind of sample, chunks in any order, and headers that lie."""

from __future__ import annotations

import io

import numpy as np
import pytest
from support.recordings import tone, wav_bytes

from lstmtui.data.wav import UnknownFormatError, WavReader

ERRORS = {8: 1e-2, 16: 1e-4, 24: 1e-6, 32: 1e-6, 64: 1e-7}
"""The largest error of samples of so many bits: of rounding, and of a full scale that is a step below 1."""


def read(data):
    return WavReader(io.BytesIO(data)).read(1 << 20)


@pytest.mark.parametrize(
    ("bits", "is_float"), [(8, False), (16, False), (24, False), (32, False), (32, True), (64, True)]
)
def test_samples_of_every_kind_are_from_minus_one_to_one(bits, is_float):
    samples = tone()
    found = read(wav_bytes(samples, bits=bits, is_float=is_float))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, samples, atol=ERRORS[bits])


def test_channels_are_mixed():
    left = tone()
    np.testing.assert_allclose(read(wav_bytes(np.stack([left, left / 2], axis=1))), left * 0.75, atol=1e-4)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 8000, 9999])
def test_what_is_there_is_read_where_the_header_says_more_or_nothing(size):
    data = wav_bytes(tone(), size=size)
    assert len(read(data)) == 4000
    assert len(read(data[:-1001])) == 3499  # cut within a sample


def test_samples_end_where_the_header_says_it():
    assert len(read(wav_bytes(tone(), size=2000) + b"LIST\x00\x00\x00\x00")) == 1000


def test_pieces_of_any_size_are_the_whole():
    reader, samples = WavReader(io.BytesIO(wav_bytes(tone(), bits=24))), read(wav_bytes(tone(), bits=24))
    pieces = [reader.read(n) for n in (1, 999, 5000, 10)]
    assert [len(piece) for piece in pieces] == [1, 999, 3000, 0]
    np.testing.assert_array_equal(np.concatenate(pieces), samples)


def test_no_number_is_silence():
    np.testing.assert_array_equal(
        read(wav_bytes(np.array([0.5, np.nan, np.inf, -np.inf]), bits=32, is_float=True)), [0.5, 0, 0, 0]
    )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:10], "not a WAV file"),
        (lambda data: data[:40], "ends before its first sample"),
        (lambda data: data.replace(b"fmt ", b"junk"), "does not say how"),
        (lambda data: data.replace(b"fmt \x10", b"fmt \x08"), "damaged header"),
        (lambda data: data[:22] + b"\0\0" + data[24:], "no channels"),
    ],
)
def test_damaged_headers_are_named(damage, words):
    with pytest.raises(ValueError, match=words):
        read(damage(wav_bytes(tone())))


@pytest.mark.parametrize("kind", [2, 6, 17])
def test_other_encodings_are_left_to_another_library(kind):
    with pytest.raises(UnknownFormatError, match=f"format {kind}"):
        read(wav_bytes(tone(), kind=kind))
