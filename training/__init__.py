"""Training and evaluation of the checkpoints the app shows.

Recipes are files, randomness is derived from one seed, scores say how they were measured.
"""
