"""A server that answers as an OpenAI-compatible endpoint does, with what a test wants it to say."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answer = Callable[[dict[str, Any]], tuple[int, bytes]]
"""From the request's body to status and body of the answer."""


class ModelServer:
    """What was asked, and where to ask."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []


def saying(content: str) -> tuple[int, bytes]:
    """Give the answer of a model that says this."""
    return 200, json.dumps({"choices": [{"message": {"content": content}}]}).encode()


def agreeing(body: dict[str, Any]) -> tuple[int, bytes]:
    """Agree with every structure that is asked about."""
    question = json.loads(body["messages"][1]["content"])
    votes = [
        {"id": one["id"], "vote": "agree", "reason": "it looks so"}
        for one in question["structures"]
    ]
    return saying(json.dumps({"votes": votes}))


@contextmanager
def model_server(answer: Answer) -> Generator[ModelServer]:
    """Serve one endpoint on the loopback for the time of a test."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append({"path": self.path, **body})
            told.headers.append(dict(self.headers))
            status, content = answer(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = ModelServer(f"http://127.0.0.1:{server.server_port}/v1")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
