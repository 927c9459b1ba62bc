"""What is decided: pure functions over frozen types. No await, no clock, no random, no I/O."""
