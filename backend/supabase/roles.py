"""The roles that people may use the API under, and how desk tokens begin."""

ROLES = frozenset({"treasury_operator", "auditor", "desk_operator"})
DESK_TOKEN_PREFIX = "desk_"
