"""A checkpoint is a folder: model.safetensors, card.json and README.md, which say what it is.

`store` reads, verifies and writes it, `card` is its card, `model_card` its README; `convert` brings
cards of an earlier version up to date, `hub` and `imagenet` fetch families when a user asks.
"""

from dfm_viz.checkpoint.card import CARD, Card, checkpoint_folders, read_card
from dfm_viz.checkpoint.store import WEIGHTS, load_checkpoint, save_checkpoint, write_card

__all__ = [
    "CARD",
    "WEIGHTS",
    "Card",
    "checkpoint_folders",
    "load_checkpoint",
    "read_card",
    "save_checkpoint",
    "write_card",
]
