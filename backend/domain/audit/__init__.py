"""What makes the record tamper-evident: leaves, Merkle trees, seals and proofs, without I/O."""
