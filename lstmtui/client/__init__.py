"""The engine as seen by front ends: each module starts a process of the engine and talks with it."""
