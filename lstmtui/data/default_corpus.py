"""The default corpus: English prose that every CPython carries, assembled on first use.

Its two sources are parsed with `ast` and never executed: the language reference in `pydoc_data/topics.py`, and the
docstrings of the standard library. Only paragraphs of plain sentences are kept; each becomes one line between blank
lines, with ASCII quotes, so that a small model sees words and sentences instead of tables, code and line breaks.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from lstmtui.common.files import write_atomically
from lstmtui.errors import UsageError

NAME = "default"
TITLE = "English prose that every Python carries: its language reference and docstrings"
LICENCE = "PSF License Version 2"
FORMAT = 1
"""The version of the rules below, so that a text of older rules is not used again."""
MIN_BYTES = 100_000
"""Bytes below which the source of the library is missing, and nothing can be learnt."""

SKIPPED_FOLDERS = {"__pycache__", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests", "turtledemo"}
TOPICS = "pydoc_data/topics.py"

ASCII_EQUIVALENTS = str.maketrans("‘’“”–—•`\u00a0", "''\"\"--*' ") | {ord("…"): "..."}
QUOTES = re.compile(r"''|\*\*?(?=\w)|(?<=\w)\*\*?")
NOT_PROSE = re.compile(
    r">>>|::|->|==|https?:|[|{}<>^~@\\$#]|\*\*|--|: - |__\w+__\.|\.{4}|[=+*/] ?\w+ ?[=+*/]|\w\(\w+, \w+, |[:;]\w+:"
)
WORD = re.compile(r"[A-Za-z]+")


def text(cache: Path | None = None, library: Path | None = None) -> bytes:
    """Return the corpus as UTF-8, the same for one Python release; stored in `cache`.

    library    the folder of the standard library's source; by default that of the running Python
    Raises UsageError where this Python lacks the source of its library.
    """
    stored = None
    if cache is not None and library is None:
        version = "{}.{}.{}".format(*sys.version_info[:3])
        stored = cache / f"default-{FORMAT}-{version}.txt"
        with contextlib.suppress(OSError):
            data, mark = stored.read_bytes(), stored.with_suffix(".sha256").read_text("ascii")
            if hashlib.sha256(data).hexdigest() == mark:
                return data
    data = "".join(_assemble(library or Path(os.__file__).parent)).encode("utf-8")
    if len(data) < MIN_BYTES:
        raise UsageError(
            "This Python comes without the source of its library, which the default corpus is made of; "
            "name a text file to train on instead."
        )
    if stored is not None:
        with contextlib.suppress(OSError):
            stored.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(stored, data)
            write_atomically(stored.with_suffix(".sha256"), hashlib.sha256(data).hexdigest().encode("ascii"))
    return data


def _assemble(library: Path) -> Iterator[str]:
    """Yield each paragraph once, with a blank line after it."""
    documents: list[tuple[str, list[str]]] = []
    for where, folders, files in os.walk(library):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith("config-")]
        for file in files:
            if file.endswith(".py"):
                path = Path(where, file)
                documents.extend(_documents(path, path.relative_to(library).as_posix()))
    # Sorted by a hash: in alphabetical order the last tenth, which is split off for validation, would be a few packages
    # with their own vocabulary.
    documents.sort(key=lambda document: hashlib.sha256(document[0].encode()).digest())
    seen: set[str] = set()
    for _, blocks in documents:
        for block in blocks:
            for paragraph in prose(block):
                if paragraph not in seen:
                    seen.add(paragraph)
                    yield f"{paragraph}\n\n"


def _documents(path: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a name and the texts of each topic, or of all docstrings of one module."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    if name != TOPICS:
        yield name, list(_docstrings(tree))
        return
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            with contextlib.suppress(ValueError):
                for topic, body in ast.literal_eval(node.value).items():
                    yield f"{name} {topic}", [body]


def _docstrings(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    found = ast.get_docstring(node, clean=True)
    if found:
        yield found
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _docstrings(child)


def prose(block: str) -> Iterator[str]:
    """Yield the paragraphs of `block` that are plain sentences, each on one line."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(block.translate(ASCII_EQUIVALENTS))):
        lines = paragraph.split("\n")
        indents = {len(line) - len(line.lstrip()) for line in lines[1:] or lines}
        if len(indents) > 1:
            continue
        line = re.sub(r"^(\d+\. |\* |- |Note: |Changed in version [\d.]+: )", "", " ".join(paragraph.split()))
        line = re.sub(r" ?\[[\d\w]+\](?=[ .,;)])", "", QUOTES.sub("", line))
        if is_prose(line):
            yield line


def is_prose(line: str) -> bool:
    """Return whether `line` is one or more English sentences."""
    if len(line) < 50 or not line.isascii() or not line[0].isupper() or line[-1] not in ".!?:":
        return False
    if NOT_PROSE.search(line):
        return False
    letters = sum(map(len, WORD.findall(line)))
    spaces = line.count(" ")
    return letters + spaces > 0.9 * len(line) and 0.11 * len(line) < spaces and "  " not in line
