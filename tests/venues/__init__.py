"""The paper terminal as clients see it, and the venue adapters on top of it."""
