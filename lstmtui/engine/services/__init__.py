"""Processes that answer questions in JSON lines."""
