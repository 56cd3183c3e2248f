"""The command line over a fake engine and a fake model, as a process: python tests/support/fake_cli.py ARGUMENTS...

The environment variable FAKE_ENGINE names the engine's behaviour.
"""

from __future__ import annotations

import functools
import os
import sys

import fake_engine
import fake_model

from lstmtui.cli import follow, main
from lstmtui.client import model, runs

if __name__ == "__main__":
    runs.start = functools.partial(fake_engine.start, behaviour=os.environ.get("FAKE_ENGINE", "finish"))
    model.Model = fake_model.FakeModel  # type: ignore[misc, assignment]
    follow.MAX_STOP = float(os.environ.get("FAKE_MAX_STOP", follow.MAX_STOP))
    sys.exit(main())
