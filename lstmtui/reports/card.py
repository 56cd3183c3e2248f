"""The card of a run: what it was trained on and under which licence, its size, its limits, and what stays private.

Figures of training and validation are not repeated here. The run that comes with the program has a card of its own.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import Any

from lstmtui.common.terminal_text import one_line
from lstmtui.common.units import format_size
from lstmtui.config import RunSettings
from lstmtui.data import catalogue, default_corpus
from lstmtui.runs import base
from lstmtui.runs.folder import RunFolder, disk_usage

PRIVACY = "Nothing is sent anywhere: what is typed, what it learns of a person and the run itself stay on this machine."
OWN = "licence not known to lstmtui"
"""What is said of a file of the user's."""
LIMITS = {
    "memory": "It does one made-up task, which shows how far back a network remembers.",
    "translation": "It knows the words and the style of its pairs; names and numbers come out wrong at times.",
    "speech": "It knows the voices, the words and the microphone of its recordings.",
    "captions": "It knows the kind of pictures it was trained on, and describes others as if they were such.",
}
LIMIT_OF_TEXT = "It knows its text alone, writes what is likely rather than true, and may recite passages of it."


def card(run: RunFolder, settings: RunSettings) -> dict[str, Any]:
    """Return the card of a run: about, trained, data, size (bytes), figures, limits, privacy; some may be missing."""
    size = disk_usage(run)
    if base.is_base(run):
        stored = base.card()
        return {**stored, "trained": str(stored["trained"]), "size": size, "privacy": PRIVACY}
    begun = RunFolder(Path(settings.data.start)) if settings.data.start else None
    about = {"about": f"begins with the weights of run '{one_line(begun.name, 80)}'"} if begun is not None else {}
    inherited = base.card()["data"] if begun is not None and base.is_base(begun) else []
    return {
        **about,
        "data": [*(_described(name) for name in settings.data.corpus), *inherited],
        "size": size,
        "limits": [LIMITS.get(settings.data.purpose, LIMIT_OF_TEXT)],
        "privacy": PRIVACY,
    }


def card_lines(card: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the card in lines, each with its name; the name is empty where a line belongs to the one before."""
    rows: list[tuple[str, str]] = [(name, str(card[name])) for name in ("about", "trained") if name in card]
    rows += _named("data", [line for each in card["data"] for line in _data_lines(each)])
    rows.append(("size", f"{format_size(card['size'])} on disk"))
    rows += _named("figures", card.get("figures", []))
    rows += _named("limits", card["limits"])
    return [*rows, ("privacy", card["privacy"])]


def _named(name: str, lines: list[str]) -> list[tuple[str, str]]:
    return [("" if at else name, line) for at, line in enumerate(lines)]


def _data_lines(data: dict[str, str]) -> list[str]:
    source = ", ".join(data[name] for name in ("attribution", "home") if name in data)
    changes = f"; changed: {data['changes']}" if "changes" in data else ""
    return [f"{data['title']}: {data['licence']}", *([f"  {source}{changes}"] if source else [])]


def _described(name: str) -> dict[str, str]:
    """Return what is known of a text that a run was trained on."""
    if name == default_corpus.NAME:
        return {"title": default_corpus.TITLE, "licence": default_corpus.LICENCE}
    if os.sep not in name and catalogue.has_entry(name):
        entry = catalogue.entries()[name]
        return {"title": f"{name}: {entry.title}", "licence": entry.licence, "home": entry.home}
    return {"title": one_line(PurePath(name).name or name, 80), "licence": OWN}
