"""The run folder: where the engine process and everyone who watches it meet."""
