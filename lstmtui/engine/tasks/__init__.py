"""The table of tasks: purpose of a run to what trains it. Nobody else imports a task by its name."""

from __future__ import annotations

from lstmtui.config import RunSettings
from lstmtui.engine.tasks.language import LanguageTask
from lstmtui.engine.tasks.memory import MemoryTask
from lstmtui.engine.tasks.task import Check, Task
from lstmtui.runs.writer import RunWriter

TASKS: dict[str, type[Task]] = {"text": LanguageTask, "autocomplete": LanguageTask, "memory": MemoryTask}


def task_of(s: RunSettings, writer: RunWriter, check: Check) -> Task:
    """Return the task of a run with settings `s`; nothing is read yet."""
    return TASKS[s.data.purpose](s, writer, check)
