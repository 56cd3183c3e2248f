"""`python -m lstmtui.cli`: the command where its script is not on the path."""

from __future__ import annotations

import os.path
import sys

# With -m, Python searches the current folder first: a random.py beside a user's text must not replace the module.
# A checkout in the current folder stays on the path.
if not sys.flags.safe_path and sys.path[0] != os.path.dirname(os.path.dirname(os.path.dirname(__file__))):
    del sys.path[0]

from lstmtui.cli import main

raise SystemExit(main())
