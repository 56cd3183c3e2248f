"""Errors that a person sees: one base class, a subclass and an exit code for each kind.

A message is one sentence: what happened, where, and what to do next. It may quote file names and pieces of files, so it
passes through `lstmtui.common.terminal_text` before it is shown.

Exit codes
    0 fine   1 failed   2 usage or configuration   3 corrupt or incompatible run or checkpoint   4 diverged
    5 run is locked by another engine   6 the last save failed   129/130/143 stopped by SIGHUP/SIGINT/SIGTERM, saved
"""

from __future__ import annotations


class LstmtuiError(Exception):
    """A failure that a person can act on."""

    exit_code = 1


class UsageError(LstmtuiError):
    """An option, a setting, a name or an input file cannot be used as given."""

    exit_code = 2


class CorruptError(LstmtuiError):
    """A run folder, checkpoint or cache file is damaged, or belongs to another version, cell or tokenizer."""

    exit_code = 3


class UnreadableError(CorruptError):
    """A file exists and cannot be read now; it need not be damaged."""


class DivergedError(LstmtuiError):
    """Training became non-finite, and a lower learning rate did not help."""

    exit_code = 4


class LockedError(LstmtuiError):
    """Another engine works on this run."""

    exit_code = 5


class SaveError(LstmtuiError):
    """The last checkpoint could not be written; the one before it still stands."""

    exit_code = 6


ERROR_BY_EXIT_CODE: dict[int, type[LstmtuiError]] = {
    kind.exit_code: kind for kind in (LstmtuiError, UsageError, CorruptError, DivergedError, LockedError, SaveError)
}
"""The error of each exit code, so that a front end raises the error with which its engine process ended."""
