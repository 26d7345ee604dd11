"""What tests of Alpaca's sources share: keys that are none, and an address on this machine that answers."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

KEYS = {"APCA_API_KEY_ID": "an-id", "APCA_API_SECRET_KEY": "a-secret"}


def set_up(monkeypatch, tmp_path):
    """Keep the cache in a folder of the test's own, give keys, and wait no time."""
    from tsdeep.sources import fetching

    monkeypatch.setenv("TSDEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.001)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@contextmanager
def loopback(pages, kind):
    """Serve pages of Alpaca's data interface over HTTP; gives the address and the list of requests.

    `pages` are lists of (symbol, row), as an answer has them; a number is an HTTP status, answered once.
    """
    asked, fail = [], [page for page in pages if isinstance(page, int)]
    pages = [page for page in pages if not isinstance(page, int)]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            query = {name: value[0] for name, value in parse_qs(urlsplit(self.path).query).items()}
            asked.append((urlsplit(self.path).path, query, dict(self.headers)))
            number = int(query.get("page_token", "0"))
            status = fail.pop(0) if fail and number else 200
            rows = {}
            for symbol, row in pages[number]:
                rows.setdefault(symbol, []).append(row)
            more = str(number + 1) if number + 1 < len(pages) else None
            answer = {kind: rows, "next_page_token": more}
            body = json.dumps(answer if status == 200 else {"message": "too many requests."}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
