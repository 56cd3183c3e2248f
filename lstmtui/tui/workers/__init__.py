"""What the screens do in threads: reading runs, asking models, writing requests."""
