"""The run folder, through which the engine process and its viewers communicate."""
