"""What a command prints of a run that has ended: figures, advice, a sample, and the next commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from lstmtui.cli.output import figures, notify, write, write_json
from lstmtui.common import text_beginning as beginnings
from lstmtui.common.terminal_text import safe
from lstmtui.common.units import format_duration
from lstmtui.reports import health, overfitting
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.next_step import resume_command
from lstmtui.runs.snapshot import RunSnapshot

SAMPLE_TITLES = {"speech": "transcripts", "captions": "captions"}
"""What the sample of a purpose is called; that of any other is a sample."""

SPLITS = (("valid", "Validation"), ("test", "Test"))


def conclude(snapshot: RunSnapshot, name: str, state: str, code: int, *, as_json: bool, own: bool = True) -> int:
    """Print the figures, advice and sample of a run that has ended in `state`, and return `code`.

    own    whether the status is of the engine that ended; the figures of another one are not printed
    """
    run = snapshot.run
    result: dict[str, Any] = (snapshot.status.get("result") or {}) if own else {}
    judged = health.judge(snapshot)
    advised = state == "finished" or (state == "stopped" and judged.level == health.SICK)
    advice = health.advice(snapshot) if own and advised else []
    if own and state == "finished":
        notify(finished(snapshot))
    for split, title in SPLITS:
        if result.get(split):
            notify(f"{title}: {figures(result[split])}{part_of(result[split])}")
    if own and state == "finished" and (copied := overfitting.copied_text(snapshot)) is not None:
        notify(f"Longest passage of its samples that is in the training text: {copied.words}.")
    for sentence in advice:
        notify(sentence)
    if as_json:
        write_json(
            {
                "run": run.name,
                "path": str(run.path),
                "state": state,
                "exit_code": code,
                "message": snapshot.message,
                "step": snapshot.step,
                "result": result or None,
                "health": health.health_record(snapshot),
                "advice": advice,
            }
        )
    elif result.get("sample"):
        notify(f"{SAMPLE_TITLES.get(_purpose(snapshot), 'sample').capitalize()}:")
        write(str(result["sample"]).rstrip("\n"))
    if state in ("finished", "stopped") and saved_step(run) is not None:
        for line in what_next(snapshot, name, state):
            notify(line)
    return code


def finished(snapshot: RunSnapshot) -> str:
    """Return the last sentence about a finished run."""
    seconds, step = snapshot.status.get("seconds"), (snapshot.status.get("result") or {}).get("best_step")
    took = f" and {format_duration(seconds)} of training" if isinstance(seconds, int | float) else ""
    best = f"; the best weights are those of step {step}" if step is not None else ""
    return snapshot.message or f"Finished after {snapshot.step} steps{took}{best}."


def part_of(result: dict[str, Any]) -> str:
    """Return in brackets how much of a text was evaluated, where that is not all of it."""
    return "" if result.get("whole", True) else f" (of {result['tokens']:,} tokens spread over it)"


def what_next(snapshot: RunSnapshot, name: str, state: str) -> Iterator[str]:
    """Yield the commands that use or continue the run."""
    commands = list(_uses(snapshot, name))
    past_best = overfitting.evaluations_since_best(snapshot) >= overfitting.MIN_EVALUATIONS_PAST_BEST
    if state == "finished" and not past_best and health.judge(snapshot).level != health.SICK:
        commands.append((resume_command(snapshot, name), "to train it further"))
    width = max(len(command) for command, _ in commands)
    for number, (command, purpose) in enumerate(commands):
        yield f"{'      ' if number else chr(10) + 'Next: '}{command:<{width}}   {purpose}"


def _uses(snapshot: RunSnapshot, name: str) -> Iterator[tuple[str, str]]:
    """Yield the commands that use the run, and what for."""
    if _purpose(snapshot) == "speech":
        yield f"lstmtui transcribe {name} FILE", "to write what is said in a recording"
        yield f"lstmtui transcribe {name} --microphone", "to write what you say"
    elif _purpose(snapshot) == "translation":
        yield f"lstmtui translate {name}", "to translate the lines that you type or pipe in"
    elif _purpose(snapshot) == "captions":
        yield f"lstmtui caption {name} PICTURE", "to describe a picture in words"
    else:
        yield f"lstmtui complete {name} {quoted(snapshot)}", "to see how a text goes on"
        yield f"lstmtui type {name}", "to type with it"


def _purpose(snapshot: RunSnapshot) -> str:
    return snapshot.settings.data.purpose if snapshot.settings is not None else "text"


def quoted(snapshot: RunSnapshot) -> str:
    """Return the beginning of a text like the run's, quoted for the shell."""
    text = beginning(snapshot)
    return f'"{text}"' if not set(text) & set('"$`\\!') else shlex.quote(text)


def beginning(snapshot: RunSnapshot) -> str:
    """Return the beginning that the engine took from the validation text; of a sample for an older run."""
    stored = snapshot.status.get("beginning")
    if isinstance(stored, str) and stored and safe(stored, newlines=False) == stored:
        return stored
    return next(
        (found for sample in reversed(snapshot.samples) if (found := beginnings.example_prompt(sample.text))), "The "
    )


def saved_step(run: RunFolder) -> int | None:
    """Return the step in the name of the newest checkpoint."""
    steps = [path.stem.removeprefix("step-") for path in run.checkpoints.glob("step-*.safetensors")]
    return max((int(step) for step in steps if step.isdecimal()), default=None)
