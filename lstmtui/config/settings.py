"""Every setting of a run: its name, type, default, bounds and help, once.

The command line, `LSTMTUI_...` environment variables, `--config FILE.toml` and the user's configuration file set these
fields, in this order of precedence. `lstmtui.recipe` chooses a field whose default is None from the corpus and the time
budget. A run's `config.toml` holds resolved values only.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lstm_kernels.cell_table import CELLS

TOKENS = ("bytes", "chars", "words", "bpe")
AUTO = "auto"
"""The recipe chooses the kind of token from the text."""
PURPOSES = ("text", "autocomplete", "translation", "speech", "captions", "memory")
"""What a network can be trained for; `lstmtui memory` creates the runs of purpose memory."""
TEXT_PURPOSES = ("text", "autocomplete")
CORPUS_NOUNS = {"speech": "recordings", "captions": "pictures"}
"""What a corpus consists of, where that is no text."""
LENGTHS = ("minutes", "epochs", "steps")
"""Units of the length of training; a run sets exactly one."""
SPLITS = ("mixed", "end")
DIRECTIONS = ("both", "forward")
REFERENCES = ("all", "first")
PUNCTUATION = ("apart", "attached")


class Bounds(NamedTuple):
    """Inclusive bounds of a number; None for no bound."""

    low: float | None = None
    high: float | None = None
    open_low: bool = False
    """Whether `low` itself is excluded."""


def setting(
    default: Any,
    about: str,
    group: str,
    *,
    bounds: Bounds = Bounds(),  # noqa: B008  (immutable)
    choices: Collection[str] = (),
    live: bool = False,
    option: str = "",
    before: Any = None,
) -> Any:
    """Describe one field of `Settings`.

    option    its name on the command line, if that differs from the field's
    before    the behaviour of runs from before the setting existed, if that differs from the default; their
              config.toml lacks it
    """
    metadata = {"help": about, "group": group, **bounds._asdict(), "choices": choices}
    return field(default=default, metadata={**metadata, "live": live, "option": option, "before": before})


PRECISIONS = ("auto", "float32", "bfloat16")
DEVICES = ("auto", "cpu", "cuda")
INITIAL_RECURRENT = ("orthogonal", "uniform")
LOGS = ("none", "tensorboard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a run. `live` ones can be changed while it trains (`lstmtui set RUN KEY=VALUE`)."""

    corpus: tuple[str, ...] = setting(("default",), "files, folders or names of corpora to train on", "Corpus")
    valid: tuple[str, ...] = setting((), "separate text for validation", "Corpus")
    test: tuple[str, ...] = setting((), "separate text for the final test", "Corpus")
    valid_fraction: float = setting(
        0.1, "last part of the corpus, reserved for validation", "Corpus", bounds=Bounds(0, 0.9)
    )
    test_fraction: float = setting(0.0, "part after that, reserved for the final test", "Corpus", bounds=Bounds(0, 0.9))
    split: str = setting(
        "mixed",
        "where validation and test text comes from: parts of every kind of file (mixed), or the end; one file: its end",
        "Corpus",
        choices=SPLITS,
        before="end",
    )
    encoding: str = setting("", "encoding of files that are not UTF-8, such as windows-1252", "Corpus")
    field: str = setting("", "column of CSV tables, or key of JSON lines, that is read", "Corpus")
    keep_everything: bool = setting(
        False, "also read long machine-written passages such as base64 and hexadecimal", "Corpus", before=True
    )
    exact: bool = setting(
        False,
        "read the text unchanged: do not normalise line ends and Unicode characters",
        "Corpus",
        before=True,
    )
    purpose: str = setting(
        "text",
        "purpose of the network, which sets tokens and sizes: text for generation, autocomplete for typing, "
        "translation of sentences, speech to transcribe recordings, captions to describe pictures",
        "Corpus",
        choices=PURPOSES,
        option="for",
    )
    tokens: str = setting("chars", "kind of token", "Corpus", choices=(*TOKENS, AUTO))
    vocabulary: int | None = setting(
        None, "maximum size of the vocabulary (words, bpe)", "Corpus", bounds=Bounds(2, 1 << 20)
    )

    start: str = setting(
        "", "trained run whose network, vocabulary and weights this one begins with", "Network", option="from"
    )
    cell: str = setting("lstm", "recurrent cell", "Network", choices=CELLS)
    hidden: int | None = setting(None, "units in each layer", "Network", bounds=Bounds(1, 65536))
    layers: int | None = setting(None, "recurrent layers", "Network", bounds=Bounds(1, 64))
    embedding: int | None = setting(None, "size of a token's vector", "Network", bounds=Bounds(1, 65536))
    tied: bool | None = setting(None, "softmax shares its weights with the embedding", "Network")
    forget_bias: float = setting(1.0, "initial bias of forget gates", "Network", bounds=Bounds(-10, 10))
    init_span: int = setting(
        0,
        "chrono initialisation: initial memories of one step to this many (0: use forget-bias)",
        "Network",
        bounds=Bounds(0, 1 << 30),
    )
    init_recurrent: str = setting("orthogonal", "initial recurrent weights", "Network", choices=INITIAL_RECURRENT)

    dropout: float | None = setting(
        None,
        "locked dropout between layers and before the softmax",
        "Regularisation",
        bounds=Bounds(0, 0.95),
        live=True,
    )
    dropout_in: float | None = setting(
        None, "locked dropout on the embedded input", "Regularisation", bounds=Bounds(0, 0.95), live=True
    )
    dropout_rise: float | None = setting(
        None,
        "part of the run over which both dropouts rise from a tenth to their rate (0: constant)",
        "Regularisation",
        bounds=Bounds(0, 1),
    )
    weight_drop: float = setting(
        0.0, "dropout on the recurrent weights", "Regularisation", bounds=Bounds(0, 0.95), live=True
    )
    embedding_dropout: float = setting(
        0.0, "dropout of whole tokens from the input", "Regularisation", bounds=Bounds(0, 0.95), live=True
    )
    activation_reg: float | None = setting(
        None, "penalty on large outputs of the top layer (AR)", "Regularisation", bounds=Bounds(0, 1000), live=True
    )
    temporal_reg: float | None = setting(
        None,
        "penalty on outputs that change from step to step (TAR)",
        "Regularisation",
        bounds=Bounds(0, 1000),
        live=True,
    )
    weight_decay: float = setting(
        0.01,
        "weight decay of the matrices, not of embedding, biases and peepholes: decoupled with adamw, added to the "
        "gradient with sgd",
        "Regularisation",
        bounds=Bounds(0, 10),
        live=True,
    )

    optimizer: str = setting("adamw", "optimization method", "Optimisation", choices=("adamw", "sgd"))
    lr: float | None = setting(
        None, "peak learning rate", "Optimisation", bounds=Bounds(0, 1000, open_low=True), live=True
    )
    schedule: str = setting("cosine", "learning rate after warm-up", "Optimisation", choices=("cosine", "constant"))
    lr_end: float = setting(0.01, "last learning rate, as a fraction of the peak", "Optimisation", bounds=Bounds(0, 1))
    warmup: int | None = setting(None, "steps of linear warm-up", "Optimisation", bounds=Bounds(0))
    momentum: float = setting(0.0, "momentum of sgd", "Optimisation", bounds=Bounds(0, 0.9999))
    beta1: float = setting(0.9, "AdamW: decay of the mean", "Optimisation", bounds=Bounds(0, 0.9999))
    beta2: float = setting(0.99, "AdamW: decay of the mean square", "Optimisation", bounds=Bounds(0, 0.99999))
    clip: float = setting(
        1.0, "largest global gradient norm", "Optimisation", bounds=Bounds(0, 1e9, open_low=True), live=True
    )
    ema: float | None = setting(
        None,
        "decay of the averaged weights that are evaluated and used (0: none)",
        "Optimisation",
        bounds=Bounds(0, 0.99999),
    )

    minutes: float | None = setting(
        None,
        "time budget in minutes, including compilation",
        "Length",
        bounds=Bounds(0, 1e6, open_low=True),
    )
    epochs: float | None = setting(None, "train for this many passes", "Length", bounds=Bounds(0, 1e6, open_low=True))
    steps: int | None = setting(None, "train for this many steps", "Length", bounds=Bounds(1))
    batch: int | None = setting(None, "parallel streams", "Length", bounds=Bounds(1, 1 << 16))
    bptt: int | None = setting(
        None, "time steps of truncated backpropagation", "Length", bounds=Bounds(1, 1 << 16), live=True
    )
    patience: int | None = setting(
        None, "stop after this many evaluations without improvement (0: never)", "Length", bounds=Bounds(0)
    )

    source: str = setting("", "name of the source language, for display (empty: the ending of its file)", "Translation")
    target: str = setting("", "name of the target language, for display (empty: the ending of its file)", "Translation")
    joint: bool = setting(True, "one vocabulary for both languages (bpe, bytes)", "Translation")
    label_smoothing: float = setting(
        0.1, "share of the loss that all tokens have alike", "Translation", bounds=Bounds(0, 0.9)
    )

    sample_rate: int = setting(
        0, "samples a second of all recordings (0: 8000 or 16000, as the training recordings have)", "Speech",
        bounds=Bounds(0, 48_000),
    )  # fmt: skip
    mel: int = setting(40, "mel bands of a feature frame", "Speech", bounds=Bounds(8, 80))
    stack: int = setting(2, "feature frames (10 ms each) that make one time step", "Speech", bounds=Bounds(1, 8))
    directions: str = setting(
        "both", "both: layers read the whole recording; forward: they follow it, for streaming", "Speech",
        choices=DIRECTIONS,
    )  # fmt: skip
    speed: float = setting(0.1, "augmentation: change of speed, at most this part", "Speech", bounds=Bounds(0, 0.5))
    warp: float = setting(
        0.1, "augmentation: change of the vocal tract's length, at most this part", "Speech", bounds=Bounds(0, 0.4)
    )
    gain: float = setting(6.0, "augmentation: change of level, at most so many dB", "Speech", bounds=Bounds(0, 60))
    noise: float = setting(
        0.5, "augmentation: part of the utterances that get noise, 10 to 40 dB below them", "Speech",
        bounds=Bounds(0, 1),
    )  # fmt: skip
    mask_time: float = setting(
        0.1, "augmentation: part of the time that is masked, at most", "Speech", bounds=Bounds(0, 0.9)
    )
    mask_frequency: float = setting(
        0.2, "augmentation: part of the mel bands that is masked, at most", "Speech", bounds=Bounds(0, 0.9)
    )

    side: int = setting(64, "pixels of a side that every picture is brought to", "Captions", bounds=Bounds(8, 512))
    patch: int = setting(8, "pixels of a side of a patch, a divisor of --side", "Captions", bounds=Bounds(1, 128))
    edges: int = setting(
        9, "directions of edges that are counted in each quarter of a patch, beside its pixels (0: none)", "Captions",
        bounds=Bounds(0, 36), before=0,
    )  # fmt: skip
    shift: int = setting(4, "augmentation: shift, at most so many pixels", "Captions", bounds=Bounds(0, 256))
    scale: float = setting(0.1, "augmentation: change of size, at most this part", "Captions", bounds=Bounds(0, 0.5))
    rotate: float = setting(8.0, "augmentation: rotation, at most so many degrees", "Captions", bounds=Bounds(0, 180))
    balance: float = setting(
        0.0,
        "how much more often pictures of concepts with few of them are read (0: not, 1: all concepts alike)",
        "Captions",
        bounds=Bounds(0, 1),
    )
    punctuation: str = setting(
        "apart",
        "marks behind words of captions: tokens of their own (apart), or parts of the words (attached)",
        "Captions",
        choices=PUNCTUATION,
        before="attached",
    )
    references: str = setting(
        "all", "captions of a picture that are trained on, where it has several", "Captions", choices=REFERENCES
    )
    features: str = setting(
        "", "vectors of another network in place of pictures: a .npy file (pictures, vectors, size)", "Captions"
    )
    vectors: int = setting(
        0, "vectors of a picture (0: one for each patch, or as --features has)", "Captions", bounds=Bounds(0, 1 << 16)
    )
    vector_size: int = setting(
        0, "size of a vector (0: a patch's numbers, or as --features has)", "Captions", bounds=Bounds(0, 1 << 20)
    )

    memory_length: int = setting(0, "length of the memory task", "Memory", bounds=Bounds(0, 1 << 20))

    seed: int = setting(1, "random seed", "Run", bounds=Bounds(0, 2**63 - 1))
    device: str = setting("auto", "device: cuda is a GPU, auto uses one if available", "Run", choices=DEVICES)
    threads: int | None = setting(None, "number of threads", "Run", bounds=Bounds(1, 1024))
    precision: str = setting(
        "auto",
        "precision of matrix products: auto is bfloat16 if the processor multiplies it, which is faster",
        "Run",
        choices=PRECISIONS,
    )
    recompute: bool | None = setting(
        None, "store few states of a long window and recompute the rest: less memory, a third more time", "Run"
    )
    log_every: int | None = setting(None, "steps between lines of metrics", "Run", bounds=Bounds(1))
    eval_every: int | None = setting(None, "steps between evaluations", "Run", bounds=Bounds(1))
    eval_tokens: int | None = setting(
        None, "maximum validation tokens in an evaluation during training (0: all)", "Run", bounds=Bounds(0)
    )
    log: str = setting("none", "metrics also as event files of TensorBoard", "Run", choices=LOGS)
    save_every: float = setting(60.0, "seconds between checkpoints", "Run", bounds=Bounds(0, 1e6, open_low=True))

    temperature: float = setting(
        0.8, "temperature of samples", "Sampling", bounds=Bounds(0, 100, open_low=True), live=True
    )
    top_k: int = setting(
        0, "sample from this many most likely tokens (0: all)", "Sampling", bounds=Bounds(0), live=True
    )
    top_p: float = setting(
        1.0,
        "sample from the most likely tokens with this total probability",
        "Sampling",
        bounds=Bounds(0, 1, open_low=True),
        live=True,
    )
    sample_length: int = setting(400, "characters of each sample", "Sampling", bounds=Bounds(0, 1 << 20), live=True)
    prompt: str = setting("", "text that samples start from", "Sampling", live=True)


FIELDS: dict[str, dataclasses.Field[Any]] = {f.name: f for f in dataclasses.fields(Settings)}
TYPES: dict[str, Any] = typing.get_type_hints(Settings)
LIVE = tuple(name for name, f in FIELDS.items() if f.metadata["live"])
BEFORE = {name: f.metadata["before"] for name, f in FIELDS.items() if f.metadata["before"] is not None}
"""Settings that older runs lack, and their value in these runs."""


def base_type(name: str) -> tuple[type, bool]:
    """Return a field's plain type (tuple for lists of strings) and whether None is allowed."""
    hint = TYPES[name]
    optional = isinstance(hint, types.UnionType)
    if optional:
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    return (tuple if typing.get_origin(hint) is tuple else hint), optional


def option(name: str) -> str:
    """Return the command-line option of field `name`."""
    return f"--{FIELDS[name].metadata['option'] or name.replace('_', '-')}"
