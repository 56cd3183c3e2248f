from __future__ import annotations

import numpy as np
import pytest
import safetensors.numpy
from support import exported_models
from support.changed_json import change

from lstmtui.config import CELLS
from lstmtui.errors import CorruptError, LstmtuiError, UsageError
from lstmtui.exchange.model_folder import write_model
from lstmtui.exchange.model_import import read_model


def folder(tmp_path, model):
    path = tmp_path / "out"
    path.mkdir()
    write_model(path, model, "huggingface")
    return path


@pytest.mark.parametrize("cell", CELLS)
def test_an_exported_folder_comes_back_as_it_was(tmp_path, cell):
    model = exported_models.model(cell, ema=0.0)
    found = read_model(folder(tmp_path, model), "again")
    assert (found.name, found.step, found.shape) == ("again", 7, model.shape)
    assert found.tokenizer.digest() == model.tokenizer.digest()
    assert found.settings.changed(corpus=model.settings.data.corpus) == model.settings
    assert found.settings.data.corpus == ("/left-out/diary.txt",)
    for name, weight in model.weights.items():
        assert found.weights[name].tobytes() == weight.tobytes()


@pytest.mark.parametrize("kind", ["bytes", "words", "bpe"])
def test_every_kind_of_token(tmp_path, kind):
    model = exported_models.model("gru", kind)
    assert read_model(folder(tmp_path, model), "a").tokenizer.digest() == model.tokenizer.digest()


def test_weights_alone_have_bytes_or_need_a_tokenizer(tmp_path):
    for kind in ("bytes", "chars"):
        path = (
            folder(tmp_path / kind, exported_models.model("lstm", kind)) if (tmp_path / kind).mkdir() is None else None
        )
        assert path is not None
        (path / "config.json").unlink()
        (path / "tokenizer.json").rename(tmp_path / f"{kind}.json")
    found = read_model(tmp_path / "bytes" / "out" / "model.safetensors", "a")
    assert (found.tokenizer.kind, found.settings.data.tokens, found.settings.network.hidden) == ("bytes", "bytes", 8)
    weights = tmp_path / "chars" / "out"
    with pytest.raises(UsageError, match="--tokenizer"):
        read_model(weights, "a")
    assert read_model(weights, "a", tmp_path / "chars.json").tokenizer.kind == "chars"
    with pytest.raises(CorruptError, match="the network"):
        read_model(weights, "a", tmp_path / "bytes.json")
    with pytest.raises(UsageError, match="There is no file"):
        read_model(weights, "a", tmp_path / "missing.json")
    exported_models.tokenizer("chars").save(tmp_path / "own.json")  # as a run folder has it
    assert read_model(weights, "a", tmp_path / "own.json").tokenizer.kind == "chars"


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("cell",), "nothing"), (("hidden_size",), 10**12), (("num_layers",), 3), (("lstmtui",), "a"),
        (("lstmtui", "format"), 99), (("lstmtui", "settings", "hidden"), 9), (("lstmtui", "settings", "lr"), -1),
        (("lstmtui", "settings", "nothing"), 1), (("lstmtui", "settings", "corpus"), 5),
        (("lstmtui", "settings", "format"), "x"),
    ],
    ids=str,
)  # fmt: skip
def test_a_hostile_configuration_is_one_sentence(tmp_path, keys, value):
    path = folder(tmp_path, exported_models.model())
    change(path / "config.json", *keys, value=value)
    with pytest.raises(CorruptError) as raised:
        read_model(path, "a")
    assert "\n" not in str(raised.value)


def test_hostile_files_are_one_sentence(tmp_path):
    path = folder(tmp_path, exported_models.model())
    whole = {file: (path / file).read_bytes() for file in ("config.json", "tokenizer.json", "model.safetensors")}
    for file, content in whole.items():
        for damaged in (b"", b"[" * 100_000, b'"\\ud800"', content[: len(content) // 2], b"\0" + content):
            (path / file).write_bytes(damaged)
            with pytest.raises(LstmtuiError) as raised:
                read_model(path, "a")
            assert "\n" not in str(raised.value)
        (path / file).write_bytes(content)
    assert read_model(path, "a").step == 7
    tensors = safetensors.numpy.load_file(path / "model.safetensors")
    tensors["rnn.weight_hh_l0"][0, 0] = np.inf
    safetensors.numpy.save_file(tensors, path / "model.safetensors")
    with pytest.raises(CorruptError, match="not finite"):
        read_model(path, "a")


def test_a_folder_with_several_files_of_weights_needs_the_name_of_one(tmp_path):
    for name in ("a.safetensors", "b.pt"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UsageError, match="2 files"):
        read_model(tmp_path, "a")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no files"):
        read_model(tmp_path / "empty", "a")
