"""`python -m lstmtui.cli`: the command where its script is not on the path."""

from __future__ import annotations

import os.path
import sys

# Python puts the current folder before its own modules here: a random.py beside someone's text must not be taken for
# one of them. A checkout in the current folder stays.
if not sys.flags.safe_path and sys.path[0] != os.path.dirname(os.path.dirname(os.path.dirname(__file__))):
    del sys.path[0]

from lstmtui.cli import main

raise SystemExit(main())
