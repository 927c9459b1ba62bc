"""HTTP in and out: no SQL, no decisions."""
