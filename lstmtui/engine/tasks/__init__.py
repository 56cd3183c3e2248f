"""The table of tasks: purpose of a run to its task. Other modules do not import a task directly."""

from __future__ import annotations

from lstmtui.config import RunSettings
from lstmtui.engine.tasks.captions import CaptionTask
from lstmtui.engine.tasks.language import LanguageTask
from lstmtui.engine.tasks.memory import MemoryTask
from lstmtui.engine.tasks.speech import SpeechTask
from lstmtui.engine.tasks.task import Check, Task
from lstmtui.engine.tasks.translation import TranslationTask
from lstmtui.runs.writer import RunWriter

TASKS: dict[str, type[Task]] = {
    "text": LanguageTask,
    "autocomplete": LanguageTask,
    "translation": TranslationTask,
    "speech": SpeechTask,
    "captions": CaptionTask,
    "memory": MemoryTask,
}


def task_of(s: RunSettings, writer: RunWriter, check: Check) -> Task:
    """Return the task for the settings `s`, before it reads any data."""
    return TASKS[s.data.purpose](s, writer, check)
