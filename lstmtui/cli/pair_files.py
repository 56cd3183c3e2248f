"""Two files behind one option: `--valid val.en val.de`, as the two files of a parallel text are named.

An option of a list takes one value each time; the second file would become one more file to train on. So it gets the
option a second time before the arguments are parsed, where the run is for translation and its own files come first.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

OPTIONS = ("--valid", "--test")
PURPOSE, TRANSLATION = "--for", "translation"


def with_second_files(args: Sequence[str], flags: Collection[str]) -> list[str]:
    """Return the arguments, where a second file behind `--valid` or `--test` has the option of its own.

    flags  the options that take no value
    """
    if not _is_translation(args):
        return list(args)
    found: list[str] = []
    files = 0
    for n, word in enumerate(args):
        before = args[n - 1] if n > 0 else ""
        is_value = before.startswith("-") and "=" not in before and before not in flags
        if not word.startswith("-") and not is_value:
            if files and n > 1 and args[n - 2] in OPTIONS:
                found.append(args[n - 2])
            else:
                files += 1
        found.append(word)
    return found


def _is_translation(args: Sequence[str]) -> bool:
    return f"{PURPOSE}={TRANSLATION}" in args or (PURPOSE, TRANSLATION) in itertools.pairwise(args)
