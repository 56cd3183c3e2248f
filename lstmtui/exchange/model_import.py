"""A language model from the files of another program, or of an export of this one, checked throughout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lstmtui import config, recipe
from lstmtui.common.files import FormatError, parse_object, read_file
from lstmtui.data import tokens
from lstmtui.data.tokens import Bytes, Tokenizer
from lstmtui.errors import CorruptError, UsageError
from lstmtui.exchange.exported_model import ExportedModel, Shape
from lstmtui.exchange.foreign import adopt
from lstmtui.exchange.model_folder import CONFIG, FORMAT, MODEL_TYPE, TOKENIZER, WEIGHTS, shape_from
from lstmtui.exchange.state_dict import from_state_dict
from lstmtui.exchange.tensor_files import SAFETENSORS, TORCH, read_tensors
from lstmtui.exchange.tokenizer_json import from_huggingface
from lstmtui.runs.archive import OMITTED_FOLDER

MAX_STEP = (1 << 53) - 1


def read_model(path: Path, name: str, tokenizer: Path | None = None) -> ExportedModel:
    """Return the language model in a folder or a file of weights.

    tokenizer    its tokenizer.json; None for the one beside the weights, or bytes where there are 256 tokens
    Raises UsageError for a missing or unsuitable file, CorruptError for a damaged one.
    """
    weights = weights_file(path)
    about = config_beside(weights)
    tensors = read_tensors(weights)
    where = str(weights)
    if about is None:
        shape, tensors = adopt(tensors, where)
    else:
        shape = shape_from(about, str(weights.with_name(CONFIG)))
    arrays = from_state_dict(shape, tensors, where)
    own = own_part_of(about)
    reads = _tokenizer(weights, tokenizer, shape, scripts=own.get("scripts") is not False)
    settings = _settings(own, shape, reads, name, str(weights.with_name(CONFIG)))
    return ExportedModel(name, settings, reads, arrays, step_of(own), {})


def weights_file(path: Path) -> Path:
    """Return the file of weights that `path` is, or has. Raises UsageError."""
    if not path.is_dir():
        return path
    if (path / WEIGHTS).is_file():
        return path / WEIGHTS
    found = sorted(file for file in path.iterdir() if file.suffix in (*SAFETENSORS, *TORCH))
    if len(found) != 1:
        raise UsageError(f"{path} has {len(found) or 'no'} files of weights; name the one that is meant.")
    return found[0]


def config_beside(weights: Path) -> dict[str, Any] | None:
    """Return the config.json of this program beside the weights; None where there is none. Raises CorruptError."""
    path = weights.with_name(CONFIG)
    about = read_json(path)
    if about is None or about.get("model_type") != MODEL_TYPE:
        return None
    return about


def read_json(path: Path, limit: int = 1 << 24) -> dict[str, Any] | None:
    """Return a JSON object; None where there is no file. Raises CorruptError."""
    try:
        data = read_file(path, limit)
        return None if data is None else parse_object(data, limit)
    except (OSError, FormatError) as error:
        raise CorruptError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}).") from error


def step_of(own: dict[str, Any]) -> int:
    """Return the step of the weights; 0 where it is unknown."""
    step = own.get("step")
    return step if type(step) is int and 0 <= step <= MAX_STEP else 0


def own_part_of(about: dict[str, Any] | None) -> dict[str, Any]:
    """Return what a config.json has for this program alone. Raises CorruptError for that of another version."""
    own = (about or {}).get(MODEL_TYPE, {})
    if not isinstance(own, dict) or own.get("format", FORMAT) != FORMAT:
        raise CorruptError(f"This {CONFIG} is of another version of lstmtui; update lstmtui.")
    return own


def _tokenizer(weights: Path, given: Path | None, shape: Shape, *, scripts: bool) -> Tokenizer:
    """Return the tokenizer of the network. Raises UsageError where it is missing, CorruptError for another one."""
    path = given or weights.with_name(TOKENIZER)
    body = read_json(path, tokens.MAX_FILE_BYTES)
    found: Tokenizer
    if body is None and given is not None:
        raise UsageError(f"There is no file {given}; name the tokenizer.json of the network.")
    if body is not None:
        own = "kind" in body  # of a run folder
        found = tokens.load(path) if own else from_huggingface(body, str(path), scripts=scripts)
    elif shape.vocabulary == Bytes().size:
        found = Bytes()
    else:
        raise UsageError(
            f"{weights} has {shape.vocabulary:,} tokens, and no {TOKENIZER} beside it says which; name one with "
            f"--tokenizer."
        )
    if found.size != shape.vocabulary:
        raise CorruptError(f"{path} has {found.size:,} tokens, the network {shape.vocabulary:,}; they must be of one.")
    return found


def _settings(own: dict[str, Any], shape: Shape, reads: Tokenizer, name: str, where: str) -> config.RunSettings:
    """Return the stored settings, or those that such a network would have. Raises CorruptError."""
    sizes = {
        "cell": shape.cell, "embedding": shape.embedding, "hidden": shape.hidden, "layers": shape.layers,
        "tied": shape.tied, "tokens": reads.kind,
    }  # fmt: skip
    table = own.get("settings")
    if isinstance(table, dict):
        stored = config.from_table(table, where)
        if any(stored.value(key) != value for key, value in sizes.items()):
            raise CorruptError(f"{where} contradicts itself: its settings are of another network.")
        return stored.changed(ema=0.0)  # what is exported are the averaged weights, where there are any
    try:
        checked = {key: config.convert(key, value, where) for key, value in sizes.items()}
        open_ones = config.Settings(corpus=(f"{OMITTED_FOLDER}/{name}",), steps=1, ema=0.0, **checked)
        return recipe.resolve(open_ones, corpus_bytes=1 << 20)
    except UsageError as error:
        raise CorruptError(str(error)) from error
