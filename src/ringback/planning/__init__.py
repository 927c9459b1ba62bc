"""A campaign played ahead of time: the rules of the engine on a clock of its own, nobody called, nothing kept."""
