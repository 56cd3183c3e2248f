"""A transcriber from a run folder: that of its best weights; other runs are named."""

import pytest
from support.bare_run import bare_run
from support.in_process import train
from support.recordings import write_wav
from support.speech_run import create, spoken

from lstmtui.engine.inference.loaded_recogniser import STATISTICS, load
from lstmtui.engine.inference.transcriber import MAX_PIECE
from lstmtui.errors import CorruptError, UsageError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = create(tmp_path_factory.mktemp("runs"), steps=4, eval_every=2, directions="forward")
    train(run)
    return run


def test_it_has_statistics_and_the_length_of_pieces(run, tmp_path):
    transcriber = load(run)
    assert transcriber.max_frames == 200  # the training recordings are shorter
    list(transcriber.transcribe(write_wav(tmp_path / "a.wav", spoken("abc"))))
    run.status.rename(run.path / "away")
    try:
        assert load(run).max_frames == MAX_PIECE * 100
    finally:
        (run.path / "away").rename(run.status)
    (run.path / STATISTICS).rename(run.path / "away")
    try:
        with pytest.raises(CorruptError, match="statistics"):
            load(run)
    finally:
        (run.path / "away").rename(run.path / STATISTICS)


def test_a_run_without_checkpoint_or_of_another_kind_raises(tmp_path):
    with pytest.raises(UsageError, match="not for speech"):
        load(bare_run(tmp_path, "other"))
    with pytest.raises(UsageError, match="no checkpoint"):
        load(create(tmp_path))
