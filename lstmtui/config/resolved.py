"""The settings of one run, with nothing left to choose: what the engine trains with and what config.toml holds.

`lstmtui.recipe` fills what a person left open in `Settings`; `RunSettings.of` then sorts the fields into groups of one
concern each. Names, bounds and help stand in `lstmtui.config.settings` alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstmtui.config.settings import LENGTHS, Settings
from lstmtui.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """Which text is read, how it is split and what its tokens are."""

    corpus: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]
    valid_fraction: float
    test_fraction: float
    split: str
    encoding: str
    keep_everything: bool
    exact: bool
    purpose: str
    tokens: str
    vocabulary: int | None = None
    """The most tokens to tell apart; None where nothing limits them."""

    @classmethod
    def of(cls, s: Settings) -> DataSettings:
        """Return these of `s`, of which nothing is left open but tokens that the recipe may choose."""
        found: DataSettings = _group(cls, {f.name: getattr(s, f.name) for f in dataclasses.fields(s)})
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """What the network is made of."""

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
    """What keeps the network from memorising."""

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
    """How gradients become steps."""

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
    """How long a run trains, and on how much at a time."""

    unit: str
    """One of LENGTHS: minutes, epochs or steps."""
    amount: float
    batch: int
    bptt: int
    patience: int = 0

    @property
    def minutes(self) -> float | None:
        """The minutes that the run may take; None where something else ends it."""
        return self.amount if self.unit == "minutes" else None

    @property
    def epochs(self) -> float | None:
        """The passes over the data; None where something else ends it."""
        return self.amount if self.unit == "epochs" else None

    @property
    def steps(self) -> int | None:
        """The steps to take; None where something else ends it."""
        return int(self.amount) if self.unit == "steps" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Where it computes, in what precision, and how often it logs, evaluates and saves."""

    seed: int
    device: str
    threads: int = 1
    precision: str
    recompute: bool = False
    log_every: int = 1
    eval_every: int = 1
    eval_tokens: int = 0
    save_every: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingSettings:
    """How text is sampled while the run trains."""

    temperature: float
    top_k: int
    top_p: float
    sample_length: int
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """Of the task that tests memory."""

    memory_length: int = 0
    """What the length is of depends on the test: see `lstmtui.reports.memory_tasks`."""


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

    @classmethod
    def of(cls, s: Settings) -> RunSettings:
        """Return `s` in groups. Raises UsageError where a field is open that every run needs."""
        return cls.from_values({f.name: getattr(s, f.name) for f in dataclasses.fields(s)})

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> RunSettings:
        """Return the same from {name: value}; None stands for an open field."""
        units = [unit for unit in LENGTHS if values[unit] is not None]
        if len(units) != 1:
            raise UsageError(f"Exactly one of {', '.join(LENGTHS)} must say how long the run trains.")
        given = {**values, "unit": units[0], "amount": values[units[0]]}
        return cls(**{name: _group(kind, given) for name, kind in GROUPS.items()})

    def flat(self) -> dict[str, Any]:
        """Return {name: value} of every setting, in the order of `Settings`; the lengths not in force are None."""
        found = {f.name: getattr(group, f.name) for group in self._groups() for f in dataclasses.fields(group)}
        lengths = {**dict.fromkeys(LENGTHS), found.pop("unit"): found.pop("amount")}
        if lengths["steps"] is not None:
            lengths["steps"] = int(lengths["steps"])
        found |= lengths
        return {f.name: found[f.name] for f in dataclasses.fields(Settings)}

    def value(self, name: str) -> Any:
        """Return one setting by its name, as `Settings` has it. Raises KeyError."""
        return getattr(getattr(self, GROUP_OF[name]), name)

    def changed(self, **values: Any) -> RunSettings:
        """Return the settings with other values of these, by their names."""
        given = dict(values)
        if any(given.get(unit) is not None for unit in LENGTHS):
            given = {**dict.fromkeys(LENGTHS), **given}
        return RunSettings.from_values({**self.flat(), **given})

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
}
"""Field of `RunSettings` to the type of the group."""
GROUP_OF = {f.name: group for group, kind in GROUPS.items() for f in dataclasses.fields(kind)} | dict.fromkeys(
    LENGTHS, "length"
)
"""Setting to the field of `RunSettings` that it is in."""


def _group(kind: type[Any], given: Mapping[str, Any]) -> Any:
    fields = dataclasses.fields(kind)
    values = {f.name: value for f in fields if (value := given.get(f.name)) is not None}
    missing = [f.name for f in fields if f.name not in values and f.default is dataclasses.MISSING]
    if missing:
        raise UsageError(f"{', '.join(missing)}: a run needs a value.")
    return kind(**values)
