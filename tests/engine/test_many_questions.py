"""A server that is asked for long keeps its size."""

from __future__ import annotations

import random

import pytest
import tiny

from lstmtui import api

QUESTIONS = 1500
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "looked", "at", "moon", "while", "dog", "zebulon", "run", "."]
WORDS += ["\ud83d", "\x00", "caf\udce9", "日本", "🙂"]


def resident_mb(pid: int) -> float:
    """Return how much memory a process has."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


@pytest.mark.parametrize("tokens", ["chars", "words"])
def test_memory_stays_flat_over_many_questions(tmp_path, tokens):
    run = tiny.create(tmp_path, tokens=tokens)
    assert tiny.train(run) == 0
    draw, sizes = random.Random(7), []
    with api.Model(run) as model:
        pid = model._child._process.pid
        for number in range(QUESTIONS):
            text = " ".join(draw.choices(WORDS, k=draw.randrange(20)))
            try:
                if number % 100 == 17:
                    model.ask("sample", prompt=text, length=20, top_k=draw.choice([0, 3, 10**15]))
                elif number % 100 == 18:
                    model.ask("inspect", text=text)
                elif number % 10 == 3:
                    model.ask(draw.choice(["complete", "nothing", "sample"]), text=draw.choice([None, 3, [], text]))
                else:
                    model.complete(text, k=draw.randrange(1, 7), phrase=number % 5 == 0)
            except api.UsageError:
                pass
            if number % 250 == 249:
                sizes.append(resident_mb(pid))
    assert sizes[-1] - sizes[1] < 12, sizes
