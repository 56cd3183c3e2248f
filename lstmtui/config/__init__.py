"""Settings: what a person may say (`settings`), where they say it (`sources`), and what a run trains with (`resolved`).

options, environment, files > Settings, some fields open > lstmtui.recipe > RunSettings > config.toml of the run
"""

from lstmtui.config.resolved import (
    DataSettings,
    EngineSettings,
    LengthSettings,
    NetworkSettings,
    OptimisationSettings,
    RegularisationSettings,
    RunSettings,
    SamplingSettings,
)
from lstmtui.config.settings import (
    AUTO,
    BEFORE,
    CELLS,
    DEVICES,
    FIELDS,
    INITIAL_RECURRENT,
    LENGTHS,
    LIVE,
    PRECISIONS,
    PURPOSES,
    SPLITS,
    TOKENS,
    TYPES,
    Settings,
    base_type,
    option,
    setting,
)
from lstmtui.config.sources import RESERVED, check_environment, resolve, user_file, user_folder
from lstmtui.config.stored import FORMAT, dump, load
from lstmtui.config.values import check_together, convert, nearest

__all__ = [
    "AUTO",
    "BEFORE",
    "CELLS",
    "DEVICES",
    "FIELDS",
    "FORMAT",
    "INITIAL_RECURRENT",
    "LENGTHS",
    "LIVE",
    "PRECISIONS",
    "PURPOSES",
    "RESERVED",
    "SPLITS",
    "TOKENS",
    "TYPES",
    "DataSettings",
    "EngineSettings",
    "LengthSettings",
    "NetworkSettings",
    "OptimisationSettings",
    "RegularisationSettings",
    "RunSettings",
    "SamplingSettings",
    "Settings",
    "base_type",
    "check_environment",
    "check_together",
    "convert",
    "dump",
    "load",
    "nearest",
    "option",
    "resolve",
    "setting",
    "user_file",
    "user_folder",
]
