"""Small translation, caption and speech models for exports, and their weights in the engine."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lstmtui.data.feature_file import Statistics
from lstmtui.data.pairs import Tokenizers
from lstmtui.data.picture_augmentation import vector_size
from lstmtui.data.tokens import Bpe, Tokenizer
from lstmtui.data.tokens import train as train_tokenizer
from lstmtui.engine.inference import loaded_captioner, loaded_recogniser, loaded_translator
from lstmtui.engine.nn import caption_model, speech_model, translation_model
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena, Parameter
from lstmtui.exchange.exported_sequence import ExportedSequenceModel
from support import tiny

SOURCE, TARGET = "a dog runs\na cat sleeps\n" * 2, "ein Hund rennt .\neine Katze schläft .\n" * 2
COMPUTE = Compute("float32", 1)


class Exported(NamedTuple):
    """A model as it is exported, with what the engine has of it."""

    model: ExportedSequenceModel
    sizes: Any
    weights: Arena


def translation(cell: str = "gru", tokens: str = "words", **changes: Any) -> Exported:
    """Return a translation model whose weights are drawn at random."""
    limit = 300 if tokens == "bpe" else None
    s = tiny.run_settings(purpose="translation", cell=cell, tokens=tokens, ema=0.0, **changes)
    if loaded_translator.is_joint(s):
        whole = train_tokenizer(tokens, [(SOURCE + TARGET).encode()], limit)
        both = isinstance(whole, Bpe)
        tokenizers = Tokenizers(*(whole.parted(whole.encode(TARGET.encode())) if both else (whole, whole)))
    else:
        tokenizers = Tokenizers(*(train_tokenizer(tokens, [text.encode()], limit) for text in (SOURCE, TARGET)))
    sizes = loaded_translator.sizes_of(s, tokenizers)
    weights = drawn(translation_model.parameters(sizes))
    model = ExportedSequenceModel(
        name="dog", settings=s, source=tokenizers.source, target=tokenizers.target, weights=weights.read(), step=7,
        figures={"nll": 1.5},
    )  # fmt: skip
    return Exported(model, sizes, weights)


def captions(cell: str = "gru", vectors: int = 4, **changes: Any) -> Exported:
    """Return a caption model of patches of 4 pixels whose weights are drawn at random."""
    given = {"side": 8, "patch": 4, "edges": 9, **changes}
    given = {"vector_size": vector_size(given["patch"], given["edges"]), **given}
    s = tiny.run_settings(purpose="captions", cell=cell, tokens="words", ema=0.0, vectors=vectors, **given)
    tokenizer = train_tokenizer("words", [TARGET.encode()], marks=True)
    sizes = loaded_captioner.sizes_of(s, tokenizer)
    weights = drawn(caption_model.parameters(sizes))
    model = ExportedSequenceModel(
        name="cat", settings=s, target=tokenizer, weights=weights.read(), step=7, figures={}, longest=4
    )
    return Exported(model, sizes, weights)


def speech(cell: str = "lstm", directions: str = "both", **changes: Any) -> Exported:
    """Return a speech model whose weights are drawn at random."""
    given = {"sample_rate": 8000, "mel": 12, "stack": 2, **changes}
    s = tiny.run_settings(purpose="speech", cell=cell, tokens="chars", ema=0.0, directions=directions, **given)
    tokenizer: Tokenizer = train_tokenizer("chars", [b"abc\n ab"])
    sizes = loaded_recogniser.sizes_of(s, tokenizer)
    weights = drawn(speech_model.parameters(sizes))
    random = np.random.default_rng(2)
    statistics = Statistics(*random.uniform(1, 2, (2, s.speech.mel)).astype(np.float32))
    model = ExportedSequenceModel(
        name="voice", settings=s, target=tokenizer, weights=weights.read(), step=7, figures={}, statistics=statistics,
        longest=12.5,
    )  # fmt: skip
    return Exported(model, sizes, weights)


def drawn(layout: list[Parameter]) -> Arena:
    """Return weights that are all drawn at random, peepholes and biases too."""
    weights, random = Arena(layout), np.random.default_rng(5)
    for view in weights.views.values():
        view[...] = random.normal(size=view.shape) / 2
    if "embedding" in weights.views:
        weights["embedding"][...] *= 4  # so that a token changes what follows it
    return weights
