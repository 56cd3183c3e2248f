"""Documents: the text of EPUB books and PDF files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from xml.etree import ElementTree

from lstmtui.data.containers.budget import Budget
from lstmtui.errors import UsageError

PDF, EPUB, ZIP = b"%PDF-", b"application/epub+zip", b"PK\x03\x04"
MISSING = (
    "is a PDF document, which needs the package pypdf: pip install 'lstmtui[documents]', or take its text out with "
    "pdftotext"
)
MAX_PART = 64 << 20
"""Bytes of one file in a book."""
MAX_PAGES = 20_000
CONTAINER = "META-INF/container.xml"
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "br", "dd", "div", "dl", "dt", "figcaption", "figure",
    "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
    "table", "td", "th", "title", "tr", "ul",
))  # fmt: skip
"""Elements that begin a line."""
UNREAD = frozenset(("head", "script", "style", "svg", "math"))


def recognises(head: bytes, name: str) -> bool:
    """Return whether a file that starts with `head` is a PDF document or an EPUB book."""
    return head.startswith(PDF) or (head.startswith(ZIP) and EPUB in head[:256])


def texts(path: Path, name: str, budget: Budget) -> Iterator[bytes]:
    """Yield the text of a document, piece by piece. Raises UsageError where it cannot be read."""
    with open(path, "rb") as file:
        is_pdf = file.read(len(PDF)) == PDF
    pieces = _of_pdf(path, name) if is_pdf else _of_epub(path, name, budget)
    for piece in pieces:
        text = piece.replace("\0", "").strip()
        if text:
            yield from budget.count([f"{text}\n\n".encode("utf-8", "replace")])


def _of_pdf(path: Path, name: str) -> Iterator[str]:
    """Yield the text of each page. The library bounds what a compressed stream gives."""
    try:
        import pypdf
    except ImportError:
        raise UsageError(f"The file {name} {MISSING}.") from None
    try:
        reader = pypdf.PdfReader(path)
        for number, page in enumerate(reader.pages):
            if number >= MAX_PAGES:
                raise ValueError(f"more than {MAX_PAGES:,} pages")
            yield page.extract_text()
    except GeneratorExit:
        raise
    except Exception as error:  # what a damaged document raises depends on where it is damaged
        reason = str(error).partition("\n")[0][:120] or type(error).__name__
        raise UsageError(
            f"The file {name} cannot be read as a PDF document ({reason}); take its text out with pdftotext."
        ) from error


def _of_epub(path: Path, name: str, budget: Budget) -> Iterator[str]:
    """Yield the text of each chapter, in the order of the book."""
    try:
        with zipfile.ZipFile(path) as book:
            for chapter in _chapters(book, budget):
                reader = _Html()
                reader.feed(_read(book, chapter, budget).decode("utf-8-sig", "replace"))
                reader.close()
                yield reader.text()
    except (
        zipfile.BadZipFile, zlib.error, ElementTree.ParseError, KeyError, ValueError, EOFError, NotImplementedError,
        RuntimeError, AttributeError, OSError,
    ) as error:  # fmt: skip
        raise UsageError(f"The file {name} is a damaged or encrypted book ({error}).") from error


def _read(book: zipfile.ZipFile, name: str, budget: Budget) -> bytes:
    """Return one file of a book. Raises KeyError for a missing one, ValueError for one that is too large."""
    with book.open(name) as file:
        data = file.read(MAX_PART + 1)
    budget.take(len(data))
    if len(data) > MAX_PART:
        raise ValueError(f"a part of more than {MAX_PART >> 20} MiB")
    return data


def _chapters(book: zipfile.ZipFile, budget: Budget) -> Iterator[str]:
    """Yield the names of the chapters: the spine of the package that the container names."""
    container = _parsed(_read(book, CONTAINER, budget))
    package_name = next(e.attrib["full-path"] for e in container.iter() if _local(e) == "rootfile")
    package, folder = _parsed(_read(book, package_name, budget)), PurePosixPath(package_name).parent
    files = {e.attrib["id"]: e.attrib["href"] for e in package.iter() if _local(e) == "item"}
    for reference in (e for e in package.iter() if _local(e) == "itemref"):
        budget.member()
        yield str(folder / unquote(files[reference.attrib["idref"]].partition("#")[0]))


def _parsed(data: bytes) -> ElementTree.Element:
    """Return the root of an XML file. Entities of its own are refused: they could grow without end."""
    if b"<!ENTITY" in data:
        raise ValueError("it defines entities")
    return ElementTree.fromstring(data)


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


class _Html(HTMLParser):
    """Collects the text of a page: a line for each block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[list[str]] = [[]]
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._unread += tag in UNREAD
        if tag in BLOCKS:
            self._lines.append([])

    def handle_endtag(self, tag: str) -> None:
        self._unread = max(0, self._unread - (tag in UNREAD))
        if tag in BLOCKS:
            self._lines.append([])

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        if tag in BLOCKS:
            self._lines.append([])

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self._lines[-1].append(data)

    def text(self) -> str:
        """Return the lines that are not empty."""
        lines = (" ".join("".join(line).split()) for line in self._lines)
        return "\n".join(line for line in lines if line)
