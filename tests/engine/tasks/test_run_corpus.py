import shutil

import pytest
from support import tiny

from lstmtui.common import paths
from lstmtui.data.token_files import TokenFiles
from lstmtui.engine import step_plan
from lstmtui.runs.reader import RunReader


def forget_tokens_of(run):
    """Remove the run's tokens from the cache; its text must be that of no other test, which may run beside this one."""
    shutil.rmtree(TokenFiles.with_digest(paths.cache_root(), step_plan.stored(run).corpus).folder)


def stopped_in_the_middle(tmp_path, **changes):
    """Return a run that was stopped after some of its steps, and what it came to when nothing stopped it."""
    whole, run = (tiny.create(tmp_path, name, **changes) for name in ("whole", "run"))
    assert tiny.train(whole) == 0
    run.config.write_text(run.config.read_text().replace("steps = 30", "steps = 15"))
    assert tiny.train(run) == 0
    run.config.write_text(run.config.read_text().replace("steps = 15", "steps = 30"))
    step_plan.store(run, step_plan.stored(run).ending_at(30))
    return run, tiny.last_weights(whole)


@pytest.mark.parametrize("change", ["grown", "gone"])
def test_a_run_continues_with_its_original_text_and_reports_the_change(change, tmp_path):
    run, expected = stopped_in_the_middle(tmp_path, schedule="constant", warmup=0, dropout_rise=0.0)
    path = tiny.corpus(tmp_path)
    if change == "grown":
        path.write_text(path.read_text() + "one more line\n")
    else:
        path.unlink()
    assert tiny.train(run) == 0
    assert tiny.last_weights(run) == expected
    [noted] = tiny.events(run, "noted")
    reason = {"grown": "has changed since the run started", "gone": "can no longer be read"}[change]
    assert reason in noted["message"]
    assert f"'lstmtui train {path}' trains a new run on it" in noted["message"]


def test_a_changed_text_without_cached_tokens_ends_the_run_at_its_step(tmp_path):
    path = tiny.corpus(tmp_path, lines=101)
    run = tiny.create(tmp_path, steps=4)
    assert tiny.train(run) == 0
    path.write_text(path.read_text() + "one more line\n")
    forget_tokens_of(run)
    assert tiny.train(run) == 3
    snapshot = RunReader(run).refresh()
    assert (snapshot.step, snapshot.state) == (4, "failed")
    assert "no longer in the cache" in snapshot.message
    assert f"lstmtui train {path}" in snapshot.message


def test_an_unchanged_text_is_tokenised_again_after_the_cache_was_cleared(tmp_path):
    tiny.corpus(tmp_path, lines=102)
    run = tiny.create(tmp_path, steps=4)
    assert tiny.train(run) == 0
    forget_tokens_of(run)
    assert tiny.train(run) == 0
    assert tiny.events(run, "noted") == []
