"""Pure decisions: no I/O, no clock, no dice; time and seeds are arguments."""
