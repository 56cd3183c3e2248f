"""JSON files in which one value is another than was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def change(path: Path, *keys: str, value: Any) -> None:
    """Set the value that stands under `keys`, one inside the other."""
    about = json.loads(path.read_text())
    inner = about
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(about))
