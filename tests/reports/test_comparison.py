"""Groups, figures, and what is recommended when."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from support.fake_inspector import flow, measured
from support.prepared_run import make_run

from lstmtui.errors import CorruptError, UsageError
from lstmtui.reports import comparison
from lstmtui.reports.comparison import Figures, Group
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.listing import list_runs
from lstmtui.runs.reader import RunReader


def one(cell: str, quality: float, *, speed: float = 1000.0, state: str = "finished", **more: object) -> Figures:
    known = {
        "run": RunFolder(None), "state": state, "cell": cell, "layers": 2, "hidden": 8, "parameters": 100, "nll": 1.0,
        "perplexity": 2.7, "bits_per_char": quality, "words": False, "tokens_per_second": speed, "seconds": 60.0,
        "steps": 10, "memory_mb": 100.0, "saturated": 0.1, "half_life": 3.0, "reach": 20,
    }  # fmt: skip
    return Figures(**{**known, **more})


def test_figures_of_a_run_come_from_status_and_probes(tmp_path):
    result = {"valid": {"nll": 1.5, "perplexity": 4.48, "bits_per_char": 2.164}}
    run = measured(make_run(tmp_path, state="finished", status={"result": result}), flow(900, decay=0.7))
    found = comparison.run_figures(comparison.read_snapshots([run.path])[0])
    assert (found.cell, found.layers, found.hidden, found.parameters) == ("lstm", 2, 48, 812_345)
    assert (found.quality, found.nll) == (2.164, 1.5)
    assert found.tokens_per_second == 48_000
    assert found.memory_mb == 312
    assert found.reach == 26  # the second layer's norms shrink by the root of 0.7
    assert 0 < found.saturated < 1
    assert found.half_life == pytest.approx(12, abs=2)
    told = comparison.figures_record(found)
    assert told["run"] == "diary-lstm"
    assert told["quality"] == 2.164


def test_unknown_figures_are_none(tmp_path):
    nothing = comparison.run_figures(comparison.read_snapshots([make_run(tmp_path, "a", state=None).path])[0])
    assert nothing.quality is nothing.tokens_per_second is nothing.half_life is nothing.memory_mb is None
    words = comparison.run_figures(comparison.read_snapshots([make_run(tmp_path, "b", tokens="words").path])[0])
    assert words.quality == words.perplexity is not None
    with pytest.raises(UsageError):
        comparison.read_snapshots([])


def test_only_differing_settings_are_listed(tmp_path):
    runs = [make_run(tmp_path, "a", lr=0.01), make_run(tmp_path, "b", lr=0.01, cell="gru", corpus=("x/y.txt",))]
    found = dict(comparison.setting_differences(comparison.read_snapshots([run.path for run in runs])))
    assert found["cell"] == ["lstm", "gru"]
    assert found["corpus"] == ["diary.txt", "y.txt"]
    assert "lr" not in found


def test_a_group_is_stored_beside_the_runs(tmp_path):
    group = Group("cells", "1 minute each", ("cells-lstm", "cells-gru"))
    comparison.store_group(tmp_path, group)
    assert comparison.load_group(tmp_path, "cells") == group
    assert comparison.load_group(tmp_path, "other") is None
    assert list_runs(tmp_path) == []
    made = make_run(tmp_path, "cells-gru")
    assert comparison.group_runs(tmp_path, group) == [made]
    for broken in ("{", '{"format": 9}', '{"format": 1, "runs": [1]}'):
        (tmp_path / ".groups" / "cells.json").write_text(broken)
        with pytest.raises(CorruptError):
            comparison.load_group(tmp_path, "cells")
    (tmp_path / ".groups" / "cells.json").write_text('{"format": 1, "runs": ["../../etc"]}')
    with pytest.raises(UsageError):
        comparison.load_group(tmp_path, "cells")


def test_the_marked_run_is_the_one_that_the_sentence_names():
    training = one("gru", 1.2, state="training")
    runs = [training, one("lstm", 1.7), one("rnn", 1.8)]
    assert comparison.recommendation(runs).startswith("lstm is best")
    assert comparison.best_run(runs) is runs[1]
    lucky = [one("lstm", 1.70), one("lstm", 1.71), one("rnn", 1.69), one("rnn", 1.80)]
    assert comparison.best_run(lucky) is lucky[0]
    assert comparison.best_run([training]) is None


def test_runs_of_different_texts_have_no_best():
    runs = [one("lstm", 1.7, text=("a.txt",)), one("rnn", 1.8, text=("b.txt",))]
    assert comparison.best_run(runs) is None
    assert "different texts" in comparison.recommendation(runs)
    mixed = [one("lstm", 1.7), one("rnn", 1.8, words=True)]
    assert comparison.best_run(mixed) is None
    assert "different units" in comparison.recommendation(mixed)


def test_the_text_of_a_run_is_its_corpus_and_how_it_is_split(tmp_path):
    kinds = ({}, {"corpus": ("b.txt",)}, {"valid_fraction": 0.2})
    made = [make_run(tmp_path, f"run-{n}", **kind) for n, kind in enumerate(kinds)]
    found = [comparison.run_figures(s) for s in comparison.read_snapshots([run.path for run in made])]
    assert len({run.text for run in found}) == 3


def test_captions_are_compared_by_word_f1_of_which_the_highest_is_the_best():
    runs = [one("lstm", 1.0, f1=f1, words=True) for f1 in (0.41, 0.42)] + [
        one("gru", 2.0, f1=f1, words=True) for f1 in (0.51, 0.52)
    ]
    assert comparison.unit_of(runs[0]) == "word F1"
    assert comparison.best_run(runs) is runs[3]
    assert comparison.recommendation(runs).startswith("Take gru: 0.515 ± 0.007 word F1, 0.100 before lstm")
    assert "gru is best with 0.510 word F1, 0.100 before lstm" in comparison.recommendation(runs[::2])


def test_a_run_that_is_left_out_is_named():
    crashed, made = one("gru", 1.2, state="crashed", run=RunFolder(Path("g"))), one("lstm", 1.7)
    assert comparison.left_out([crashed, made]) == "Left out: 'g' (crashed)."
    assert comparison.left_out([made]) == comparison.left_out([crashed]) == ""
    assert "and 2 more" in comparison.left_out([made, *[crashed] * 5])


def test_a_run_that_has_finished_is_compared_by_all_of_its_validation_text(tmp_path):
    told = {"valid_tokens": 40_000, "result": {"valid": {"nll": 1.9, "perplexity": 6.7, "bits_per_char": 2.74}}}
    whole = RunReader(make_run(tmp_path, "a", state="finished", eval_tokens=20_000, status=told)).refresh()
    assert (whole.evaluated_part, whole.result.value, comparison.run_figures(whole).is_part) == (
        (20_000, 40_000),
        1.9,
        False,
    )
    part = RunReader(make_run(tmp_path, "b", eval_tokens=20_000, status=told)).refresh()
    assert part.result == part.best
    assert comparison.run_figures(part).is_part
    assert RunReader(make_run(tmp_path, "c", eval_tokens=0, status=told)).refresh().evaluated_part is None


def test_a_clear_difference_is_recommended():
    runs = [one("lstm", q) for q in (1.70, 1.71, 1.69)] + [one("rnn", q) for q in (1.80, 1.81, 1.79)]
    said = comparison.recommendation(runs)
    assert said.startswith("Take lstm: 1.700 ± 0.010 bits per character, 0.100 before rnn")


def test_a_difference_within_noise_recommends_the_faster_cell():
    runs = [one("lstm", q, speed=50) for q in (1.70, 1.74, 1.66)] + [
        one("gru", q, speed=90) for q in (1.71, 1.75, 1.67)
    ]
    runs += [one("rnn", q, speed=300) for q in (2.0, 2.01, 1.99)]
    said = comparison.recommendation(runs)
    assert said.startswith("lstm and gru do not differ significantly")
    assert "gru is the fastest" in said
    assert said.endswith("Behind by more than seeds explain: rnn by 0.300.")


def test_each_cell_is_judged_by_its_own_spread():
    # coupled is nearer to the best than peephole, but always so; peephole once was better than all.
    runs = [one("gru", q) for q in (1.700, 1.701, 1.699)] + [one("coupled", q) for q in (1.720, 1.721, 1.719)]
    runs += [one("peephole", q) for q in (1.69, 1.75, 1.81)]
    said = comparison.recommendation(runs)
    assert said.startswith("gru and peephole do not differ significantly here (gru leads by 0.050")
    assert said.endswith("Behind by more than seeds explain: coupled by 0.020.")


def test_the_t_test_agrees_with_published_values():
    # n 3 and 3, equal deviations: 4 degrees of freedom, t 2.776, error 0.1 * sqrt(2 / 3).
    spread = comparison.Spread(1.0, 0.1, 3)
    assert comparison.least_significant_difference(spread, comparison.Spread(2.0, 0.1, 3)) == pytest.approx(
        2.78 * 0.0816, rel=1e-2
    )
    # One that does not vary leaves the other's 2 degrees of freedom.
    assert comparison.least_significant_difference(spread, comparison.Spread(2.0, 0.0, 3)) == pytest.approx(
        4.30 * 0.0577, rel=1e-2
    )
    assert comparison.least_significant_difference(comparison.Spread(1.0, None, 1), spread) == float("inf")


def test_the_recommendation_of_one_seed_names_its_limit():
    assert "with one seed each" in comparison.recommendation([one("lstm", 1.7), one("gru", 1.72)])
    assert "with one seed of gru" in comparison.recommendation([one("lstm", 1.72), one("lstm", 1.73), one("gru", 1.7)])
    assert "nothing to compare" in comparison.recommendation([one("lstm", 1.7), one("gru", 1.6, state="training")])
    assert "No run has finished" in comparison.recommendation([one("lstm", 1.7, state="stopped")])


def test_perplexity_decides_for_words():
    runs = [
        dataclasses.replace(one("lstm", 9.0), words=True, perplexity=100.0),
        one("gru", 1.0, words=True, perplexity=120.0),
    ]
    assert "lstm is best with 100.000 perplexity" in comparison.recommendation(runs)


def test_the_spread_is_mean_and_deviation():
    assert comparison.spread([None, None]) is None
    assert comparison.spread([2.0, None]).text() == "2.000"
    assert comparison.spread([1.0, 3.0]).text(1) == "2.0 ± 1.4"


def test_runs_of_speech_are_compared_by_their_word_error_rate(tmp_path):
    result = {"valid": {"nll": 0.1, "wer": 0.03, "cer": 0.01}}
    run = make_run(tmp_path, state="finished", status={"result": result})
    found = comparison.run_figures(comparison.read_snapshots([run.path])[0])
    assert (found.quality, found.cer, comparison.unit_of(found)) == (0.03, 0.01, "word error rate")
