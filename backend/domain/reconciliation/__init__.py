"""Books against venues: `records` is what is compared, `comparing` what follows."""
