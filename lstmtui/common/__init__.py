"""What everyone in lstmtui may use, and what uses nothing of it."""
