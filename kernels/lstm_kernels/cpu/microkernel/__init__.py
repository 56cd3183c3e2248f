"""Products of a tile that stays in registers, a file for each kind of unit."""
