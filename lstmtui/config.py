"""Every setting of a run: its name, type, default, bounds and help, once.

The command line, `LSTMTUI_...` environment variables, `--config FILE.toml` and the user's configuration file all speak
of these fields, in that order of precedence. A field whose default is None is chosen by `lstmtui.recipe` from the
corpus and the time; what stands in a run's `config.toml` is resolved, with nothing left to choose.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import reprlib
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstm_kernels.cell_table import CELLS

from lstmtui.common.files import FormatError, parse_toml, read_file
from lstmtui.errors import CorruptError, UsageError

FORMAT = 1
"""Version of the run folder; raised when an older reader would misread a newer folder."""

LARGEST = 2**63 - 1
"""The largest whole number that TOML, NumPy and the kernels share."""

TOKENS = ("bytes", "chars", "words", "bpe")
AUTO = "auto"
"""Tokens that the recipe chooses when it has seen the text."""
PURPOSES = ("text", "autocomplete")
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


MIN_LIKENESS = 0.7
"""How alike two names are at least for one to be taken for a slip of the other, from 0 to 1."""


def nearest(key: str, known: Sequence[str] = tuple(FIELDS)) -> str:
    """Return ` (did you mean ...?)` for the known key nearest to `key`, or nothing."""
    close = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=1, cutoff=MIN_LIKENESS)
    return f" (did you mean '{close[0]}'?)" if close else ""


_WANTED = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", tuple: "a list of names"}
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def convert(name: str, raw: object, where: str) -> Any:
    """Return `raw` (a TOML value or a string from outside) as field `name`'s type, checked; `where` opens the error."""
    if name not in FIELDS:
        raise UsageError(f"{where}: unknown setting {reprlib.repr(name)}{nearest(name)}.")
    kind, optional = base_type(name)
    if optional and (raw is None or raw == "auto"):
        return None
    value = _parsed(raw, kind)
    if value is None:
        raise UsageError(f"{where}: {name} must be {_WANTED[kind]}, not {reprlib.repr(raw)}.")
    _check_encodable(name, value, where)
    _check(name, value, where)
    return value


def _parsed(raw: object, kind: type) -> Any:
    """Return `raw` as `kind`, or None when it is not one."""
    if kind is tuple:
        parts = raw.split(os.pathsep) if isinstance(raw, str) else raw
        return tuple(parts) if isinstance(parts, Sequence) and all(isinstance(p, str) for p in parts) else None
    if kind is bool:
        return raw if isinstance(raw, bool) else _WORDS.get(str(raw).lower())
    if kind is str:
        return raw if isinstance(raw, str) else None
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        number = float(raw) if kind is float else int(raw)
    except (ValueError, OverflowError):
        return None
    return None if kind is int and isinstance(raw, float) and raw != number else number


def _check_encodable(name: str, value: Any, where: str) -> None:
    """Raise UsageError for text that is no UTF-8; the name of a file may be any bytes."""
    try:
        if isinstance(value, str):
            value.encode()
        elif isinstance(value, tuple):
            list(map(os.fsencode, value))
    except UnicodeEncodeError:
        raise UsageError(f"{where}: {name} is not UTF-8 text ({reprlib.repr(value)}); give it in UTF-8.") from None


def _check(name: str, value: Any, where: str) -> None:
    about = FIELDS[name].metadata
    if about["choices"] and value not in about["choices"]:
        hint = nearest(str(value), about["choices"])
        raise UsageError(
            f"{where}: {name} must be one of {', '.join(about['choices'])}, not {reprlib.repr(value)}{hint}."
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = about["low"], about["high"]
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{where}: {name} must be a finite number, not {value}.")
        if isinstance(value, int) and abs(value) > LARGEST:
            raise UsageError(f"{where}: {name} is too large a number.")
        if low is not None and (value < low or (about["open_low"] and value == low)):
            least = "more than" if about["open_low"] else "at least"
            raise UsageError(f"{where}: {name} must be {least} {low}, not {value}.")
        if high is not None and value > high:
            raise UsageError(f"{where}: {name} must be at most {high}, not {value}.")


def check_together(s: Settings) -> None:
    """Raise UsageError when settings that are each fine contradict each other."""
    if sum(x is not None for x in (s.minutes, s.epochs, s.steps)) > 1:
        raise UsageError("Give only one of minutes, epochs and steps: each sets how long to train.")
    if s.tied and s.embedding is not None and s.hidden is not None and s.embedding != s.hidden:
        raise UsageError(
            f"tied weights need embedding and hidden of one size, not {s.embedding} and {s.hidden}; "
            "give equal sizes, or --no-tied."
        )
    for name in ("corpus", "valid", "test"):
        if not all(part.strip() for part in getattr(s, name)):
            raise UsageError(f"{name}: an empty text names no file, folder or set; '.' is the current folder.")
    if s.valid_fraction + s.test_fraction >= 1:
        raise UsageError("valid_fraction and test_fraction leave nothing to train on; their sum must be below 1.")


def resolve(
    options: Mapping[str, object],
    *,
    environ: Mapping[str, str] | None = None,
    config_file: Path | None = None,
    user_file: Path | None = None,
) -> Settings:
    """Merge the sources into Settings: options, then environment, then `config_file`, then the user's file.

    `options` holds what was given on the command line (None: not given). Raises UsageError with source and key.
    """
    merged: dict[str, Any] = {}
    if user_file is not None and user_file.is_file():
        merged.update(_from_toml(user_file))
    if config_file is not None:
        merged.update(_from_toml(config_file))
    merged.update(_from_environment(os.environ if environ is None else environ))
    for name, raw in options.items():
        if raw is not None:
            merged[name] = convert(name, raw, option(name))
    if merged.get("purpose") == "autocomplete":
        merged.setdefault("tokens", AUTO)
    _keep_nearest_length(merged, options)
    settings = Settings(**merged)
    check_together(settings)
    return settings


def _keep_nearest_length(merged: dict[str, Any], options: Mapping[str, object]) -> None:
    """A length given as an option replaces another kind of length from a weaker source."""
    given = [k for k in LENGTHS if options.get(k) is not None]
    if given:
        for k in set(LENGTHS) - set(given):
            merged.pop(k, None)


def user_file() -> Path | None:
    """Return the user's configuration file: LSTMTUI_CONFIG, or config.toml in the user's configuration folder.

    None when there is none. Raises UsageError when LSTMTUI_CONFIG names a file that is not there.
    """
    if given := os.environ.get("LSTMTUI_CONFIG"):
        path = Path(given).expanduser()
        if not path.is_file():
            raise UsageError(f"LSTMTUI_CONFIG: there is no file {path}.")
        return path
    path = user_folder() / "config.toml"
    return path if path.is_file() else None


def user_folder() -> Path:
    """Return the folder of the user's configuration, which may not be there yet."""
    import platformdirs

    return platformdirs.user_config_path("lstmtui", appauthor=False)


RESERVED = (
    "LSTMTUI_RUNS", "LSTMTUI_CACHE", "LSTMTUI_CONFIG", "LSTMTUI_DEBUG", "LSTMTUI_THEME", "LSTMTUI_CHARSET",
)  # fmt: skip
"""Environment variables that are not settings of a run."""
_PREFIX = "LSTMTUI_"


def check_environment(environ: Mapping[str, str]) -> None:
    """Raise UsageError for a variable that begins as ours do and is none of them."""
    ours = {variable.removeprefix(_PREFIX).lower() for variable in RESERVED} | set(FIELDS)
    for variable in sorted(environ):
        name = variable.removeprefix(_PREFIX).lower()
        if variable.startswith(_PREFIX) and name not in ours:
            close = difflib.get_close_matches(name, sorted(ours), n=1, cutoff=MIN_LIKENESS)
            hint = f" (did you mean {_PREFIX}{close[0].upper()}?)" if close else ""
            raise UsageError(
                f"environment variable {variable}: there is no such variable{hint}; correct its name, or unset it."
            )


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    check_environment(environ)
    found = {}
    for variable, raw in environ.items():
        if variable.startswith(_PREFIX) and variable not in RESERVED:
            name = variable.removeprefix(_PREFIX).lower()
            found[name] = convert(name, raw, f"environment variable {variable}")
    return found


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        raw = parse_toml(path.read_bytes())  # a pipe too
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except FormatError as error:
        raise UsageError(f"{path}: not valid TOML ({error}).") from error
    raw.pop("format", None)
    raw.pop("screens", None)  # lstmtui.tui.preferences reads that
    return {name: convert(name, _from_uris(value), f"{path}") for name, value in raw.items()}


_FILE_URI = "file:///"


def _as_uri(name: str) -> str:
    """Return how TOML, which is UTF-8, holds the name of a file: as it is, or else as a file: URI of its bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        from urllib.parse import quote_from_bytes

        return "file://" + quote_from_bytes(os.fsencode(name))
    return name


def _from_uris(value: object) -> object:
    """Undo `_as_uri` in a list of names; other values stay as they are."""
    if not isinstance(value, list):
        return value
    from urllib.parse import unquote_to_bytes

    return [
        os.fsdecode(unquote_to_bytes(name.removeprefix("file://")))
        if isinstance(name, str) and name.startswith(_FILE_URI)
        else name
        for name in value
    ]


def dump(settings: Settings) -> str:
    """Return `settings` as the TOML text of a run's config.toml; None is left out."""
    import tomli_w  # only where a run is created

    given = {k: v for k, v in dataclasses.asdict(settings).items() if v is not None}
    plain = {k: list(map(_as_uri, v)) if isinstance(v, tuple) else v for k, v in given.items()}
    opening = "# What this run was started with. Live changes stand in events.jsonl and in the checkpoints.\n"
    return opening + tomli_w.dumps({"format": FORMAT, **plain})


def load(path: Path) -> Settings:
    """Read a run's config.toml. Raises CorruptError when it is missing, damaged or of a newer format."""
    try:
        data = read_file(path)
        if data is None:
            raise CorruptError(f"{path.parent}: not a run folder (no {path.name}).")
        raw = parse_toml(data)
    except OSError as error:
        raise CorruptError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except FormatError as error:
        raise CorruptError(f"{path}: cannot be read ({error}).") from error
    version = raw.pop("format", None)
    if not isinstance(version, int) or version > FORMAT:
        raise CorruptError(f"{path}: written in format {version}, this lstmtui reads up to {FORMAT}; update lstmtui.")
    try:
        return Settings(
            **{name: convert(name, _from_uris(value), str(path)) for name, value in {**BEFORE, **raw}.items()}
        )
    except UsageError as error:
        raise CorruptError(str(error)) from error
