"""The carrier that dials nobody: answer models on a seed."""
