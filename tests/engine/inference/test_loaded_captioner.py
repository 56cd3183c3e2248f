"""A captioner from a run folder: that of its best weights; other runs are named."""

import pytest
from support.bare_run import bare_run
from support.caption_run import create
from support.in_process import train

from lstmtui.engine.inference.loaded_captioner import USUAL_LONGEST, load
from lstmtui.errors import UsageError


def test_it_has_the_length_of_captions(tmp_path):
    run = create(tmp_path, steps=4, eval_every=2)
    train(run)
    assert load(run).longest == 3
    run.status.unlink()
    assert load(run).longest == USUAL_LONGEST


def test_a_run_without_checkpoint_or_of_another_kind_raises(tmp_path):
    with pytest.raises(UsageError, match="not for captions"):
        load(bare_run(tmp_path, "other"))
    with pytest.raises(UsageError, match="no checkpoint"):
        load(create(tmp_path))
