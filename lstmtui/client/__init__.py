"""The front ends' side of the engine's processes."""
