"""`ringback trunk test`: one dial over a trunk, by whoever looks after it, with all that was said on the way."""
