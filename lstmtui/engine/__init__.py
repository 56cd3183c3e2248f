"""The engine: a process of its own that trains a run, and another that answers questions with a trained one."""
