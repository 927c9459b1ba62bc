"""All SQL, and nothing that decides."""
