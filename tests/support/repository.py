"""A classic chart repository: a folder behind Python's own static file server, which counts who asks."""
import base64
import dataclasses
import functools
import http.server
import pathlib
import re
import ssl
import threading

from .ports import free_port


@dataclasses.dataclass
class Asked:
    path: str
    headers: dict
    status: int = 0


class Repository:
    def __init__(self, folder, user=None, password=None, tls=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tls, self.port = tls, free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self.header = user and "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.seen, self.redirects, self.cuts = [], {}, {}

    def start(self):
        repository = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self):
                asked = self.asked = Asked(self.path, dict(self.headers))
                repository.seen.append(asked)
                if repository.header and self.headers.get("Authorization") != repository.header:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="charts"')
                    self.end_headers()
                elif self.path in repository.redirects:
                    self.send_response(302)
                    self.send_header("Location", repository.redirects[self.path])
                    self.end_headers()
                elif repository.cuts.get(self.path, 0) > 0:
                    repository.cuts[self.path] -= 1
                    body = (repository.folder / self.path.lstrip("/")).read_bytes()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body[:len(body) // 2])
                else:
                    super().do_GET()

            def send_response(self, code, message=None):
                self.asked.status = code
                super().send_response(code, message)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", self.port), functools.partial(Handler, directory=str(self.folder)))
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls.cert, self.tls.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def forget(self):
        self.seen.clear()

    def asked(self, path=""):
        """(path, status) of each request whose path matches."""
        return [(asked.path, asked.status) for asked in self.seen if re.search(path, asked.path)]

    @property
    def index(self):
        return self.folder / "index.yaml"
