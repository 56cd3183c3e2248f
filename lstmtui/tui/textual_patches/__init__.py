"""Every use of a private name of Textual: each module says what Textual does, and what it does instead.

Tested with Textual 8.2.8, whose minor version is the bound in `pyproject.toml`. A patch goes when Textual no longer
needs it: for each there is a test that fails as soon as plain Textual does what the patch does, and PRIVATE_NAMES lists
what would break it.
"""

from __future__ import annotations

TESTED_VERSION = "8.2.8"
"""The version of Textual that the patches were written for and tested with."""
