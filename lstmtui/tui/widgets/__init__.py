"""Widgets: one file each; they draw what they are given and open no file."""
