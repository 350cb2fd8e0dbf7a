"""Ablations: the tables of the paper, and one parameter at a time."""
