"""What tests of orders look through, unless a module has its own."""

from tests.kit import order_sessions

desk, inside, bridge = order_sessions.desk, order_sessions.inside, order_sessions.bridge
