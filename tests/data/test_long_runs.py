"""Base64 and hexadecimal are found; what people and nature write is not."""

from __future__ import annotations

import base64
import tracemalloc

import numpy as np
import pytest

from lstmtui.data.long_runs import LongRuns

RANDOM = np.random.default_rng(5)
NOISE = RANDOM.bytes(9000)
PROSE = b"Hello there, this is a line of a letter.\n"


def removed(chunks):
    """Return how many bytes of long runs are removed."""
    runs = LongRuns()
    for _ in runs.without(chunks):
        pass
    return runs.bytes


def without(data: bytes, size: int = 1 << 20) -> bytes:
    return b"".join(LongRuns().without(data[i : i + size] for i in range(0, len(data), size)))


@pytest.mark.parametrize(
    "run",
    [
        base64.b64encode(NOISE),
        base64.b64encode(NOISE[:300]),
        base64.urlsafe_b64encode(NOISE),
        base64.encodebytes(NOISE).rstrip(),
        base64.encodebytes(NOISE[:200]).rstrip().replace(b"\n", b"\r\n"),
        base64.encodebytes(PROSE * 50).rstrip(),
        NOISE.hex().encode(),
        NOISE[:200].hex().upper().encode(),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("size", [1, 100, 4096, 1 << 20])
def test_runs_are_left_out_however_the_text_is_cut(run, size):
    run = run[:3000] if size == 1 else run
    assert without(PROSE + run + b"\n" + PROSE, size) == PROSE + b"\n" + PROSE
    assert without(b"key: " + run, size) == b"key: "


@pytest.mark.parametrize(
    "text",
    [
        PROSE * 100,
        "\n".join("".join(RANDOM.choice(list("ACGT"), 70)) for _ in range(50)).encode(),
        "".join(RANDOM.choice(list("ACDEFGHIKLMNPQRSTVWY"), 3000)).encode(),
        b"31415926535897932384626433832795028841971693993751" * 20,
        b"-" * 500 + b"\n" + b"=" * 500,
        b"onelongwordwithoutanyspacesthatapersonwrotedown" * 20,
        b"SomeClassName/withPaths_and_names/" * 20,
        "我们都知道这个世界上有很多事情".encode() * 50,
        b"sha256: " + NOISE[:32].hex().encode() + b"\n",
    ],
    ids=range(9),
)
def test_written_text_is_unchanged(text):
    for size in (7, 1 << 20):
        assert without(text, size) == text


def test_memory_stays_flat_in_one_endless_run():
    piece = base64.b64encode(RANDOM.bytes(3 << 16))
    tracemalloc.start()
    assert removed(piece for _ in range(100)) == 100 * len(piece)
    assert removed(b"x" * len(piece) for _ in range(100)) == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
