"""Measures the figures that we promise, each beside its limit or its peer in the same run: `python -m bench`."""
