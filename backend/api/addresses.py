"""Whose request it is, behind proxies that the desk was told to trust and no others.

A proxy appends the address that it saw to `X-Forwarded-For`; everything further left was
written by whoever sent the request, and may be invented.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from starlette.datastructures import Headers

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDED = "x-forwarded-for"


def networks(written: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses and networks such as `10.0.0.0/8`. Raises ValueError on anything else."""
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in written)


def sender_of(peer: str | None, headers: Headers, trusted: Sequence[Network]) -> str | None:
    """Return who sent a request as `inet` takes it; None where nobody can be believed.

    peer: the socket's other end. Going left from it, the first address that is no trusted
    proxy is the sender; what cannot be read names nobody.
    """
    address = _read(peer or "")
    if not trusted or address is None or not _is_of(address, trusted):
        return None if address is None else str(address)
    chain = [part for value in headers.getlist(FORWARDED) for part in value.split(",")]
    for part in reversed(chain):
        address = _read(part)
        if address is None:
            return None
        if not _is_of(address, trusted):
            return str(address)
    return str(address)


@lru_cache(maxsize=1024)
def _read(text: str) -> Address | None:
    """Read an address, with a port or without; IPv4 within IPv6 is IPv4."""
    text = text.strip().partition("%")[0]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_of(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
