"""lstmtui: train, watch and type with recurrent networks of your own, in the terminal.

with lstmtui.Completer.load("diary") as completer:
    completer.complete("Dear ", k=5)

with lstmtui.Translator.load("multi30k") as translator:
    translator.translate(["A dog runs ."])

with lstmtui.Transcriber.load("digits") as transcriber:
    transcriber.transcribe("a.wav").text
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstmtui.client.model import Candidate, Completer
    from lstmtui.client.transcriber import Transcriber, Transcript
    from lstmtui.client.translator import Translation, Translator

__version__ = "0.1.0"
__all__ = ["Candidate", "Completer", "Transcriber", "Transcript", "Translation", "Translator", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the names for other programs at first use: commands start faster without them."""
    if name in ("Candidate", "Completer"):
        from lstmtui.client import model

        return getattr(model, name)
    if name in ("Translation", "Translator"):
        from lstmtui.client import translator

        return getattr(translator, name)
    if name in ("Transcriber", "Transcript"):
        from lstmtui.client import transcriber

        return getattr(transcriber, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
