"""A server on this machine that misbehaves as it is told."""

import contextlib
import hashlib
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from har.data.archive import Archive

FAULTS = (503, 404, 429, "break", "break at once", "page", "another range", "no ranges", None)
"""What may be wrong with an answer; also `"drip"`, which takes seconds."""


class Server(ThreadingHTTPServer):
    """Serves `content`; `faults` are used up, one a request."""

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.faults, self.ranges = content, [], []

    def handle_error(self, request, client_address):
        """A client that has gone is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def archive(self, path="archive.zip", content=None):
        content = content or self.content
        digest = hashlib.sha256(content).hexdigest()
        return Archive(f"http://127.0.0.1:{self.server_port}/{path}", path, len(content), digest)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        fault = self.server.faults.pop(0) if self.server.faults else None
        self.server.ranges.append(self.headers.get("Range"))
        content = self.server.content
        if isinstance(fault, int):
            self.send_error(fault)
            return
        first = 0
        if (asked := self.headers.get("Range")) and fault not in ("no ranges", "page"):
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            if first >= len(content):
                self.send_error(416)
                return
        if fault == "page":
            content = b"<html>Please sign in</html>" * 9
        if fault == "another range":
            first += 1000
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        rest = content[first:]
        if fault == "drip":
            with contextlib.suppress(OSError):
                for byte in rest[:200]:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.01)
            return
        sent = {"break": len(rest) // 2, "break at once": 900}.get(fault, len(rest))
        self.wfile.write(rest[:sent])

    def log_message(self, *_):
        pass
