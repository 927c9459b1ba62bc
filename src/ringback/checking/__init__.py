"""What asks a workspace's own server whether a dial may be placed."""
