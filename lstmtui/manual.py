"""The pages of the manual: Markdown files in `docs/`."""

from __future__ import annotations

from importlib.resources import files

from lstmtui.errors import UsageError

ORDER = (
    "getting-started",
    "typing",
    "editors",
    "serving",
    "translation",
    "speech",
    "captions",
    "watching",
    "cells",
    "memory-tasks",
    "searching",
    "benchmarks",
    "gpu",
    "configuration",
    "run-folder",
    "exchange",
    "architecture",
    "decisions",
)


def pages() -> dict[str, str]:
    """Return the title of each page by its name, in reading order."""
    return {name: _text(name).partition("\n")[0].removeprefix("# ") for name in ORDER}


def read(name: str) -> str:
    """Return the Markdown of the page `name`, or of the only page that begins with it. Raises UsageError."""
    found = [name] if name in ORDER else [page for page in ORDER if name and page.startswith(name.lower())]
    if len(found) != 1:
        raise UsageError(f"There is no page '{name}'; 'lstmtui docs' lists them: {', '.join(ORDER)}.")
    return _text(found[0])


def _text(name: str) -> str:
    return files("lstmtui").joinpath("docs", f"{name}.md").read_text(encoding="utf-8")
