"""A folder with a translation, caption or speech model, for ONNX, PyTorch or Hugging Face.

encoder.onnx, decoder.onnx    of translation and captions (`lstmtui.exchange.onnx_encoder_decoder`)
model.onnx                    of speech (`lstmtui.exchange.onnx_speech`)
tokenizer.json                of the `tokenizers` library; of a translation tokenizer_source.json, tokenizer_target.json
config.json                   sizes, the token that ends a text, and every setting of the run
features.json                 of speech: how recordings become features, with the statistics that normalise them
translate.py, caption.py, transcribe.py    a script that uses the graphs, which README.md shows
picture_edges.py              of captions: the module of lstmtui that finds the edges of patches, which the script takes
model.safetensors             in place of graphs and script: the weights under the names of a checkpoint
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from lstmtui.data.augmentation import MIN_DEVIATION, PRIOR_FRAMES
from lstmtui.data.feature_file import Statistics
from lstmtui.data.log_mel import LENGTH_MS, PREEMPHASIS, SHIFT_MS
from lstmtui.data.pairs import line_end
from lstmtui.data.picture_augmentation import INK_OF_BLACK
from lstmtui.data.utterances import BLANK, banned_labels
from lstmtui.exchange.exported_sequence import ExportedSequenceModel
from lstmtui.exchange.model_folder import CARD, CONFIG, MODEL_TYPE, TOKENIZER, WEIGHTS, own_part, write_json
from lstmtui.exchange.onnx_encoder_decoder import decoder, encoder
from lstmtui.exchange.onnx_graph import GRAPH
from lstmtui.exchange.onnx_layers import require_onnx, save
from lstmtui.exchange.onnx_speech import recogniser
from lstmtui.exchange.sequence_readme import EDGES, card, readme, reads_edges
from lstmtui.exchange.tokenizer_json import to_huggingface

ENCODER, DECODER, FEATURES = "encoder.onnx", "decoder.onnx", "features.json"
SOURCE, TARGET = "tokenizer_source.json", "tokenizer_target.json"
SCRIPTS = {
    "translation": ("plain_translator.py", "translate.py"),
    "captions": ("plain_captioner.py", "caption.py"),
    "speech": ("plain_transcriber.py", "transcribe.py"),
}
"""The script in this package, and its name in the folder."""
OF_UTTERANCE = 0.0
"""The prior frames of a network that has no statistics: an utterance alone counts."""


def write_sequence_model(folder: Path, model: ExportedSequenceModel, form: str) -> None:
    """Write the files of `model` into the empty `folder`, in a format: "torch", "huggingface" or "onnx".

    Raises UsageError where a package is missing, LstmtuiError, OSError.
    """
    if form == "onnx":
        _write_graphs(folder, model)
    else:
        tensors = {name: np.ascontiguousarray(weight) for name, weight in model.weights.items() if weight.size}
        safetensors.numpy.save_file(tensors, folder / WEIGHTS, {"format": "pt"})
    if form == "huggingface":
        (folder / CARD).write_text(card(model), encoding="utf-8")
    if model.purpose == "speech":
        write_json(folder / FEATURES, features_json(model))
    sides = {TOKENIZER: model.target} if model.source is None else {SOURCE: model.source, TARGET: model.target}
    for name, tokenizer in sides.items():
        write_json(folder / name, to_huggingface(tokenizer), indent=None)
    write_json(folder / CONFIG, config_json(model))


def _write_graphs(folder: Path, model: ExportedSequenceModel) -> None:
    """Write the graphs, and the script that uses them."""
    require_onnx()
    if model.purpose == "speech":
        save(recogniser(model), folder / GRAPH)
    else:
        save(encoder(model), folder / ENCODER)
        save(decoder(model), folder / DECODER)
    (folder / SCRIPTS[model.purpose][1]).write_text(script(model.purpose), encoding="utf-8")
    if reads_edges(model.settings):
        (folder / EDGES).write_text(files("lstmtui.data").joinpath(EDGES).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / CARD).write_text(readme(model, script(model.purpose)), encoding="utf-8")


def script(purpose: str) -> str:
    """Return the source of the script that uses a model of this purpose."""
    return files("lstmtui.exchange").joinpath(SCRIPTS[purpose][0]).read_text(encoding="utf-8")


def config_json(model: ExportedSequenceModel) -> dict[str, Any]:
    """Return the content of config.json. The names of the training files lose their folders."""
    n = model.settings.network
    about: dict[str, Any] = {
        "model_type": MODEL_TYPE, "purpose": model.purpose, "cell": n.cell, "vocab_size": model.target.size,
        "embedding_size": n.embedding, "hidden_size": n.hidden, "num_layers": n.layers,
    }  # fmt: skip
    if model.source is not None:
        about["source_vocab_size"] = model.source.size
        about |= {"source_end": line_end(model.source), "target_end": line_end(model.target)}
    if model.purpose == "captions":
        p = model.settings.pictures
        rows, columns = p.grid
        about |= {
            "end": line_end(model.target),
            "max_length": 2 * int(model.longest) - 1,
            "rows": rows,
            "columns": columns,
        }
        about |= {"vector_size": p.vector_size, "side": p.side, "patch": p.patch, "ink_of_black": INK_OF_BLACK}
        about["edges"] = p.edges if reads_edges(model.settings) else 0
    own = own_part(model.settings, model.target, model.step, model.figures)
    return {**about, "dtype": "float32", MODEL_TYPE: own}


def features_json(model: ExportedSequenceModel) -> dict[str, Any]:
    """Return the content of features.json: what recordings become before a network reads them."""
    s, statistics = model.settings.speech, model.statistics
    prior = None if s.directions == "forward" else PRIOR_FRAMES
    if statistics is None:
        prior, statistics = OF_UTTERANCE, Statistics(np.zeros(s.mel, np.float32), np.ones(s.mel, np.float32))
    return {
        "sample_rate": s.sample_rate, "shift_ms": SHIFT_MS, "length_ms": LENGTH_MS, "preemphasis": PREEMPHASIS,
        "mel": s.mel, "stack": s.stack, "mean": statistics.mean.tolist(), "deviation": statistics.deviation.tolist(),
        "min_deviation": MIN_DEVIATION, "prior_frames": prior, "blank": BLANK, "banned": banned_labels(model.target),
        "longest_seconds": model.longest,
    }  # fmt: skip
