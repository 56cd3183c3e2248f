"""What a network does while it learns: gradient flow, gate statistics, memorisation."""
