"""Market data as values: bars, their quality, their file formats, and seeded likenesses."""
