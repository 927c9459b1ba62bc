"""Exports are made in a process of their own: neither requests nor dials wait for it."""
