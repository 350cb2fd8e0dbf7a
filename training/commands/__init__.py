"""The commands of `python -m training`, one module each: `add` declares it, `run` does it."""
