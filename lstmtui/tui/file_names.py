"""Paths that a user types, pastes or completes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

RECORDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".ppm", ".pgm")
"""Endings of files that are offered; where none fits, all files are."""
MAX_ENTRIES = 10_000
"""Files of a folder that are looked at."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a beginning of a path can become."""

    text: str
    """The longest beginning that all choices share."""
    choices: tuple[str, ...]
    """Names of files, and of folders with a slash."""


def given_path(text: str) -> Path | None:
    """Return the path that a text means, as terminals paste it: in quotes, with escaped spaces, or as a file: URL.

    None where there is no text.
    """
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    elif text.startswith("file://"):
        text = unquote(urlsplit(text).path)
    elif os.sep == "/" and "\\" in text and not os.path.exists(os.path.expanduser(text)):
        text = text.replace("\\", "")
    return Path(os.path.expanduser(text)) if text else None


def complete(text: str, endings: tuple[str, ...]) -> Completion:
    """Return how a path goes on: files with these endings, and folders. Raises OSError for an unreadable folder."""
    folder, _, beginning = text.rpartition("/") if "/" in text else ("", "", text)
    shown = folder + "/" if "/" in text else ""
    names: list[str] = []
    others: list[str] = []
    with os.scandir(os.path.expanduser(shown) or ".") as entries:
        for n, entry in enumerate(entries):
            if n >= MAX_ENTRIES:
                break
            if not entry.name.startswith(beginning) or (entry.name.startswith(".") and not beginning.startswith(".")):
                continue
            if _is_folder(entry):
                names.append(entry.name + "/")
            else:
                (names if entry.name.lower().endswith(endings) else others).append(entry.name)
    choices = tuple(sorted(names or others))
    shared = os.path.commonprefix(choices)  # noqa: RUF071  letters of names, not folders of paths
    return Completion(shown + shared if choices else text, choices)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
