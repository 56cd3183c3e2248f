"""A captioner without a process: it describes a picture by its name, and cannot read those that begin with "no".

Those called "vectors" have no pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstmtui.client.captioner import Caption, Described

asked: list[dict[str, Any]] = []
"""What was asked since it was last cleared."""
LEFT, RIGHT = ((0.9, 0.1), (0.0, 0.0)), ((0.0, 0.0), (0.25, 0.75))


class FakeCaptioner:
    """Answers as `lstmtui.client.captioner.Captioner` does."""

    about = {"side": 4, "rows": 2, "columns": 2}  # noqa: RUF012  never changed

    def __init__(self, run: Any) -> None:
        self.run = run

    def __enter__(self) -> FakeCaptioner:
        return self

    def __exit__(self, *of_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing."""

    def describe(self, files: Any, *, nbest: int = 1, pixels: bool = False, **options: Any) -> list[Described]:
        """Return `nbest` captions of each."""
        names = [Path(file).stem for file in files]
        asked.append({"files": names, "nbest": nbest, "pixels": pixels, **options})
        return [
            Described(name, error=f"The picture {name}.png is missing.")
            if name.startswith("no")
            else Described(
                name, tuple(Caption(f"{'very ' * k}{name}", -0.5 - k, -1.0 - k, ("a", name), (LEFT, RIGHT))
                            for k in range(nbest)),
                note=f"The picture {name}.gif is animated; its first frame is used." * (name == "moving"),
                pixels=bytes(range(48)) if pixels and name != "vectors" else b"",
            )
            for name in names
        ]  # fmt: skip

    def evaluate(self, files: Any, *, on_progress: Callable[[float], object], **options: Any) -> dict[str, Any]:
        """Return figures."""
        asked.append({"files": list(files), **options})
        on_progress(0.5)
        return {
            "exact": 0.25, "f1": 0.5, "concept_f1": 0.375, "cider": 1.5, "bleu": 12.5, "bleu_signature": "tok:13a",
            "pictures": 8, "concepts": 3, "notes": ["One was left out."],
            "examples": [{"picture": "a.png", "caption": "a cat", "reference": "a dog"}],
        }  # fmt: skip
