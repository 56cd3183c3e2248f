"""The encoding of a text that is not UTF-8, and the format of a file whose text must be extracted first."""

from __future__ import annotations

import codecs
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from lstmtui.errors import UsageError

SAMPLE_BYTES = 1 << 16
"""Bytes from which an encoding is recognised."""
CONTROL_BYTES = bytes({*range(32)} - set(b"\t\n\v\f\r\x1b\b"))

FORMATS: tuple[tuple[bytes, str, str], ...] = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it with `7z x {file}`, and give the files in it"),
    (b"{\\rtf", "an RTF document", "take its text out with `pandoc -f rtf -t plain {file} -o text.txt`"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", "save it as plain text in UTF-8 where it was made"),
    (b"SQLite format 3\0", "an SQLite database", "export the text in it"),
)
"""First bytes of a file that is not read, its format, and the remedy."""
OFFICE_FORMATS = (
    (b"word/", "a Word document (docx)", "pandoc -f docx -t plain {file} -o text.txt"),
    (b"xl/", "an Excel workbook (xlsx)", ""),
    (b"application/epub+zip", "an EPUB book", "pandoc -f epub -t plain {file} -o text.txt"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file", "pandoc -f odt -t plain {file} -o text.txt"),
)  # fmt: skip
"""Names in a ZIP archive, its format, and the command that extracts its text."""

TYPOGRAPHIC_CHARACTERS = set("\u00a0‘’‚“”„†•…‰‹›–—«»€£©®°§¡¿·´½¼¾×ºª™²³")
ALPHABETS = (
    "àâæçéèêëîïôœùûüÿ", "äöüßéàè", "áéíñóúü", "ãáàâçéêíõóôúü", "àèéìíîòóùú", "åäöæøéü", "ëïéèöüóá", "áæðéíóöþúý",
    "çğıİöşüâî", "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţșț", "čćđšž", "āčēģīķļņšūž",
    "ąčęėįšųūž", "äõöüšž", "àçèéíïòóúü",
)  # fmt: skip
"""The letters beyond ASCII of languages in Latin script."""
LATIN_ENCODINGS = ("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1257", "mac_roman", "cp850", "cp437")
"""Encodings of Latin script; among equally likely ones the first is chosen."""
MIN_FITTING_SHARE = 0.9
"""The fraction of characters beyond ASCII that must belong to one language in Latin script."""
OTHER_ENCODINGS = (
    "cp1251", "koi8_r", "gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1253", "cp1255", "cp1256", "tis_620",
)  # fmt: skip
HEBREW_LETTERS = frozenset(range(0xE0, 0xFB))
"""Hebrew letters in windows-1255. Russian in windows-1251 has capitals and later letters too."""
ENCODING_NAMES = {
    "cp1250": "windows-1250", "cp1251": "windows-1251", "cp1252": "windows-1252", "cp1253": "windows-1253",
    "cp1254": "windows-1254", "cp1255": "windows-1255", "cp1256": "windows-1256", "cp1257": "windows-1257",
    "iso8859_2": "ISO-8859-2", "mac_roman": "macintosh", "koi8_r": "KOI8-R", "gb18030": "GB18030",
    "big5": "BIG5", "cp932": "CP932", "euc_jp": "EUC-JP", "cp949": "CP949", "tis_620": "TIS-620",
    "cp850": "CP850", "cp437": "CP437",
}  # fmt: skip
"""Names that both Python and iconv know."""


def looks_like_text(head: bytes) -> bool:
    """Return whether a file that starts with `head` looks like text: no NUL, hardly a control character."""
    controls = len(head) - len(head.translate(None, CONTROL_BYTES))
    return b"\0" not in head and controls * 100 <= len(head)


def wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 where `head` starts a text in it, by its mark or by a NUL in each pair; else None."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    pairs = len(head) // 2
    sides = sorted((head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)))
    if pairs >= 4 and sides[1] > 0.4 * pairs and sides[0] < 0.05 * pairs and looks_like_text(head.replace(b"\0", b"")):
        return "UTF-16LE" if head[1 : 2 * pairs : 2].count(0) == sides[1] else "UTF-16BE"
    return None


def detect_format(head: bytes) -> tuple[str, str] | None:
    """Return the format of a file that starts with `head` and the remedy, with {file} for its name; else None."""
    if head.startswith(b"PK\x03\x04"):
        for name, what, command in OFFICE_FORMATS:
            if name in head:
                step = f"take its text out with `{command}`" if command else "save the text in it as plain text"
                return what, step
        return "a ZIP archive", "unpack it with `unzip {file} -d texts`, and give the folder texts"
    return next(((what, step) for first, what, step in FORMATS if head.startswith(first)), None)


def guess_encoding(sample: bytes) -> str | None:
    """Return the most likely encoding of `sample`, which is not UTF-8; None where none is likely."""
    if wide := wide_encoding(sample):
        return wide
    fits = {name: _latin(sample, name) for name in LATIN_ENCODINGS}
    best = max(LATIN_ENCODINGS, key=lambda name: fits[name])
    if fits[best] >= MIN_FITTING_SHARE:
        return ENCODING_NAMES[best]
    letters = [byte for byte in sample if byte >= 0xC0]
    if letters and set(letters) <= HEBREW_LETTERS:
        return ENCODING_NAMES["cp1255"]
    import charset_normalizer

    found = charset_normalizer.from_bytes(sample, cp_isolation=list(OTHER_ENCODINGS)).best()
    return ENCODING_NAMES.get(found.encoding) if found is not None else None


def _latin(sample: bytes, encoding: str) -> float:
    """Return the fraction of characters beyond ASCII that belong to one language in Latin script."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    beyond = [c for c in text if ord(c) > 127]
    if sum(map(str.isalpha, beyond)) > sum(c.isascii() and c.isalpha() for c in text):  # another script
        return 0.0
    marks = sum(c in TYPOGRAPHIC_CHARACTERS for c in beyond)
    fitting = max(sum(c in alphabet or c.lower() in alphabet for c in beyond) for alphabet in ALPHABETS)
    return (marks + fitting) / max(1, len(beyond))


def codec_name(encoding: str) -> str:
    """Return Python's name of `encoding`. Raises UsageError where it has none, or it is no text encoding."""
    try:
        found = codecs.lookup(encoding)
        "".encode(found.name)
        return found.name
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"There is no encoding called {encoding!r}; well-known ones are UTF-16, windows-1252, GB18030 and KOI8-R."
        ) from error


def to_utf8(chunks: Iterable[bytes], encoding: str, name: str | Path) -> Iterator[bytes]:
    """Yield a text in `encoding` as UTF-8. Raises UsageError where it is not in that encoding."""
    decoder = codecs.getincrementaldecoder(codec_name(encoding))("strict")
    at = 0
    try:
        for chunk in chunks:
            text = decoder.decode(chunk)
            at += len(chunk)
            yield text.encode("utf-8").removeprefix(codecs.BOM_UTF8)
        yield decoder.decode(b"", final=True).encode("utf-8")
    except UnicodeError as error:
        raise UsageError(
            f"The file {name} is not in {encoding} (near offset {at + getattr(error, 'start', 0):,}); "
            f"name another --encoding, or leave it out to see which one is likely."
        ) from error


def iconv_command(file: str | Path, encoding: str) -> str:
    """Return the command that converts a file to UTF-8."""
    return f"iconv -f {encoding} -t UTF-8 {shlex.quote(str(file))} > utf8.txt"
