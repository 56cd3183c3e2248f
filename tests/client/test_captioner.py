"""A captioner in a process of its own: captions, several of them, what each word looked at, pictures that are none."""

from __future__ import annotations

import pytest
from support.caption_run import create
from support.in_process import train

import lstmtui
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.folder import RunFolder


def test_a_process_captions_pictures(tmp_path):
    run = create(tmp_path, steps=20)
    train(run)
    pictures = sorted(tmp_path.rglob("*.png"))[:2]
    none = tmp_path / "none.png"
    none.write_text("no picture")
    with lstmtui.Captioner(run) as captioner:
        assert {name: captioner.about[name] for name in ("side", "rows", "columns")} == {
            "side": 16, "rows": 2, "columns": 2,
        }  # fmt: skip
        texts = captioner.caption(pictures)
        assert len(texts) == 2
        found, bad = captioner.describe([pictures[0], none], nbest=3, beam=4, pixels=True)
        assert found.file == str(pictures[0])
        assert (found.error, len(found.pixels)) == ("", 16 * 16 * 3)
        assert found.captions[0].text == texts[0]
        assert [one.score for one in found.captions] == sorted((one.score for one in found.captions), reverse=True)
        for one in found.captions:
            assert len(one.attention) == len(one.tokens)
            assert all(sum(map(sum, grid)) == pytest.approx(1, abs=1e-2) for grid in one.attention)
        assert (bad.captions, bad.pixels) == ((), b"")
        assert "none.png" in bad.error
        with pytest.raises(UsageError, match=r"none\.png"):
            captioner.caption([none])
        with pytest.raises(UsageError, match="nbest"):
            captioner.describe(pictures, nbest=3, beam=2)
        heard: list[float] = []
        figures = captioner.evaluate([next(iter(tmp_path.rglob("*.tsv")))], on_progress=heard.append)
        assert figures["pictures"] == 2
        assert heard[-1] == 1.0


def test_a_run_that_cannot_be_loaded_raises(tmp_path):
    with pytest.raises(LstmtuiError):
        lstmtui.Captioner(RunFolder(tmp_path / "none"))
