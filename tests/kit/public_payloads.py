"""Bodies as other services, brokers and people document theirs, and what they are taken for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.kit.payloads import Payload

_FILE = Path(__file__).with_suffix(".jsonl")


def _payload(line: str) -> Payload:
    given: dict[str, Any] = json.loads(line)
    body = bytes.fromhex(given["hex"]) if "hex" in given else given["body"].encode()
    return Payload(given["name"], body, given["is"], given["detail"], given.get("type"))


PUBLIC_PAYLOADS = tuple(map(_payload, _FILE.read_text().splitlines()))
