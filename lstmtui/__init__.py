"""lstmtui: train, watch and type with recurrent networks of your own, in the terminal.

with lstmtui.Completer.load("diary") as completer:
    completer.complete("Dear ", k=5)

with lstmtui.Translator.load("multi30k") as translator:
    translator.translate(["A dog runs ."])

with lstmtui.Transcriber.load("digits") as transcriber:
    transcriber.transcribe("a.wav").text

with lstmtui.Captioner.load("emoji") as captioner:
    captioner.caption(["a.png"])

with lstmtui.Run.load("diary") as run:
    run.train["loss"], run.evaluate("Dear Anna, ..."), run.gates("Dear ")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstmtui.client.captioner import Captioner, Described
    from lstmtui.client.model import Candidate, Completer
    from lstmtui.client.run import Run
    from lstmtui.client.transcriber import Transcriber, Transcript
    from lstmtui.client.translator import Translation, Translator

__version__ = "0.1.0"
_MODULES = {
    "Candidate": "model", "Captioner": "captioner", "Completer": "model", "Described": "captioner",
    "Run": "run", "Transcriber": "transcriber", "Transcript": "transcriber", "Translation": "translator",
    "Translator": "translator",
}  # fmt: skip
"""The names for other programs, and the module of `lstmtui.client` that each is in."""
__all__ = [
    "Candidate", "Captioner", "Completer", "Described", "Run", "Transcriber", "Transcript", "Translation",
    "Translator", "__version__",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import the names for other programs at first use: commands start faster without them."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"lstmtui.client.{_MODULES[name]}"), name)
