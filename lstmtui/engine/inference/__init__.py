"""Use of a trained language model: loading, sampling and evaluation."""
