#!/usr/bin/env python3
"""Check an inclusion proof of the desk's record, with nothing of the desk.

    python check_proof.py PROOF.json --public-key HEX

Needs the public key (64 hex digits) from whoever vouches for it, not from the proof; Python 3
and `cryptography`. Ends with 0 and prints the record if it was sealed as shown, else with 1.
What is computed is written down in audit.md, Checking a proof by hand.
"""

import argparse
import base64
import json
import sys
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    """Why a proof proves nothing."""


def check(proof, public_key):
    """Return the seal that holds the record. Raises Refused."""
    body = proof["seal"]["body"].encode()
    _check_signature(body, proof["seal"]["sig"], public_key)
    seal = json.loads(body)
    if seal["version"] != "dcd.seal.v1" or proof["version"] != "dcd.proof.v1":
        raise Refused("a version that this checker does not know")
    if proof["tree_size"] != seal["count"]:
        raise Refused("the proof is of a tree of another size")
    digest = proof["record_sha256"]
    if proof["record"] is not None:
        digest = sha256(proof["record"].encode()).hexdigest()
    if digest != proof["record_sha256"]:
        raise Refused("the record does not give its hash")
    if _root(_leaf(proof, digest), proof) != seal["root"]:
        raise Refused("the record does not lead to the root that was signed")
    return seal


def _check_signature(body, sig, public_key):
    if not sig.startswith("ed25519:"):
        raise Refused("not an Ed25519 signature")
    signature = base64.b64decode(sig[len("ed25519:") :], validate=True)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    try:
        key.verify(signature, b"dcd.seal.v1\n" + body)
    except InvalidSignature:
        raise Refused("the seal was not signed with this key") from None


def _leaf(proof, digest):
    text = "\n".join(
        [
            "dcd.leaf.v1",
            proof["table"],
            proof["form"],
            ",".join(proof["columns"]),
            "\t".join([proof["transaction"], proof["key"], digest]),
        ]
    )
    return sha256(b"\x00" + text.encode()).digest()


def _root(node, proof):
    index, last = int(proof["leaf_index"]), int(proof["tree_size"]) - 1
    if not 0 <= index <= last:
        raise Refused("no such leaf in a tree of that size")
    path = [bytes.fromhex(sibling) for sibling in proof["path"]]
    while last > 0:
        # The last node of an uneven level has no sibling and goes up as it is.
        if index % 2 == 1 or index < last:
            if not path:
                raise Refused("the path ends below the root")
            sibling = path.pop(0)
            pair = sibling + node if index % 2 == 1 else node + sibling
            node = sha256(b"\x01" + pair).digest()
        index, last = index // 2, last // 2
    if path:
        raise Refused("the path goes on above the root")
    return node.hex()


def main():
    """Read the proof, say what it proves."""
    parser = argparse.ArgumentParser(description="Check an inclusion proof.")
    parser.add_argument("proof", help="What `desk audit prove ID --json` printed.")
    parser.add_argument("--public-key", required=True, help="64 hex digits.")
    arguments = parser.parse_args()
    try:
        with open(arguments.proof, encoding="utf-8") as file:
            proof = json.load(file)
        seal = check(proof, arguments.public_key)
    except (Refused, KeyError, TypeError, ValueError) as error:
        print(f"NOT proven: {error or type(error).__name__}")
        return 1
    print(f"proven: {proof['table']} {proof['key']} is in seal {seal['number']},")
    print(f"signed as of {seal['sealed_at']}")
    if proof["record"] is None:
        print("the record itself is no longer kept; its SHA-256 is", proof["record_sha256"])
        return 0
    for column, value in zip(proof["columns"], proof["record"].split("\t"), strict=True):
        print(f"  {column}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
