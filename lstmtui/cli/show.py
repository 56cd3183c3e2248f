"""`lstmtui show [RUN]`."""

from __future__ import annotations

import dataclasses
from typing import Any

from lstmtui import config
from lstmtui.cli.ending import SAMPLE_TITLES, part_of
from lstmtui.cli.options import AsJson, RunOrLatest, RunsDir, resolve_run, run_argument
from lstmtui.cli.output import figures, notify, write, write_json
from lstmtui.common.files import read_json
from lstmtui.common.units import format_age, format_duration, format_size
from lstmtui.errors import CorruptError
from lstmtui.reports import health, overfitting
from lstmtui.reports.card import card, card_lines
from lstmtui.runs.archive import text_files, total_size
from lstmtui.runs.base import is_base
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot


def show(run: RunOrLatest = "latest", json: AsJson = False, runs_dir: RunsDir = None) -> int:
    """Show a run: its progress, figures, card, last sample and every setting."""
    found = resolve_run(run, runs_dir)
    settings = config.load(found.config)
    snapshot = RunReader(found).refresh()
    try:
        plan = read_json(found.plan)
    except CorruptError as error:
        plan = None
        notify(str(error))
    if json:
        write_json(_record(snapshot, settings, plan))
        return 0
    write(f"{found.name}  {snapshot.state}{f': {snapshot.message}' if snapshot.message else ''}")
    for name, value in _figures(snapshot):
        write(f"  {name:<14} {value}")
    for sentence in () if is_base(found) else (*health.advice(snapshot), *_text_notice(found)):
        write(f"  {sentence}")
    write("\ncard")
    for name, value in card_lines(card(found, settings)):
        write(f"  {name:<14} {value}")
    write("\nsettings")
    for name, value in settings.flat().items():
        if value not in (None, "", ()):
            write(f"  {name:<17} {', '.join(value) if isinstance(value, tuple) else value}")
    if plan:
        write("\nplan")
        for name, value in plan.items():
            write(f"  {name:<14} {value}")
    if snapshot.samples:
        last = snapshot.samples[-1]
        of_model = f"sample at step {last.step}, temperature {last.temperature:g}"
        of_examples = SAMPLE_TITLES.get(settings.data.purpose)
        title = f"{of_examples} at step {last.step}" if of_examples else of_model
        write(f"\n{title}\n{last.text.rstrip()}")
    return 0


def _text_notice(run: RunFolder) -> list[str]:
    """Return a sentence about the training text in a run's folder, which would be passed on with it."""
    paths = text_files(run)
    if not paths:
        return []
    names = ", ".join(str(path.relative_to(run.path)) for path in paths)
    return [
        f"Its folder contains the text it was trained on or typed with ({names}: {format_size(total_size(paths))}); "
        f"'lstmtui pack {run_argument(run)} --without-text' makes an archive without it."
    ]


def _figures(s: RunSnapshot) -> list[tuple[str, str]]:
    status = s.status
    lines = [("folder", str(s.run.path)), ("step", f"{s.step} of {s.steps}" if s.steps else str(s.step))]
    if isinstance(status.get("parameters"), int):
        lines.append(("parameters", f"{status['parameters']:,}"))
    if isinstance(status.get("seconds"), int | float):
        lines.append(("trained for", format_duration(status["seconds"])))
    if s.seconds_left is not None and not s.ended:
        lines.append(("left", format_duration(s.seconds_left)))
    if isinstance(status.get("heartbeat"), int | float):
        lines.append(("last seen", f"{format_age(status['heartbeat'])} ago"))
    is_language = s.settings is None or s.settings.data.purpose != "memory"
    if (word := health.judge(s).word) and s.state != "diverged":
        lines.append(("health", word))
    if s.train:
        loss, speed = s.train[-1].loss, s.train[-1].tokens_per_second
        how = f"{loss:.4f} nats per token, {speed:.0f} tokens/s" if is_language else f"loss {loss:.4g}, {speed:.0f}/s"
        lines.append(("training", how))
    if s.best is not None:
        best = dict(s.best.figures)
        part = "" if s.evaluated_part is None else ", on {:,} of {:,} tokens".format(*s.evaluated_part)
        lines.append(("validation", f"{figures(best)} (best, step {s.best.step}{part})"))
    if (gap := overfitting.generalisation_gap(s)) is not None:
        verdict = "" if health.judge(s).level == health.SICK else f", {gap[1]}"
        lines.append(("gap", f"{gap[0]:+.3f} nats per token{verdict}"))
    if (fraction := health.saturation(s)) is not None:
        lines.append(("saturated", f"{100 * fraction:.0f} % of all gate values, {health.usual_saturation()}"))
    if (copied := overfitting.copied_text(s)) is not None:
        lines.append(("copied", f"{copied.words} of a sample of {copied.of}"))
    result = status.get("result") or {}
    if isinstance(result.get("verdict"), str):
        lines.append(("learnt" if result.get("passed") else "not learnt", result["verdict"]))
    for split, words in (("valid", "final"), ("test", "test")):
        if result.get(split):
            lines.append((words, f"{figures(result[split])}{part_of(result[split])}"))
    return lines


def _record(s: RunSnapshot, settings: config.RunSettings, plan: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "run": s.run.name,
        "path": str(s.run.path),
        "state": s.state,
        "message": s.message,
        "status": s.status,
        "settings": settings.flat(),
        "plan": plan,
        "best": s.best.record() if s.best else None,
        "last": dataclasses.asdict(s.train[-1]) if s.train else None,
        "guard": {**overfitting.overfitting_record(s), "advice": health.advice(s)},
        "health": health.health_record(s),
        "card": card(s.run, settings),
        "text_files": [str(path.relative_to(s.run.path)) for path in text_files(s.run)],
        "sample": dataclasses.asdict(s.samples[-1]) if s.samples else None,
    }
