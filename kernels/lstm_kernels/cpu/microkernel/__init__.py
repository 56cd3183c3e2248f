"""Products of tiles that stay in vector registers: registers, number formats, one tile, and the loops over tiles."""
