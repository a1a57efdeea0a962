"""A fake command-api or query-api: a public listener that tells what it was sent, a private one for readiness."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Backend:
    """Answers every request with 200 and a JSON description of it, unless told otherwise."""

    def __init__(self, name, public, private):
        self.name, self.public, self.private = name, public, private
        self.ready, self.requests, self.hold = True, [], None
        self.dies = False  # reads a request and closes the connection
        self.lock = threading.Lock()
        self.servers = []

    def __enter__(self):
        backend = self

        class Public(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen = {"backend": backend.name, "method": self.command, "path": self.path, "body_bytes": len(body),
                        "headers": [[name.lower(), value] for name, value in self.headers.items()]}
                with backend.lock:
                    backend.requests.append(seen)
                if backend.hold:
                    backend.hold.wait(10)
                if backend.dies:
                    self.close_connection = True
                    return
                answer = json.dumps(seen).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_any

            def log_message(self, *_arguments):
                pass

        class Private(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if backend.ready and self.path == "/readyz" else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_arguments):
                pass  # a health check that is cut short is no news

        for port, handler in ((self.public, Public), (self.private, Private)):
            server = Server(("127.0.0.1", port), handler)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            self.servers.append(server)
        return self

    def __exit__(self, *_exception):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def address(self):
        return f"127.0.0.1:{self.public}", f"127.0.0.1:{self.private}"
