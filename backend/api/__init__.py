"""The HTTP API: one router per resource, synchronous routes, problem+json errors."""
