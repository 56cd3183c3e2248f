"""Networks of translation, captions and speech from a run, to another program, and back as a run that works."""

from __future__ import annotations

import numpy as np
import pytest
from support import exported_sequences
from support.recordings import write_wav
from support.speech_run import spoken

from lstmtui.engine.inference import loaded_captioner, loaded_recogniser, loaded_translator
from lstmtui.engine.services import export, import_model, sequence_models
from lstmtui.errors import CorruptError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader


@pytest.mark.parametrize("purpose", sequence_models.PURPOSES)
def test_a_run_comes_back_from_its_export(tmp_path, purpose):
    model = getattr(exported_sequences, purpose)().model
    run, out, again = RunFolder(tmp_path / "run"), tmp_path / "out", RunFolder(tmp_path / "again")
    import_model.write_run(model, run, "a test")
    out.mkdir()
    export.write(export.exported(run), "torch", out)
    about = import_model.write_run(import_model.read(out, "again"), again, "out")
    assert (about["purpose"], about["cell"], about["step"]) == (purpose, model.cell, 7)
    first, second = export.exported(run), export.exported(again)
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(first.weights[name], weight)
        np.testing.assert_array_equal(second.weights[name], weight)
    assert (second.target.digest(), second.longest) == (model.target.digest(), first.longest)
    assert RunReader(again).refresh().message == "Imported from out."


def test_runs_that_were_imported_translate_describe_and_transcribe(tmp_path):
    made = {purpose: RunFolder(tmp_path / purpose) for purpose in sequence_models.PURPOSES}
    for purpose, run in made.items():
        import_model.write_run(getattr(exported_sequences, purpose)().model, run, "a test")
    assert len(loaded_translator.load(made["translation"]).translate(["a dog runs"])) == 1
    captioner = loaded_captioner.load(made["captions"])
    assert captioner.longest == 4
    assert len(captioner.caption([np.zeros((4, 84), np.float32)])) == 1
    recording = write_wav(tmp_path / "a.wav", spoken("ab"))
    assert list(loaded_recogniser.load(made["speech"]).transcribe(recording))


def test_weights_of_other_shapes_make_no_run(tmp_path):
    small, large = exported_sequences.captions().model, exported_sequences.captions(hidden=9).model
    object.__setattr__(large, "weights", small.weights)
    with pytest.raises(CorruptError, match="does not fit"):
        import_model.write_run(large, RunFolder(tmp_path / "run"), "a test")
    assert not (tmp_path / "run").exists()
