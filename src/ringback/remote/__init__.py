"""Commands that talk to a server, over the same API as everybody else."""
