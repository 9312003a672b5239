"""The record that nobody can rewrite: reading rows as they are hashed, sealing, verifying."""
