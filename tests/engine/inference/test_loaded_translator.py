"""A translator from a run folder: that of its best weights; other runs are named."""

import pytest
from support.bare_run import bare_run
from support.in_process import train
from support.translation_run import create

from lstmtui.engine.inference.loaded_translator import TARGET_TOKENIZER, load
from lstmtui.errors import CorruptError, UsageError
from lstmtui.runs.reader import RunReader


@pytest.fixture
def run(tmp_path):
    return create(tmp_path)


def test_it_translates_as_the_run_that_trained(run):
    train(run)
    sample = RunReader(run).refresh().status["result"]["sample"]
    blocks = [block.splitlines() for block in sample.split("\n\n")]
    shown = [[line.split(None, 1)[-1] if " " in line.strip() else "" for line in block] for block in blocks]
    found = load(run).translate([source for source, _, _ in shown])
    assert [best.text for best, *_ in found] == [translation for _, translation, _ in shown]


def test_a_run_without_checkpoint_or_of_another_kind_raises(run, tmp_path):
    with pytest.raises(UsageError, match="not trained to translate"):
        load(bare_run(tmp_path, "other"))
    train(run)
    for path in run.checkpoints.iterdir():
        path.unlink()
    with pytest.raises(UsageError, match="no checkpoint"):
        load(run)


def test_another_vocabulary_raises(run):
    train(run)
    (run.path / TARGET_TOKENIZER).write_bytes(run.tokenizer.read_bytes())
    with pytest.raises(CorruptError, match="another tokenizer"):
        load(run)
