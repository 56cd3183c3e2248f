"""What a file is that is not what was asked for: its first bytes say it, not its name."""

from __future__ import annotations

PICTURES = (
    (b"\x89PNG", "a PNG picture"), (b"\xff\xd8\xff", "a JPEG picture"), (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
)  # fmt: skip
SOUNDS = (
    (b"fLaC", "a FLAC recording"), (b"OggS", "an Ogg recording"), (b"ID3", "an MP3 recording"),
    (b"RIFF", "a recording or a film"),
)  # fmt: skip
OTHERS = (
    (b"%PDF", "a PDF document"), (b"PK\x03\x04", "a ZIP archive"), (b"<", "a web page or XML"),
    (b"\x1f\x8b", "a gzip archive"), (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
)  # fmt: skip


def foreign_kind(head: bytes, kinds: tuple[tuple[bytes, str], ...] = PICTURES) -> str:
    """Return what a file with these first bytes is, of `kinds` and others, as "a PNG picture"; "" where unknown."""
    return next((words for magic, words in (*kinds, *OTHERS) if head.startswith(magic)), "")
