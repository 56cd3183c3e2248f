"""The fields of the settings."""

from __future__ import annotations

import dataclasses

import pytest

from lstmtui import config
from lstmtui.config import Settings


def test_every_field_has_a_help_text_a_group_and_a_type():
    for name, field in config.FIELDS.items():
        metadata = field.metadata
        assert metadata["help"], name
        assert metadata["help"][-1] != ".", name
        assert metadata["group"], name
        kind, optional = config.base_type(name)
        assert kind in (int, float, bool, str, tuple)
        assert optional == (field.default is None)


def test_settings_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().hidden = 3


def test_the_help_of_weight_decay_names_both_optimizers_and_what_does_not_decay():
    message = config.FIELDS["weight_decay"].metadata["help"]
    for phrase in ("not of embedding, biases and peepholes", "decoupled with adamw", "added to the gradient with sgd"):
        assert phrase in message
