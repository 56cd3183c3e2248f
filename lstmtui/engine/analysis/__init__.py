"""Measurements of a network: gradient flow, gate statistics, unit statistics, memorisation."""
