"""Compiled mathematics of recurrent networks: arrays in, arrays out."""
