"""Edge functions as processes: real Deno, reached over loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.settings import CHECKOUT
from tests.kit.homes import until

FUNCTIONS = CHECKOUT / "edge_functions"
DENO = Path(sys.executable).parent / "deno"
START_S = 60.0
_LISTENS = re.compile(r"Listening on http://127\.0\.0\.1:(\d+)/")


def environment(**more: str) -> dict[str, str]:
    """Give the environment of Deno: packages from the installation's cache."""
    cache = os.environ.get("DENO_DIR", str(Path(sys.prefix) / "deno"))
    return {**os.environ, "DENO_DIR": cache, "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1", **more}


def deno(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Deno in the folder of the functions."""
    return subprocess.run(
        [str(DENO), *words],
        cwd=FUNCTIONS,
        env=environment(),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@dataclass(frozen=True)
class Answer:
    """What a function answered."""

    status: int
    body: bytes
    content_type: str | None

    @property
    def document(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class EdgeFunction:
    """One function that is being served."""

    name: str
    port: int

    def post(self, token: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Post to it under a token."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", f"/{self.name}/{token}", body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.read(), response.headers.get("content-type"))


@contextlib.contextmanager
def serving(name: str, **settings: str) -> Generator[EdgeFunction]:
    """Serve a function with no rights but to the network and its own settings."""
    words = [
        str(DENO), "run", "--no-prompt", "--allow-net", "--allow-env", "--frozen",
        f"{name}/index.ts",
    ]  # fmt: skip
    with tempfile.NamedTemporaryFile() as output:
        process = subprocess.Popen(
            words,
            cwd=FUNCTIONS,
            env=environment(EDGE_PORT="0", **settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )

        def said() -> re.Match[str] | None:
            text = Path(output.name).read_text(errors="replace")
            if process.poll() is not None:
                raise AssertionError(text)
            return _LISTENS.search(text)

        try:
            listens = until(said, f"{name} listens", START_S)
            assert listens is not None
            yield EdgeFunction(name, int(listens[1]))
        finally:
            process.terminate()
            process.wait(10)
