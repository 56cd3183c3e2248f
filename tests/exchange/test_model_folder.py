from __future__ import annotations

import ast
import json
import re

import pytest
import safetensors.numpy
from support import exported_models

from lstmtui import manual
from lstmtui.errors import CorruptError
from lstmtui.exchange.model_folder import plain_module, shape_from, write_model


def test_a_folder_has_weights_tokenizer_module_and_settings_without_folders(tmp_path):
    model = exported_models.model("peephole", tied=True, embedding=8)
    write_model(tmp_path, model, "torch")
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "model.py",
    }
    text = (tmp_path / "config.json").read_text()
    assert "/home/somebody" not in text
    about = json.loads(text)
    assert (about["cell"], about["hidden_size"], about["tie_word_embeddings"]) == ("peephole", 8, True)
    assert shape_from(about, "it") == model.shape
    tensors = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    assert tensors["rnn.peephole_l0"].shape == (3, 8)
    ast.parse((tmp_path / "model.py").read_text())


def test_a_card_names_the_network_its_figures_and_how_it_is_used(tmp_path):
    write_model(tmp_path, exported_models.model("gru"), "huggingface")
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\ntags: [lstmtui, recurrent, gru]\n")
    assert "| validation | 1.5 nats per token |" in card
    assert "lstmtui import FOLDER --name diary" in card


def test_the_manual_shows_the_module():
    blocks = re.findall(r"```python\n(.*?)```", manual.read("exchange"), re.DOTALL)
    assert plain_module() in blocks


@pytest.mark.parametrize(
    "change",
    [
        {"cell": "transformer"}, {"cell": None}, {"hidden_size": 0}, {"hidden_size": 1 << 60}, {"num_layers": True},
        {"vocab_size": "28"}, {"tie_word_embeddings": 1}, {"tie_word_embeddings": True},
    ],
)  # fmt: skip
def test_impossible_sizes_are_refused(change):
    about = {
        "cell": "lstm", "vocab_size": 28, "embedding_size": 6, "hidden_size": 8, "num_layers": 2,
        "tie_word_embeddings": False,
    }  # fmt: skip
    assert shape_from(about, "it").hidden == 8
    with pytest.raises(CorruptError, match="it "):
        shape_from({**about, **change}, "it")
