"""`python -m lstmtui.cli`: the command where its script is not on the path."""

from __future__ import annotations

from lstmtui.cli import main

raise SystemExit(main())
