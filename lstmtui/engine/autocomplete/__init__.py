"""Completion while typing: the rest of a word, the next word, or a phrase.

    text > query > text state > search (continuations by the network) > n-gram mixture > ranked proposals

`completer.Completer` is the entry point; `keystroke_savings` measures what completion saves.
"""
