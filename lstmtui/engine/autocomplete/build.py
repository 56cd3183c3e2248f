"""A trained run made ready to complete with: what it learnt, the index of its text, and a person's profile."""

from __future__ import annotations

from lstmtui.engine import process_memory
from lstmtui.engine.autocomplete import bias_adaptation
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.ngram_mixture import PROFILE, TEXT, Counted, Memory, Written
from lstmtui.engine.autocomplete.profile import Profile
from lstmtui.engine.autocomplete.store import text_index
from lstmtui.engine.inference.loaded_model import LoadedModel


def memory(trained: LoadedModel, *, index: bool = True, adapt: bool = True) -> Memory | None:
    """Return what is counted beside the network; None for nothing at all.

    index    in the text that the run was trained on
    adapt    in the text at hand, and in the profile where there is one
    """
    sources = []
    if index and (text := text_index(trained.run, trained.settings)) is not None:
        sources.append(Counted(text, TEXT))
    if adapt and (written := Profile(trained.run).load()) is not None:
        sources.append(Written(written, PROFILE))
    return Memory(sources, recent=adapt) if sources or adapt else None


def completer(trained: LoadedModel, *, index: bool = True, adapt: bool = True) -> Completer:
    """Return a completer with all that it may lean on."""
    return with_memory(trained, memory(trained, index=index, adapt=adapt), adapt=adapt)


def with_memory(trained: LoadedModel, counted: Memory | None, *, adapt: bool = True) -> Completer:
    """Return a completer that leans on what is counted already."""
    weights = bias_adaptation.applied(trained) if adapt and bias_adaptation.known(trained.run) else trained.weights
    made = Completer(trained.settings, weights, trained.tokenizer, memory=counted)
    del weights
    trained.release()
    made.complete("")  # what the first answer loads is loaded now, and the rest given back
    process_memory.release_unused()
    return made
