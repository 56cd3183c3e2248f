"""Reading runs for the screens."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.prepared_run import NOW, alive, make_run

from lstmtui.common.files import append_json_line, to_json
from lstmtui.tui.workers.run_polling import RunPoller, RunsPoller


def test_probes_are_unpacked_once(tmp_path: Path) -> None:
    watch = RunPoller(make_run(tmp_path, state="stopped"))
    first, second = watch.poll(), watch.poll()
    assert len(first.probes) == 3
    assert second.probes is first.probes


def test_attention_is_read_of_a_translation_alone(tmp_path: Path) -> None:
    translation, text = (make_run(tmp_path, name, state="stopped", purpose=name) for name in ("translation", "text"))
    watch = RunPoller(translation)
    first = watch.poll()
    assert len(first.attention) == 3
    assert watch.poll().attention is first.attention
    assert RunPoller(text).poll().attention == ()


def test_a_new_probe_joins_the_older_ones_and_a_resume_begins_anew(tmp_path: Path) -> None:
    run = make_run(tmp_path, state="stopped", step=300)
    watch = RunPoller(run)
    first = watch.poll().probes
    assert [probe.step for probe in first] == [100, 200, 300]
    shutil.copy(run.probes / "saturation-00000300.npz", run.probes / "saturation-00000400.npz")
    second = watch.poll().probes
    assert second[:3] == first
    assert len(second) == 4
    for name in ("00000300", "00000400"):
        (run.probes / f"saturation-{name}.npz").unlink()
    assert [probe.step for probe in watch.poll().probes] == [100, 200]


def test_a_vanished_folder_keeps_what_was_seen(tmp_path: Path) -> None:
    run = make_run(tmp_path, state="stopped")
    watch = RunPoller(run)
    before = watch.poll()
    shutil.rmtree(run.path)
    after = watch.poll()
    assert after.gone
    assert after.snapshot.train == before.snapshot.train


def test_living_runs_come_first_and_keep_their_places(tmp_path: Path) -> None:
    old = make_run(tmp_path, "b-old", state="stopped", beat=NOW)
    living = [make_run(tmp_path, name) for name in ("z-live", "a-live")]
    watch = RunsPoller(tmp_path)
    with alive(living[0]), alive(living[1]):
        for _ in range(3):
            living[0].status.touch()
            assert [run.run.name for run in watch.poll()] == ["a-live", "z-live", "b-old"]
            living[1].status.touch()
    assert old.name == "b-old"


def test_an_ended_run_is_read_again_only_when_it_changes(tmp_path: Path) -> None:
    run = make_run(tmp_path, state="stopped")
    watch = RunsPoller(tmp_path)
    (first,) = watch.poll()
    assert watch.poll()[0] is first
    append_json_line(
        run.metrics, {"split": "valid", "step": 9999, "seconds": 1, "nll": 1, "perplexity": 2.7, "best": True}
    )
    assert watch.poll()[0].valid[-1].step == 9999


def test_a_run_that_starts_is_noticed(tmp_path: Path) -> None:
    run = make_run(tmp_path, state=None)
    watch = RunsPoller(tmp_path)
    assert watch.poll()[0].state == "new"
    run.status.write_text(to_json({"state": "finished", "step": 5, "steps": 5}))
    assert watch.poll()[0].state == "finished"


def test_a_deleted_run_is_forgotten(tmp_path: Path) -> None:
    run = make_run(tmp_path, state="stopped")
    watch = RunsPoller(tmp_path)
    assert len(watch.poll()) == 1
    shutil.rmtree(run.path)
    assert watch.poll() == ()
