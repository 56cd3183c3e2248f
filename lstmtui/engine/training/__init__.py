"""Training a run: the loop, its plan and progress, checkpoints, requests."""
