"""The commands of the ledger at work: against a database, or on a packet alone."""
