"""Recordings for tests: WAV files of every kind, and folders of them with transcripts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PCM, FLOAT = 1, 3


def tone(seconds: float = 0.5, rate: int = 8000, hertz: float = 440.0, peak: float = 0.5) -> NDArray[np.float32]:
    """Return a sine wave (N,) from -1 to 1."""
    return (peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav_bytes(
    samples: NDArray[np.floating], rate: int = 8000, bits: int = 16, *, is_float: bool = False, size: int | None = None,
    kind: int | None = None,
) -> bytes:  # fmt: skip
    """Return a WAV file of samples (N,) or (N, channels); `size` is what its header says of their bytes."""
    frames = samples[:, None] if samples.ndim == 1 else samples
    if is_float:
        data = frames.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        data = (frames * 127 + 128).round().astype(np.uint8).tobytes()
    elif bits == 24:
        whole = (frames * (2**23 - 1)).round().astype("<i4")
        data = whole.reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    else:
        data = (frames * (2.0 ** (bits - 1) - 1)).round().astype(f"<i{bits // 8}").tobytes()
    channels, block = frames.shape[1], frames.shape[1] * bits // 8
    layout = np.array([kind or (FLOAT if is_float else PCM), channels], "<u2").tobytes()
    layout += np.array([rate, rate * block], "<u4").tobytes() + np.array([block, bits], "<u2").tobytes()
    return (
        b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " + len(layout).to_bytes(4, "little") + layout
        + b"LIST\x03\x00\x00\x00abc\x00"  # of an odd length, and skipped
        + b"data" + (len(data) if size is None else size).to_bytes(4, "little") + data
    )  # fmt: skip


def write_wav(path: Path, samples: NDArray[np.floating], rate: int = 8000) -> Path:
    """Write samples of 16 bits and return `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(samples, rate))
    return path


def speech_folder(folder: Path, texts: list[str], *, rate: int = 8000, seconds: float = 0.5) -> Path:
    """Write a recording for each text, of a tone of its own, with the text beside it; return `folder`."""
    for n, text in enumerate(texts):
        path = write_wav(folder / f"{n:03}.wav", tone(seconds, rate, 300 + 20 * n), rate)
        path.with_suffix(".txt").write_text(text + "\n")
    return folder


def write_manifest(path: Path, rows: list[tuple[str, ...]]) -> Path:
    """Write a table whose first row names its columns, and return `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path
