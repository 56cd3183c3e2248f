"""Completers of trained runs, with the counts of the training text and of the user's profile."""

from __future__ import annotations

from lstmtui.engine import process_memory
from lstmtui.engine.autocomplete import bias_adaptation
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.ngram_mixture import NgramMixture
from lstmtui.engine.autocomplete.ngram_sources import (
    PROFILE_WEIGHTS,
    TRAINING_TEXT_WEIGHTS,
    IndexedText,
    ProfileText,
    Source,
)
from lstmtui.engine.autocomplete.profile import Profile
from lstmtui.engine.autocomplete.store import text_index
from lstmtui.engine.inference.loaded_model import LoadedModel
from lstmtui.runs.folder import RunFolder


def build_mixture(model: LoadedModel, *, index: bool = True, adapt: bool = True) -> NgramMixture | None:
    """Return the counts that are mixed with the network; None without any.

    index    count the training text
    adapt    count the text at hand, and the profile if there is one
    """
    sources: list[Source] = []
    if index and (text := text_index(model.run, model.settings)) is not None:
        sources.append(IndexedText(text, TRAINING_TEXT_WEIGHTS))
    if adapt and (profile := load_profile(model.run)) is not None:
        sources.append(profile)
    return NgramMixture(sources, recent=adapt) if sources or adapt else None


def load_profile(run: RunFolder) -> ProfileText | None:
    """Return the user's profile as a text to be mixed; None without one."""
    index = Profile(run).load()
    return None if index is None else ProfileText(index, PROFILE_WEIGHTS)


def build_completer(model: LoadedModel, *, index: bool = True, adapt: bool = True) -> Completer:
    """Return a completer with the counts of `build_mixture`."""
    return completer_with(model, build_mixture(model, index=index, adapt=adapt), adapt=adapt)


def completer_with(
    model: LoadedModel, mixture: NgramMixture | None, *, adapt: bool = True, compiled: bool = True
) -> Completer:
    """Return a completer with given counts and, with `adapt`, the adapted biases if there are any.

    compiled    as for `Stepper`
    """
    adapted = adapt and bias_adaptation.exists(model.run)
    weights = bias_adaptation.adapted_weights(model) if adapted else model.weights
    completer = Completer(model.settings, weights, model.tokenizer, mixture=mixture, compiled=compiled)
    del weights
    model.release()
    completer.complete("")  # loads what the first answer needs, before memory is released
    process_memory.release_unused()
    return completer
