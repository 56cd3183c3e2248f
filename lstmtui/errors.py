"""What can go wrong where a person can see it: one base error, few children, one exit code each.

A message is one sentence: what happened, where, and what to do next. Whoever shows it makes it safe for a terminal
(`lstmtui.common.terminal_text`), since it may quote a file name or a piece of a file.

Exit codes
    0 fine   1 failed   2 usage or configuration   3 corrupt or incompatible run or checkpoint   4 diverged
    5 run is locked by another engine   6 the last save failed   129/130/143 stopped by SIGHUP/SIGINT/SIGTERM, saved
"""

from __future__ import annotations


class LstmtuiError(Exception):
    """Something failed in a way that a person can act on."""

    exit_code = 1


class UsageError(LstmtuiError):
    """An option, a setting, a name or an input file cannot be used as given."""

    exit_code = 2


class CorruptError(LstmtuiError):
    """A run folder, checkpoint or cache file is damaged, or belongs to another version, cell or tokenizer."""

    exit_code = 3


class UnreadableError(CorruptError):
    """A file is there and cannot be read now, which does not mean that it is damaged."""


class DivergedError(LstmtuiError):
    """Training became non-finite and lowering the learning rate did not help."""

    exit_code = 4


class LockedError(LstmtuiError):
    """Another engine already works on this run."""

    exit_code = 5


class SaveError(LstmtuiError):
    """The last checkpoint could not be written; the one before it still stands."""

    exit_code = 6


ERROR_BY_EXIT_CODE: dict[int, type[LstmtuiError]] = {
    kind.exit_code: kind for kind in (LstmtuiError, UsageError, CorruptError, DivergedError, LockedError, SaveError)
}
"""Which error an exit code stands for, so that a front end can raise what its engine process died of."""
