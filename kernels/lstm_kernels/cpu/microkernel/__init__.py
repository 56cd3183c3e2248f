"""Products of tiles that stay in vector registers: registers, number formats, one tile, and the loops over tiles.

Products of bfloat16 may run on a tile unit instead, or on its twin in software.
"""
