"""The desk itself: values, contracts, domain, database, venues, API."""
