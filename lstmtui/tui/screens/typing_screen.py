"""The screen on which one uses a run: it completes a text, translates it, transcribes recordings, or describes
pictures."""

from __future__ import annotations

from textual.screen import Screen

from lstmtui import config
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.services import Services


def typing_screen(run: RunFolder, services: Services) -> Screen[None]:
    """Return the screen for the run's purpose; a run that cannot be read is named by the screen itself."""
    try:
        settings = config.load(run.config)
    except LstmtuiError:
        settings = None
    if settings is None:
        return _type_screen(run, services)
    if settings.data.purpose == "translation":
        from lstmtui.tui.screens.translate import TranslateScreen

        return TranslateScreen(run, settings, services)
    if settings.data.purpose == "speech":
        from lstmtui.tui.screens.transcribe import TranscribeScreen

        return TranscribeScreen(run, settings, services)
    if settings.data.purpose == "captions":
        from lstmtui.tui.screens.caption import CaptionScreen

        return CaptionScreen(run, settings, services)
    return _type_screen(run, services)


def _type_screen(run: RunFolder, services: Services) -> Screen[None]:
    from lstmtui.tui.screens.type import TypeScreen

    return TypeScreen(run, services)
