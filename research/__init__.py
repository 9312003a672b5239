"""Replay, measurement and training: runs the very agents that trade."""
