"""Files of leads, read row by row."""
