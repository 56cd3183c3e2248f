"""The plan of a new run: what is read, and what the network costs, as rows of a table."""

from __future__ import annotations

from typing import Any

from lstmtui.common.units import format_duration, format_size
from lstmtui.config import DataSettings, RunSettings, Settings
from lstmtui.tui import wording

Row = tuple[str, str, str]
"""Label, value and remark."""
COUNTED = ("pairs", "recordings", "pictures")
"""What the data of other purposes than text are counted in; their plans have no forecast."""


def read(settings: Settings) -> tuple[RunSettings, dict[str, Any]]:
    """Read the texts; return the resolved settings, and the size and notes of the texts. Raises UsageError."""
    if settings.purpose == "translation":
        from lstmtui.data.parallel_corpus import open_pairs

        pairs = open_pairs(DataSettings.of(settings))
        counts = {"pairs": len(pairs.train), "valid_pairs": len(pairs.valid)}
        return pairs.resolve(settings), {**counts, "notes": pairs.notes()}
    if settings.purpose == "speech":
        from lstmtui.data.speech_corpus import open_recordings

        found = open_recordings(DataSettings.of(settings))
        of_speech = {"recordings": len(found.train), "valid": len(found.valid), "seconds": sum(found.train.seconds)}
        return found.resolve(settings), {**of_speech, "notes": found.notes()}
    if settings.purpose == "captions":
        from lstmtui.data.caption_corpus import open_captions

        described = open_captions(DataSettings.of(settings))
        counted = {"pictures": len(described.train), "valid": len(described.valid)}
        counted["captions"] = sum(map(len, described.train.references))
        return described.resolve(settings), {**counted, "notes": described.notes()}
    from lstmtui.data.corpus import open_corpus
    from lstmtui.data.notes import corpus_notes

    corpus = open_corpus(DataSettings.of(settings))
    return corpus.resolve(settings), {"bytes": corpus.bytes, "notes": corpus_notes(corpus)}


def translation_rows(s: RunSettings, figures: dict[str, Any]) -> list[Row]:
    """Return label, value and remark of each line of the plan of a translation."""
    vocabulary = f"at most {s.data.vocabulary:,} {s.data.tokens}" if s.data.vocabulary else s.data.tokens
    return [
        ("pairs", f"{figures['pairs']:,}", f"and {figures['valid_pairs']:,} to validate"),
        ("languages", " to ".join(s.language_names()), ""),
        ("network", f"{s.network.cell} {s.network.layers}×{s.network.hidden}", vocabulary),
        ("batch", *wording.batch(s)),
        ("recipe", f"dropout {s.regularisation.dropout:g}", f"lr {s.optimisation.lr:g}"),
        ("time", f"{s.length.amount:g} {s.length.unit}", "in all" if s.length.unit == "minutes" else ""),
    ]


def speech_rows(s: RunSettings, figures: dict[str, Any]) -> list[Row]:
    """Return label, value and remark of each line of the plan of a recogniser."""
    directions = "both directions" if s.speech.directions == "both" else "one direction, streams"
    return [
        ("speech", format_duration(figures["seconds"]), f"in {figures['recordings']:,} recordings"),
        ("validate", f"{figures['valid']:,}", "other recordings"),
        ("features", f"{s.speech.mel} log-mel", f"at {s.speech.sample_rate:,} Hz"),
        ("network", f"{s.network.cell} {s.network.layers}×{s.network.hidden}", directions),
        ("tokens", s.data.tokens, ""),
        ("batch", *wording.batch(s)),
        ("recipe", f"dropout {s.regularisation.dropout:g}", f"lr {s.optimisation.lr:g}"),
        ("time", f"{s.length.amount:g} {s.length.unit}", "in all" if s.length.unit == "minutes" else ""),
    ]


def caption_rows(s: RunSettings, figures: dict[str, Any]) -> list[Row]:
    """Return label, value and remark of each line of the plan of a captioner."""
    rows, columns = s.pictures.grid
    return [
        ("pictures", f"{figures['pictures']:,}", f"with {figures['captions']:,} captions"),
        ("validate", f"{figures['valid']:,}", "other pictures"),
        ("patches", f"{rows}×{columns}", f"of {s.pictures.vector_size:,} numbers"),
        ("network", f"{s.network.cell} {s.network.layers}×{s.network.hidden}", "along rows, then columns"),
        ("tokens", s.data.tokens, ""),
        ("batch", *wording.batch(s)),
        ("recipe", f"dropout {s.regularisation.dropout:g}", f"lr {s.optimisation.lr:g}"),
        ("time", f"{s.length.amount:g} {s.length.unit}", "in all" if s.length.unit == "minutes" else ""),
    ]


def plan_rows(s: RunSettings, figures: dict[str, Any]) -> list[Row]:
    """Return label, value and remark of each line of the plan; unknown figures are an ellipsis."""
    if "pairs" in figures:
        return translation_rows(s, figures)
    if "recordings" in figures:
        return speech_rows(s, figures)
    if "pictures" in figures:
        return caption_rows(s, figures)
    unit = {"chars": "characters", "bytes": "bytes", "words": "words"}.get(s.data.tokens, "tokens")
    known, speed, gpu = "parameters" in figures, figures.get("tokens_per_second"), figures.get("gpu_memory_mb")
    rows = [
        ("text", format_size(figures["bytes"]), f"{wording.short(figures['tokens'])} {unit}" if known else ""),
        (
            "network",
            f"{s.network.cell} {s.network.layers}×{s.network.hidden}",
            f"{figures['vocabulary']:,} {s.data.tokens}" if known else "…",
        ),
        ("size", wording.short(figures["parameters"]) if known else "…", "parameters"),
        ("work", wording.short(figures["flop_per_token"]) if known else "…", "FLOP a token"),
        (
            "memory",
            f"{figures['memory_mb'] if gpu is None else gpu:,.0f} MB" if known else "…",
            "" if not known else f"of {figures['machine_mb'] / 1000:,.0f} GB" if gpu is None else "on the GPU",
        ),
        ("windows", *wording.batch(s)),
        ("recipe", f"dropout {s.regularisation.dropout:g}", f"lr {s.optimisation.lr:g}"),
        (
            "speed",
            wording.short(speed) if speed else "measuring …" if known else "…",
            f"{unit}/s here" if speed else "",
        ),
    ]
    if speed:
        seconds = seconds_of(s, figures["tokens"], speed)
        tokens = seconds * speed
        rows += [
            ("time", format_duration(seconds), "of training" if s.length.minutes is None else "in all"),
            ("reads", f"{tokens / max(1, figures['tokens']):.1f} times", "the whole text"),
        ]
    return rows


def seconds_of(s: RunSettings, tokens: int, speed: float) -> float:
    """Return the expected seconds of training: the time that was set, or the time of the steps."""
    amount = s.length.amount
    if s.length.unit == "minutes":
        return 60 * amount
    if s.length.unit == "epochs":
        return amount * tokens / speed
    return amount * s.length.batch * s.length.bptt / speed
