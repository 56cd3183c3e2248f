"""Refusal of files that are not UTF-8 text, with the remedy: another encoding, a converter, or tokens of bytes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from lstmtui.data.digests import FileFacts, TextCheck
from lstmtui.data.encodings import SAMPLE_BYTES, detect_format, guess_encoding, iconv_command, wide_encoding
from lstmtui.data.parts import Part
from lstmtui.errors import UsageError


def format_problem(part: Part) -> str | None:
    """Return why the start of a part shows that it is not UTF-8 text, and the remedy; None where it may be."""
    if found := detect_format(part.head):
        return f"is {found[0]}; {found[1].format(file=shlex.quote(part.name))}"
    if encoding := wide_encoding(part.head):
        return f"is {encoding} text; {_how_to_read(part, encoding)}"
    return _nul_problem(part.head.index(0)) if b"\0" in part.head else None


def require_text(part: Part, check: TextCheck | FileFacts) -> None:
    """Raise UsageError with the remedy where `check` found that a part is not UTF-8 text."""
    if check.nul is not None:
        raise UsageError(f"The file {part.name} {_nul_problem(check.nul)}.")
    if check.invalid is not None:
        raise UsageError(f"The file {part.name} {_utf8_problem(part, check.invalid)}.")


def checked_chunks(part: Part, chunks: Iterator[bytes], at: int) -> Iterator[bytes]:
    """Yield `chunks`, whose first byte has offset `at`. Raises UsageError at the first NUL or invalid UTF-8."""
    check = TextCheck(at)
    for chunk in chunks:
        check.feed(chunk)
        require_text(part, check)
        yield chunk
    check.feed(b"", final=True)
    require_text(part, check)


def _how_to_read(part: Part, encoding: str) -> str:
    return f"`--encoding {encoding}` reads it, or convert it with `{iconv_command(part.name, encoding)}`"


def _nul_problem(offset: int) -> str:
    return f"is no text (a NUL byte at offset {offset}); use `--tokens bytes` for any kind of file"


def _utf8_problem(part: Part, offset: int) -> str:
    """Return where a part is not UTF-8, which encoding it is likely in, and the remedy."""
    start = max(0, offset - SAMPLE_BYTES // 2)
    sample = b"".join(part.read(start, min(part.length, start + SAMPLE_BYTES)))
    if not sample[: offset - start].isascii():
        return (
            f"is no valid UTF-8 at offset {offset}; it is UTF-8 until there, so something was cut or mixed in: "
            f"`iconv -c -f UTF-8 -t UTF-8 {shlex.quote(part.name)} > utf8.txt` leaves that out"
        )
    encoding = guess_encoding(sample)
    remedy = f"it looks like {encoding}: {_how_to_read(part, encoding)}" if encoding else "name its --encoding"
    return f"is no valid UTF-8 at offset {offset}; {remedy}, or use `--tokens bytes`"
