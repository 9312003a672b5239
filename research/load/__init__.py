"""Load on a desk: arrivals on schedule, a lean HTTP client, a market to write alerts about."""
