"""A folder with a language model, for PyTorch, Hugging Face or ONNX.

config.json          the sizes of the network under the names of Hugging Face, and every setting of the run
tokenizer.json       of the Hugging Face `tokenizers` library (`lstmtui.exchange.tokenizer_json`)
model.safetensors    the weights under the names of PyTorch's modules (`lstmtui.exchange.state_dict`)
model.py             a plain module of PyTorch that reads them (`lstmtui.exchange.plain_module`)
README.md            a model card, in a folder for Hugging Face
model.onnx           the graph (`lstmtui.exchange.onnx_graph`), in place of weights and module
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.data.tokens import Tokenizer, Words
from lstmtui.errors import CorruptError
from lstmtui.exchange.exported_model import ExportedModel, Shape
from lstmtui.exchange.model_card import model_card
from lstmtui.exchange.onnx_graph import write_onnx
from lstmtui.exchange.state_dict import to_state_dict
from lstmtui.exchange.tokenizer_json import to_huggingface
from lstmtui.runs.archive import without_folders

CONFIG, WEIGHTS, TOKENIZER, MODULE, CARD = "config.json", "model.safetensors", "tokenizer.json", "model.py", "README.md"
MODEL_TYPE = "lstmtui"
FORMAT = 1
"""The version of the part of config.json that is this program's own."""
MAX_SIZE = 1 << 24
_SIZES = {
    "cell": "cell", "vocab_size": "vocabulary", "embedding_size": "embedding", "hidden_size": "hidden",
    "num_layers": "layers", "tie_word_embeddings": "tied",
}  # fmt: skip
"""Names in config.json, and in `Shape`."""


def write_model(folder: Path, model: ExportedModel, form: str) -> None:
    """Write the files of `model` into the empty `folder`, in a format: "torch", "huggingface" or "onnx".

    Raises UsageError where a package is missing, LstmtuiError, OSError.
    """
    if form == "onnx":
        write_onnx(folder, model)
    else:
        _write_weights(folder, model)
    if form == "huggingface":
        (folder / CARD).write_text(model_card(model), encoding="utf-8")
    write_json(folder / CONFIG, config_json(model))
    write_json(folder / TOKENIZER, to_huggingface(model.tokenizer), indent=None)


def write_json(path: Path, content: Mapping[str, Any], indent: int | None = 1) -> None:
    """Write a JSON object. Raises OSError."""
    path.write_text(json.dumps(content, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_weights(folder: Path, model: ExportedModel) -> None:
    import safetensors.numpy

    tensors = {name: np.ascontiguousarray(t) for name, t in to_state_dict(model.shape, model.weights).items()}
    safetensors.numpy.save_file(tensors, folder / WEIGHTS, {"format": "pt"})
    (folder / MODULE).write_text(plain_module(), encoding="utf-8")


def plain_module() -> str:
    """Return the source of a PyTorch module that reads such a folder."""
    return files("lstmtui.exchange").joinpath("plain_module.py").read_text(encoding="utf-8")


def config_json(model: ExportedModel) -> dict[str, Any]:
    """Return the content of config.json. The names of the training files lose their folders."""
    own = own_part(model.settings, model.tokenizer, model.step, model.figures)
    sizes = {name: getattr(model.shape, field) for name, field in _SIZES.items()}
    return {
        "model_type": MODEL_TYPE, "architectures": ["LanguageModel"], **sizes, "dtype": "float32", "lstmtui": own,
    }  # fmt: skip


def own_part(s: config.RunSettings, tokenizer: Tokenizer, step: int, figures: Mapping[str, float]) -> dict[str, Any]:
    """Return what config.json has for this program alone."""
    return {
        "format": FORMAT,
        "step": step,
        "tokens": tokenizer.kind,
        "scripts": not (isinstance(tokenizer, Words) and tokenizer.only_spaces),
        "figures": dict(figures),
        "settings": config.to_table(without_folders(s)),
    }


def shape_from(about: dict[str, Any], where: str) -> Shape:
    """Return the sizes in a config.json. Raises CorruptError where one is missing or impossible."""
    found: dict[str, Any] = {field: about.get(name) for name, field in _SIZES.items()}
    for name, field in _SIZES.items():
        kind = {"cell": str, "tied": bool}.get(field, int)
        if type(found[field]) is not kind or (kind is int and not 0 < found[field] <= MAX_SIZE):
            raise CorruptError(f"{where} cannot be used: {name!r} is missing or has an impossible value.")
    if found["cell"] not in config.CELLS:
        raise CorruptError(f"{where} has a cell {str(found['cell'])[:40]!r}; lstmtui has {', '.join(config.CELLS)}.")
    if found["tied"] and found["embedding"] != found["hidden"]:
        raise CorruptError(f"{where} cannot be used: tied weights need an embedding of the size of a layer.")
    return Shape(**found)
