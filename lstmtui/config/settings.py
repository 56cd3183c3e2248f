"""Every setting of a run: its name, type, default, bounds and help, once.

The command line, `LSTMTUI_...` environment variables, `--config FILE.toml` and the user's configuration file all speak
of these fields, in that order of precedence. A field whose default is None is chosen by `lstmtui.recipe` from the
corpus and the time; what stands in a run's `config.toml` is resolved, with nothing left to choose.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from lstm_kernels.cell_table import CELLS

TOKENS = ("bytes", "chars", "words", "bpe")
AUTO = "auto"
"""Tokens that the recipe chooses when it has seen the text."""
PURPOSES = ("text", "autocomplete", "memory")
"""What a network can be trained for; runs of the purpose memory are made by `lstmtui memory`."""
TEXT_PURPOSES = ("text", "autocomplete")
LENGTHS = ("minutes", "epochs", "steps")
"""Settings of which one says how long a run trains."""
SPLITS = ("mixed", "end")


def setting(
    default: Any,
    about: str,
    group: str,
    *,
    low: float | None = None,
    high: float | None = None,
    open_low: bool = False,
    choices: Collection[str] = (),
    live: bool = False,
    option: str = "",
    before: Any = None,
) -> Any:
    """Describe one field: `low` and `high` are inclusive bounds (`open_low`: low itself is not allowed).

    option    its name on the command line, where that is not the field's
    before    what runs did before the setting existed, where that is not the default: an old config.toml lacks it
    """
    described = {"help": about, "group": group, "low": low, "high": high, "open_low": open_low, "choices": choices}
    return field(default=default, metadata={**described, "live": live, "option": option, "before": before})


PRECISIONS = ("auto", "float32", "bfloat16")
DEVICES = ("auto", "cpu", "cuda")
INITIAL_RECURRENT = ("orthogonal", "uniform")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a run. `live` ones can be changed while it trains (`lstmtui set RUN KEY=VALUE`)."""

    corpus: tuple[str, ...] = setting(("default",), "files, folders or names of corpora to train on", "Corpus")
    valid: tuple[str, ...] = setting((), "separate text for validation", "Corpus")
    test: tuple[str, ...] = setting((), "separate text for the final test", "Corpus")
    valid_fraction: float = setting(0.1, "last part of the corpus kept for validation", "Corpus", low=0, high=0.9)
    test_fraction: float = setting(0.0, "part after that kept for the final test", "Corpus", low=0, high=0.9)
    split: str = setting(
        "mixed",
        "where validation and test text is taken: pieces of every kind of file (mixed), or the end; one file: its end",
        "Corpus",
        choices=SPLITS,
        before="end",
    )
    encoding: str = setting("", "encoding of files that are not UTF-8, such as windows-1252", "Corpus")
    keep_everything: bool = setting(
        False, "also read long runs that no one wrote, such as base64 and hexadecimal", "Corpus", before=True
    )
    exact: bool = setting(
        False,
        "read the text exactly as it is: CR LF, CR and LF, and different spellings of one character, stay different",
        "Corpus",
        before=True,
    )
    purpose: str = setting(
        "text",
        "what it is trained for: text, to write, or autocomplete, to type with, which chooses tokens and sizes",
        "Corpus",
        choices=PURPOSES,
        option="for",
    )
    tokens: str = setting("chars", "what the network reads and writes one at a time", "Corpus", choices=(*TOKENS, AUTO))
    vocabulary: int | None = setting(None, "most tokens to tell apart (words, bpe)", "Corpus", low=2, high=1 << 20)

    cell: str = setting("lstm", "recurrent cell", "Network", choices=CELLS)
    hidden: int | None = setting(None, "units in each layer", "Network", low=1, high=65536)
    layers: int | None = setting(None, "recurrent layers", "Network", low=1, high=64)
    embedding: int | None = setting(None, "size of a token's vector", "Network", low=1, high=65536)
    tied: bool | None = setting(None, "softmax shares its weights with the embedding", "Network")
    forget_bias: float = setting(1.0, "initial bias of forget gates", "Network", low=-10, high=10)
    init_span: int = setting(
        0,
        "steps that memories begin with, from one to this many (chrono initialisation; 0: by forget-bias)",
        "Network",
        low=0,
        high=1 << 30,
    )
    init_recurrent: str = setting("orthogonal", "initial recurrent weights", "Network", choices=INITIAL_RECURRENT)

    dropout: float | None = setting(
        None, "locked dropout between layers and before the softmax", "Regularisation", low=0, high=0.95, live=True
    )
    dropout_in: float | None = setting(
        None, "locked dropout on the embedded input", "Regularisation", low=0, high=0.95, live=True
    )
    dropout_rise: float | None = setting(
        None, "part of the run over which both of these rise to what is set, from a tenth (0: none)", "Regularisation",
        low=0, high=1,
    )  # fmt: skip
    weight_drop: float = setting(0.0, "dropout on the recurrent weights", "Regularisation", low=0, high=0.95, live=True)
    embedding_dropout: float = setting(
        0.0, "dropout of whole tokens from the input", "Regularisation", low=0, high=0.95, live=True
    )
    activation_reg: float | None = setting(
        None, "penalty on large outputs of the top layer (AR)", "Regularisation", low=0, high=1000, live=True
    )
    temporal_reg: float | None = setting(
        None, "penalty on outputs that change from step to step (TAR)", "Regularisation", low=0, high=1000, live=True
    )
    weight_decay: float = setting(
        0.01,
        "weight decay of the matrices, not of embedding, biases and peepholes: decoupled with adamw, added to the "
        "gradient with sgd",
        "Regularisation",
        low=0,
        high=10,
        live=True,
    )

    optimizer: str = setting("adamw", "how gradients become steps", "Optimisation", choices=("adamw", "sgd"))
    lr: float | None = setting(None, "peak learning rate", "Optimisation", low=0, high=1000, open_low=True, live=True)
    schedule: str = setting("cosine", "learning rate after warm-up", "Optimisation", choices=("cosine", "constant"))
    lr_end: float = setting(0.01, "last learning rate, as a fraction of the peak", "Optimisation", low=0, high=1)
    warmup: int | None = setting(None, "steps of linear warm-up", "Optimisation", low=0)
    momentum: float = setting(0.0, "momentum of sgd", "Optimisation", low=0, high=0.9999)
    beta1: float = setting(0.9, "AdamW: decay of the mean", "Optimisation", low=0, high=0.9999)
    beta2: float = setting(0.99, "AdamW: decay of the mean square", "Optimisation", low=0, high=0.99999)
    clip: float = setting(
        1.0, "largest global gradient norm", "Optimisation", low=0, high=1e9, open_low=True, live=True
    )
    ema: float | None = setting(
        None, "decay of the averaged weights that are evaluated and used (0: none)", "Optimisation", low=0, high=0.99999
    )

    minutes: float | None = setting(
        None, "train for about this long in all, the first compiling included", "Length", low=0, high=1e6, open_low=True
    )
    epochs: float | None = setting(None, "train for this many passes", "Length", low=0, high=1e6, open_low=True)
    steps: int | None = setting(None, "train for this many steps", "Length", low=1)
    batch: int | None = setting(None, "streams read side by side", "Length", low=1, high=1 << 16)
    bptt: int | None = setting(
        None, "time steps of truncated backpropagation", "Length", low=1, high=1 << 16, live=True
    )
    patience: int | None = setting(
        None, "stop after this many evaluations without a better one (0: never)", "Length", low=0
    )

    memory_length: int = setting(
        0, "length of a test of memory, where it is trained for one", "Memory", low=0, high=1 << 20
    )

    seed: int = setting(1, "seed of everything random", "Run", low=0, high=2**63 - 1)
    device: str = setting("auto", "what computes: cuda is a GPU, auto takes one that is there", "Run", choices=DEVICES)
    threads: int | None = setting(None, "threads that compute", "Run", low=1, high=1024)
    precision: str = setting(
        "auto",
        "of products: auto is bfloat16 where the processor multiplies it, which is quicker; else it is to try out",
        "Run",
        choices=PRECISIONS,
    )
    recompute: bool | None = setting(
        None, "keep few states of a long window and compute the rest again: less memory, a third more time", "Run"
    )
    log_every: int | None = setting(None, "steps between lines of metrics", "Run", low=1)
    eval_every: int | None = setting(None, "steps between evaluations", "Run", low=1)
    eval_tokens: int | None = setting(
        None, "most validation tokens read in an evaluation on the way (0: all)", "Run", low=0
    )
    save_every: float = setting(60.0, "seconds between checkpoints", "Run", low=0, high=1e6, open_low=True)

    temperature: float = setting(
        0.8, "of text sampled on the way", "Sampling", low=0, high=100, open_low=True, live=True
    )
    top_k: int = setting(0, "sample from this many likeliest tokens (0: all)", "Sampling", low=0, live=True)
    top_p: float = setting(
        1.0, "sample from this much probability", "Sampling", low=0, high=1, open_low=True, live=True
    )
    sample_length: int = setting(400, "characters of each sample", "Sampling", low=0, high=1 << 20, live=True)
    prompt: str = setting("", "text that samples start from", "Sampling", live=True)


FIELDS: dict[str, dataclasses.Field[Any]] = {f.name: f for f in dataclasses.fields(Settings)}
TYPES: dict[str, Any] = typing.get_type_hints(Settings)
LIVE = tuple(name for name, f in FIELDS.items() if f.metadata["live"])
BEFORE = {name: f.metadata["before"] for name, f in FIELDS.items() if f.metadata["before"] is not None}
"""Settings that a run made before they existed lacks, and what they were then."""


def base_type(name: str) -> tuple[type, bool]:
    """Return a field's plain type (tuple for lists of strings) and whether None is allowed."""
    hint = TYPES[name]
    optional = isinstance(hint, types.UnionType)
    if optional:
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    return (tuple if typing.get_origin(hint) is tuple else hint), optional


def option(name: str) -> str:
    """Return how field `name` is given on the command line."""
    return f"--{FIELDS[name].metadata['option'] or name.replace('_', '-')}"
