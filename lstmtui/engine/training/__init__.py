"""Training of a run: loop, plan, progress, checkpoints and requests."""
