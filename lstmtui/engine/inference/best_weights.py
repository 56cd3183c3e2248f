"""The weights of a run that evaluate best, read from its checkpoints; the rest of them is not held in memory."""

from __future__ import annotations

from typing import Any

from lstmtui.config import RunSettings
from lstmtui.engine import checkpoint
from lstmtui.engine.checkpoint_identity import check_identity
from lstmtui.engine.nn.params import Arena, Parameter
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder


def require_checkpoint(run: RunFolder) -> None:
    """Raise UsageError for a run without a checkpoint, and say how it gets one."""
    if not checkpoint.list_paths(run):
        raise UsageError(f"Run '{run.name}' has no checkpoint yet; 'lstmtui resume {run.name}' trains it.")


def load_best_weights(
    run: RunFolder, s: RunSettings, layout: list[Parameter], identity: dict[str, Any]
) -> tuple[int, Arena]:
    """Return step and weights of the run's best checkpoint, or of its newest.

    identity    what the checkpoint must have in common with the run
    Raises UsageError where there is no checkpoint, CorruptError for a damaged one and for another run's.
    """
    prefix = "ema" if s.optimisation.ema else "weights"
    found = checkpoint.best(run, only=(f"{prefix}.",))
    if found is None:
        raise UsageError(f"Run '{run.name}' has no checkpoint any more.")
    where = f"The checkpoint of step {found.step}"
    check_identity(found.about.get("identity"), identity, where)
    weights = Arena(layout)
    checkpoint.restore(weights.views, found.tensors, prefix, where)
    return found.step, weights
