"""Engine processes that answer requests in JSON lines."""
