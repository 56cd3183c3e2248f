"""Reports on runs, as figures and sentences: overfitting, comparison, memory tasks, gradient flow."""
