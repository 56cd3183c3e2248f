"""What runs say, in figures and sentences: overfitting, comparison, memory tasks, gradient flow."""
