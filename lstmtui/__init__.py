"""lstmtui: train, watch and type with recurrent networks of your own, in the terminal."""

__version__ = "0.1.0"
