"""Rule packs: the data files, what reads them, and the shelf that they are taken from."""
