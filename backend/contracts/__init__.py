"""What agents say to one another: the envelope and one module per message family."""
