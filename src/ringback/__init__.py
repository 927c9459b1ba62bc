"""Outbound calling campaigns that redial by a policy, never dial twice, and show every attempt."""

__version__ = "0.3.0"
