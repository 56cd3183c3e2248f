"""Default settings that a run's corpus, its time and other settings lead to, by purpose.

Each function is pure, so that the same command makes the same run.
"""

from lstmtui.recipe.sequences import AudioSize, PictureSize, resolve_captions, resolve_speech, resolve_translation
from lstmtui.recipe.text import PENALTIES, resolve

__all__ = [
    "PENALTIES",
    "AudioSize",
    "PictureSize",
    "resolve",
    "resolve_captions",
    "resolve_speech",
    "resolve_translation",
]
