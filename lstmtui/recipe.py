"""The settings that follow from others: what `lstmtui train FILE` uses where the person said nothing.

A pure function of the settings given and the corpus's size, so that the same command makes the same run.
"""

from __future__ import annotations

import dataclasses

from lstmtui.config import Settings
from lstmtui.machine import cpu_count

MB = 1_000_000


def complete(s: Settings, *, corpus_bytes: int) -> Settings:
    """Return `s` with every open field chosen."""
    default_corpus = s.corpus == ("default",)
    chosen: dict[str, object] = {}
    if s.minutes is None and s.epochs is None and s.steps is None:
        chosen["minutes"] = 1.5 if default_corpus else 3.0 if corpus_bytes < 2 * MB else 8.0
    words = s.tokens in ("words", "bpe")
    minutes = s.minutes or chosen.get("minutes")
    short = isinstance(minutes, float) and minutes < 2
    defaults: dict[str, object] = {
        "vocabulary": {"words": 10_000, "bpe": 2_000}.get(s.tokens),
        "layers": 1 if short and not words else 2,
        "hidden": 200 if words else 256,
        "batch": 20 if words else 32,
        "bptt": 35 if words else 64,
        "dropout": 0.25 if words else 0.1,
        "dropout_in": 0.25 if words else 0.0,
        "lr": 2e-3 if words else 4e-3,
        "warmup": 100,
        "ema": 0.0,
        "patience": 5,
        "log_every": 10,
        "eval_every": 250,
        "eval_tokens": 32_768,
    }
    for name, value in defaults.items():
        if getattr(s, name) is None:
            chosen[name] = value
    hidden = s.hidden or int(str(chosen["hidden"]))
    if s.tied is None:
        chosen["tied"] = words and s.embedding in (None, hidden)
    if s.embedding is None:
        tied = s.tied if s.tied is not None else bool(chosen["tied"])
        chosen["embedding"] = hidden if tied or words else min(hidden, 64)
    if s.threads is None:
        chosen["threads"] = min(cpu_count(), 16)
    return dataclasses.replace(s, **chosen)  # type: ignore[arg-type]  # names and types are Settings' own
