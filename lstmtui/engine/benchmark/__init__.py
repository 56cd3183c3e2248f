"""Measuring this machine: steps, parts of a step, limits, forecasts."""
