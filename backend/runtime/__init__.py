"""The embedded Postgres and Redis, and the supervision of a desk's processes."""
