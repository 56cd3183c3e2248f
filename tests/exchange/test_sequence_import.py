"""Exported folders of translation, captions and speech come back as they were, and hostile ones are one sentence."""

from __future__ import annotations

import numpy as np
import pytest
import safetensors.numpy
from support import exported_models, exported_sequences
from support.changed_json import change

from lstmtui.errors import CorruptError, LstmtuiError, UsageError
from lstmtui.exchange.model_folder import write_model
from lstmtui.exchange.sequence_folder import write_sequence_model
from lstmtui.exchange.sequence_import import read_sequence_model, with_shapes

FILES = {
    "translation": ("config.json", "tokenizer_source.json", "tokenizer_target.json", "model.safetensors"),
    "captions": ("config.json", "tokenizer.json", "model.safetensors"),
    "speech": ("config.json", "features.json", "tokenizer.json", "model.safetensors"),
}


def folder(tmp_path, model):
    path = tmp_path / "out"
    path.mkdir()
    write_sequence_model(path, model, "huggingface")
    return path


def read(path, model):
    found = read_sequence_model(path, "again")
    assert found is not None
    return with_shapes(found, {name: weight.shape for name, weight in model.weights.items()})


@pytest.mark.parametrize("purpose", FILES)
@pytest.mark.parametrize("cell", ["gru", "mingru"])
def test_an_exported_folder_comes_back_as_it_was(tmp_path, purpose, cell):
    model = getattr(exported_sequences, purpose)(cell).model
    path = folder(tmp_path, model)
    assert {file.name for file in path.iterdir()} == {*FILES[purpose], "README.md"}
    found = read(path, model)
    assert (found.name, found.step, found.settings) == ("again", 7, model.settings)
    assert found.target.digest() == model.target.digest()
    assert (found.source and found.source.digest()) == (model.source and model.source.digest())
    assert list(found.weights) == list(model.weights)
    for name, weight in model.weights.items():
        assert (found.weights[name].shape, found.weights[name].tobytes()) == (weight.shape, weight.tobytes())
    assert found.longest == model.longest
    for mine, its in zip(found.statistics or (), model.statistics or (), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_the_target_side_of_a_joint_vocabulary_keeps_its_size(tmp_path):
    model = exported_sequences.translation(tokens="bpe").model
    found = read(folder(tmp_path, model), model)
    assert found.target.size == model.target.size < model.source.size
    assert found.target.digest() == model.target.digest()


def test_a_card_says_how_it_is_used_and_what_each_tensor_is(tmp_path):
    card = (folder(tmp_path, exported_sequences.speech().model) / "README.md").read_text()
    assert card.startswith("---\ntags: [lstmtui, recurrent, lstm]\npipeline_tag: automatic-speech-recognition\n")
    assert "lstmtui transcribe voice RECORDING" in card
    assert "| `encoder.0.forward.W_ih` | 32 x 6 |" in card


def test_a_language_model_is_left_to_the_other_import(tmp_path):
    write_model(tmp_path, exported_models.model(), "huggingface")
    assert read_sequence_model(tmp_path, "a") is None


def test_graphs_are_not_imported(tmp_path):
    write_sequence_model(tmp_path, exported_sequences.captions().model, "onnx")
    with pytest.raises(UsageError, match="no files of weights"):
        read_sequence_model(tmp_path, "a")


@pytest.mark.parametrize(
    ("purpose", "file", "keys", "value"),
    [
        ("translation", "config.json", ("vocab_size",), 10**12),
        ("translation", "config.json", ("source_vocab_size",), "7"),
        ("translation", "config.json", ("purpose",), "speech"),
        ("translation", "config.json", ("lstmtui",), "a"),
        ("translation", "config.json", ("lstmtui", "format"), 99),
        ("translation", "config.json", ("lstmtui", "settings"), None),
        ("translation", "config.json", ("lstmtui", "settings", "cell"), "transformer"),
        ("translation", "config.json", ("lstmtui", "settings", "hidden"), 9),
        ("translation", "config.json", ("lstmtui", "settings", "layers"), 3),
        ("translation", "config.json", ("lstmtui", "settings", "tokens"), "chars"),
        ("captions", "config.json", ("max_length",), 10**30), ("captions", "config.json", ("max_length",), True),
        ("captions", "config.json", ("lstmtui", "settings", "vectors"), 9),
        ("captions", "config.json", ("lstmtui", "settings", "purpose"), "text"),
        ("speech", "config.json", ("lstmtui", "settings", "mel"), 13),
        ("speech", "config.json", ("lstmtui", "settings", "directions"), "forward"),
        ("speech", "features.json", ("mean",), [1.0, 2.0]), ("speech", "features.json", ("mean",), "a" * 12),
        ("speech", "features.json", ("deviation",), [[1.0]] * 12),
        ("speech", "features.json", ("deviation",), [1e300] * 12),
        ("speech", "features.json", ("longest_seconds",), -1), ("speech", "features.json", ("longest_seconds",), None),
    ],
    ids=str,
)  # fmt: skip
def test_a_hostile_configuration_is_one_sentence(tmp_path, purpose, file, keys, value):
    model = getattr(exported_sequences, purpose)(cell="lstm").model
    path = folder(tmp_path, model)
    change(path / file, *keys, value=value)
    with pytest.raises(CorruptError) as raised:
        # As the engine does, which knows the shapes of the settings.
        engine_reads(read_sequence_model(path, "a"))
    assert "\n" not in str(raised.value)


def engine_reads(found):
    from lstmtui.engine.services.sequence_models import layout_and_identity

    layout, _ = layout_and_identity(found.settings, found.source, found.target)
    with_shapes(found, {parameter.name: parameter.shape for parameter in layout})


@pytest.mark.parametrize("purpose", FILES)
def test_hostile_files_are_one_sentence(tmp_path, purpose):
    model = getattr(exported_sequences, purpose)().model
    path = folder(tmp_path, model)
    for file in FILES[purpose]:
        content = (path / file).read_bytes()
        for damaged in (b"", b"[" * 100_000, b'"\\ud800"', content[: len(content) // 2], b"\0" + content, None):
            (path / file).unlink()
            if damaged is not None:
                (path / file).write_bytes(damaged)
            elif file in ("config.json", "model.safetensors"):
                (path / file).write_bytes(content)
                continue  # without it, it is a folder of another kind
            with pytest.raises(LstmtuiError) as raised:
                read_sequence_model(path, "a")
            assert "\n" not in str(raised.value)
            (path / file).write_bytes(content)
    assert read(path, model).step == 7


@pytest.mark.parametrize("problem", ["missing", "unknown", "infinite", "integers"])
def test_weights_that_do_not_fit_are_one_sentence(tmp_path, problem):
    model = exported_sequences.captions().model
    path = folder(tmp_path, model)
    tensors = safetensors.numpy.load_file(path / "model.safetensors")
    if problem == "missing":
        del tensors["queries.W"]
    elif problem == "unknown":
        tensors["a\nb"] = np.zeros(1, np.float32)
    elif problem == "infinite":
        tensors["queries.W"][0, 0] = np.nan
    else:
        tensors["queries.W"] = tensors["queries.W"].astype(np.int32)
    safetensors.numpy.save_file(tensors, path / "model.safetensors")
    with pytest.raises(CorruptError) as raised:
        read(path, model)
    assert "\n" not in str(raised.value)
