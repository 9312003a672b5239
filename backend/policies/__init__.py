"""Policy packs: the numbers that say what may be done, reviewed by the risk owner."""

from backend.policies.limits import LIMIT_KINDS
from backend.policies.pack import (
    PACKS,
    PackAnswer,
    PolicyPack,
    apply_pack,
    load_pack,
    parse_pack,
    request_pack,
)

__all__ = [
    "LIMIT_KINDS",
    "PACKS",
    "PackAnswer",
    "PolicyPack",
    "apply_pack",
    "load_pack",
    "parse_pack",
    "request_pack",
]
