"""The duties that move calls along, one a file."""
