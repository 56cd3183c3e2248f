"""Completion while one types: the rest of the word, the next word, or a phrase.

    text > history (state after the words before) > search (words the network may go on with) > blend (with what this
    person wrote) > candidates

`completer.Completer` is the door; `report` measures what it saves.
"""
