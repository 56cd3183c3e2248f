"""What a new run takes over from a trained one that it begins with: purpose, kind of tokens, network."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from lstmtui import config
from lstmtui.config import Settings
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder

NETWORK = ("tokens", "exact", "cell", "hidden", "layers", "embedding", "tied")
"""Settings that weights and vocabulary depend on."""


def settings_from_start(settings: Settings, start: RunFolder, given: Collection[str]) -> Settings:
    """Return the settings of a run that begins with the network of `start`.

    given    names of the settings that a person gave for this run
    Raises UsageError for a run that models no text, and for given settings that its network does not have.
    """
    before = config.load(start.config)
    for purpose in (before.data.purpose, settings.purpose):
        if purpose not in config.TEXT_PURPOSES:
            raise UsageError(f"--from is for runs that are trained on text, not for {purpose}; leave it out.")
    for name in NETWORK:
        if name in given and getattr(settings, name) != before.value(name):
            raise UsageError(
                f"{config.option(name)} {getattr(settings, name)} is not what the network of run '{start.name}' has "
                f"({before.value(name)}); leave it out, or start without --from."
            )
    values: dict[str, Any] = {name: before.value(name) for name in NETWORK}
    if "purpose" not in given:
        values["purpose"] = before.data.purpose
    return dataclasses.replace(settings, start=str(start.path.resolve()), **values)
