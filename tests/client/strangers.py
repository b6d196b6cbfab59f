"""A server that is no gateway.

`Stranger(answer)` listens on a free port of the loopback and answers every
connection in one way:

- ``404``: an HTTP 404 with a page;
- ``html``: 200 with an HTML page, whatever is asked;
- ``not http``: a banner of some other protocol;
- ``redirect``: a redirect to another origin, which counts the tokens it is
  sent in ``tokens_sent_elsewhere`` and answers 404.
"""

from __future__ import annotations

import socketserver
import threading
from typing import Self

PAGE = b"<h1>welcome</h1>"


class Stranger:
    def __init__(self, answer: str) -> None:
        self.tokens_sent_elsewhere = 0
        self._elsewhere = _server(self._count)
        other = self._elsewhere.server_address[1]
        answers = {
            "404": _http("404 Not Found"),
            "html": _http("200 OK"),
            "not http": b"220 mail.example ESMTP\r\n",
            "redirect": _http("307 Temporary Redirect", f"Location: http://127.0.0.1:{other}/"),
        }
        self._main = _server(lambda _: answers[answer])
        self.url = f"http://127.0.0.1:{self._main.server_address[1]}"

    def _count(self, request: bytes) -> bytes:
        self.tokens_sent_elsewhere += b"authorization" in request.lower()
        return _http("404 Not Found")

    def __enter__(self) -> Self:
        for server in (self._main, self._elsewhere):
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        for server in (self._main, self._elsewhere):
            server.shutdown()
            server.server_close()


def _http(status: str, header: str = "X-Nothing: 1") -> bytes:
    head = f"HTTP/1.1 {status}\r\n{header}\r\nContent-Type: text/html\r\n"
    return f"{head}Content-Length: {len(PAGE)}\r\nConnection: close\r\n\r\n".encode() + PAGE


def _server(answer: object) -> socketserver.ThreadingTCPServer:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            request = self.request.recv(65536)
            self.request.sendall(answer(request))  # type: ignore[operator]

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    return Server(("127.0.0.1", 0), Handler)
