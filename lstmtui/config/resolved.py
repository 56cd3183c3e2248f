"""The resolved settings of one run: the engine trains with them, and config.toml stores them.

`lstmtui.recipe` chooses the fields that are None in `Settings`; `RunSettings.of` then groups the fields by concern.
`lstmtui.config.settings` defines names, bounds and help.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from lstmtui.config.settings import LENGTHS, Settings
from lstmtui.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """Corpus, splits and tokens."""

    corpus: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]
    valid_fraction: float
    test_fraction: float
    split: str
    encoding: str
    keep_everything: bool
    exact: bool
    start: str = ""
    """The folder of the run that this one begins with: its tokens stay in the vocabulary, its weights are the first."""
    field: str = ""
    """Of tables: the column or key whose text is read; empty: tables are text."""
    features: str = ""
    """Of captions: the file of another network's vectors in place of pictures."""
    purpose: str
    tokens: str
    vocabulary: int | None = None
    """Maximum size of the vocabulary; None for no limit."""

    @classmethod
    def of(cls, s: Settings) -> DataSettings:
        """Return the data settings of `s`; only tokens and vocabulary may be unresolved."""
        group: DataSettings = _group(cls, {f.name: getattr(s, f.name) for f in dataclasses.fields(s)})
        return group


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """Cell, sizes and initialisation."""

    cell: str
    hidden: int
    layers: int
    embedding: int
    tied: bool
    forget_bias: float
    init_span: int
    init_recurrent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegularisationSettings:
    """Dropout, penalties and weight decay."""

    dropout: float = 0.0
    dropout_in: float = 0.0
    dropout_rise: float = 0.0
    weight_drop: float
    embedding_dropout: float
    activation_reg: float = 0.0
    temporal_reg: float = 0.0
    weight_decay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimisationSettings:
    """Optimizer and learning-rate schedule."""

    optimizer: str
    lr: float
    schedule: str
    lr_end: float
    warmup: int = 0
    momentum: float
    beta1: float
    beta2: float
    clip: float
    ema: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthSettings:
    """Length of training, and size of a batch."""

    unit: str
    """One of LENGTHS: minutes, epochs or steps."""
    amount: float
    batch: int
    bptt: int
    patience: int = 0

    @property
    def minutes(self) -> float | None:
        """The time budget in minutes; None for a length in another unit."""
        return self.amount if self.unit == "minutes" else None

    @property
    def epochs(self) -> float | None:
        """The passes over the training data; None for a length in another unit."""
        return self.amount if self.unit == "epochs" else None

    @property
    def steps(self) -> int | None:
        """The number of steps; None for a length in another unit."""
        return int(self.amount) if self.unit == "steps" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Device, precision, and intervals of logging, evaluation and saving."""

    seed: int
    device: str
    threads: int = 1
    precision: str
    recompute: bool = False
    log_every: int = 1
    eval_every: int = 1
    eval_tokens: int = 0
    log: str = "none"
    save_every: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingSettings:
    """How samples are drawn during training."""

    temperature: float
    top_k: int
    top_p: float
    sample_length: int
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """Settings of the memory task."""

    memory_length: int = 0
    """The length of the problem; its meaning depends on the problem, see `lstmtui.reports.memory_tasks`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationSettings:
    """Settings of a translation."""

    source: str = ""
    """The name of a language; empty for the ending of its file, see `language_names`."""
    target: str = ""
    joint: bool = True
    label_smoothing: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSettings:
    """Settings of speech: features, direction of reading, and augmentation."""

    sample_rate: int = 0
    """In a run: samples a second of all recordings."""
    mel: int = 40
    stack: int = 2
    directions: str = "both"
    speed: float = 0.1
    warp: float = 0.1
    gain: float = 6.0
    noise: float = 0.5
    mask_time: float = 0.1
    mask_frequency: float = 0.2

    @property
    def inputs(self) -> int:
        """The size of the input of a time step."""
        return self.mel * self.stack


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSettings:
    """Settings of captions: pictures as vectors, and augmentation."""

    side: int = 64
    """Pixels."""
    patch: int = 8
    edges: int = 9
    shift: int = 4
    """Pixels."""
    scale: float = 0.1
    rotate: float = 8.0
    """Degrees."""
    balance: float = 0.0
    """0: all pictures are read alike, 1: all concepts."""
    punctuation: str = "apart"
    references: str = "all"
    vectors: int = 0
    """In a run: of a picture."""
    vector_size: int = 0
    """In a run: numbers of a vector."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the vectors of a picture; vectors that make no square are one row."""
        side = math.isqrt(self.vectors)
        return (side, side) if side * side == self.vectors else (1, self.vectors)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """All settings of a run, resolved and grouped."""

    data: DataSettings
    network: NetworkSettings
    regularisation: RegularisationSettings
    optimisation: OptimisationSettings
    length: LengthSettings
    run: EngineSettings
    sampling: SamplingSettings
    memory: MemorySettings
    translation: TranslationSettings
    speech: SpeechSettings
    pictures: PictureSettings

    @classmethod
    def of(cls, s: Settings) -> RunSettings:
        """Return `s` in groups. Raises UsageError if a required field is None."""
        return cls.from_values({f.name: getattr(s, f.name) for f in dataclasses.fields(s)})

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> RunSettings:
        """Return the settings from {name: value}; None for an unresolved field. Raises UsageError."""
        units = [unit for unit in LENGTHS if values[unit] is not None]
        if len(units) != 1:
            raise UsageError(f"Exactly one of {', '.join(LENGTHS)} must say how long the run trains.")
        resolved = {**values, "unit": units[0], "amount": values[units[0]]}
        return cls(**{name: _group(kind, resolved) for name, kind in GROUPS.items()})

    def flat(self) -> dict[str, Any]:
        """Return {name: value} of every setting, in the order of `Settings`; the other units of length are None."""
        values = {f.name: getattr(group, f.name) for group in self._groups() for f in dataclasses.fields(group)}
        lengths = {**dict.fromkeys(LENGTHS), values.pop("unit"): values.pop("amount")}
        if lengths["steps"] is not None:
            lengths["steps"] = int(lengths["steps"])
        values |= lengths
        return {f.name: values[f.name] for f in dataclasses.fields(Settings)}

    def value(self, name: str) -> Any:
        """Return the setting called `name` in `Settings`. Raises KeyError."""
        return getattr(getattr(self, GROUP_OF[name]), name)

    def language_names(self) -> tuple[str, str]:
        """Return the names of source and target for display: the given ones, or the endings of the two files."""
        files = [PurePath(name).suffix[1:] for name in self.data.corpus]
        endings = files if len(files) == 2 and files[0] != files[1] else ["source", "target"]
        return self.translation.source or endings[0], self.translation.target or endings[1]

    def changed(self, **values: Any) -> RunSettings:
        """Return a copy with these settings replaced."""
        changes = dict(values)
        if any(changes.get(unit) is not None for unit in LENGTHS):
            changes = {**dict.fromkeys(LENGTHS), **changes}
        return RunSettings.from_values({**self.flat(), **changes})

    def _groups(self) -> list[Any]:
        return [getattr(self, name) for name in GROUPS]


GROUPS: dict[str, type[Any]] = {
    "data": DataSettings,
    "network": NetworkSettings,
    "regularisation": RegularisationSettings,
    "optimisation": OptimisationSettings,
    "length": LengthSettings,
    "run": EngineSettings,
    "sampling": SamplingSettings,
    "memory": MemorySettings,
    "translation": TranslationSettings,
    "speech": SpeechSettings,
    "pictures": PictureSettings,
}
"""Field of `RunSettings` to the class of the group."""
GROUP_OF = {f.name: group for group, kind in GROUPS.items() for f in dataclasses.fields(kind)} | dict.fromkeys(
    LENGTHS, "length"
)
"""Name of a setting to the field of `RunSettings` that holds it."""


def _group(kind: type[Any], resolved: Mapping[str, Any]) -> Any:
    fields = dataclasses.fields(kind)
    values = {f.name: value for f in fields if (value := resolved.get(f.name)) is not None}
    missing = [f.name for f in fields if f.name not in values and f.default is dataclasses.MISSING]
    if missing:
        raise UsageError(f"{', '.join(missing)}: a run needs a value.")
    return kind(**values)
