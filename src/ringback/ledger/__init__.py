"""The verifiable record: entries, checkpoints, packets to show, and their verification."""
