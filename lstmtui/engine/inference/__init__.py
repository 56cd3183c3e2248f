"""Using a trained run: loading, sampling, evaluating, looking inside."""
