"""Faults that no real registry will commit: a proxy in front of one that cuts, delays, lies and counts.

    with FaultProxy(registry) as proxy:
        proxy.once("GET", "/blobs/", cut(100))
        ... sync against proxy.host ...
        proxy.seen   # every request with its headers

A rule is a function (Exchange) -> bool: it may answer by itself (True) or change what will be sent.
"""
import dataclasses
import http.client
import http.server
import re
import socket
import ssl
import threading
import time

from .ports import free_port

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


@dataclasses.dataclass
class Seen:
    method: str
    path: str
    headers: dict
    time: float
    certificate: dict | None = None  # that the client presented


@dataclasses.dataclass
class Exchange:
    handler: http.server.BaseHTTPRequestHandler
    status: int = 0
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""

    def answer(self, status, body=b"", **headers):
        self.status, self.body = status, body
        self.headers = {key.replace("_", "-"): str(value) for key, value in headers.items()}
        self.send()
        return True

    def send(self, length=None):
        handler = self.handler
        handler.send_response_only(self.status)
        for key, value in self.headers.items():
            if key.lower() not in HOP_BY_HOP:
                handler.send_header(key, value)
        declared = self.headers.get("Content-Length", len(self.body)) if handler.command == "HEAD" else len(self.body)
        handler.send_header("Content-Length", str(declared if length is None else length))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(self.body)


class FaultProxy:
    """`target` is a Registry, or None for a server that only its rules answer for. `clients` is an Authority:
    whoever has a certificate of its making is asked to present it."""

    def __init__(self, target=None, tls=None, clients=None):
        self.target, self.tls, self.clients = target, tls, clients
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self.seen, self.rules = [], []
        self.lock = threading.Lock()

    def once(self, method, path, rule):
        self.times(1, method, path, rule)

    def times(self, count, method, path, rule):
        self.rules.append([count, method, re.compile(path), rule])

    def always(self, method, path, rule):
        self.times(float("inf"), method, path, rule)

    def count(self, method, path):
        return sum(1 for seen in self.seen if method in (seen.method, "*") and re.search(path, seen.path))

    def __enter__(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                proxy.handle(self)

            do_GET = do_HEAD = do_POST = do_PUT = handle_any

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls.cert, self.tls.key)
            if self.clients:
                context.verify_mode = ssl.CERT_OPTIONAL
                context.load_verify_locations(self.clients.cert)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def rule_for(self, method, path):
        with self.lock:
            for rule in self.rules:
                if rule[0] > 0 and rule[1] in (method, "*") and rule[2].search(path):
                    rule[0] -= 1
                    return rule[3]
        return None

    def handle(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.received = handler.rfile.read(length) if length else b""
        presented = self.clients and handler.connection.getpeercert()
        with self.lock:
            self.seen.append(Seen(handler.command, handler.path, dict(handler.headers), time.monotonic(), presented))
        rule = self.rule_for(handler.command, handler.path)
        exchange = Exchange(handler)
        if rule and getattr(rule, "before", False) and rule(exchange):
            return
        if self.target is None:
            exchange.answer(404)
            return
        self.forward(exchange, handler, body)
        if rule and not getattr(rule, "before", False) and rule(exchange):
            return
        exchange.send()

    def forward(self, exchange, handler, body):
        if self.target.tls:
            connection = http.client.HTTPSConnection(self.target.host, context=self.target.context())
        else:
            connection = http.client.HTTPConnection(self.target.host)
        headers = {key: value for key, value in handler.headers.items() if key.lower() not in HOP_BY_HOP}
        connection.request(handler.command, handler.path, body=body or None, headers={**headers, "Host": self.target.host})
        response = connection.getresponse()
        exchange.status = response.status
        exchange.headers = dict(response.getheaders())
        exchange.body = response.read()
        connection.close()


def before(rule):
    """The rule answers instead of the registry."""
    rule.before = True
    return rule


def status(code, body=b"", **headers):
    return before(lambda exchange: exchange.answer(code, body, **headers))


def delay(seconds):
    def rule(exchange):
        time.sleep(seconds)
        return False

    return before(rule)


def cut(after):
    """Promises the whole body, sends `after` bytes of it, and hangs up."""

    def rule(exchange):
        whole, exchange.body = len(exchange.body), exchange.body[:after]
        exchange.send(length=whole)
        exchange.handler.wfile.flush()
        exchange.handler.connection.shutdown(socket.SHUT_RDWR)
        exchange.handler.close_connection = True
        return True

    return rule


def hold(after, reached, release):
    """Of a body longer than `after` bytes sends so many, sets `reached`, and the rest once `release` is set."""

    def rule(exchange):
        whole = exchange.body
        if len(whole) <= after:
            return False
        exchange.body = whole[:after]
        exchange.send(length=len(whole))
        exchange.handler.wfile.flush()
        reached.set()
        release.wait(120)
        exchange.handler.wfile.write(whole[after:])
        return True

    return rule


def corrupt(exchange):
    """Flips one bit in the middle of the body."""
    middle = len(exchange.body) // 2
    exchange.body = exchange.body[:middle] + bytes([exchange.body[middle] ^ 1]) + exchange.body[middle + 1:]
    return False


def replace(body):
    def rule(exchange):
        exchange.body = body
        return False

    return rule


def header(name, value):
    """Sets a header of the answer, or drops it when value is None."""

    def rule(exchange):
        exchange.headers = {key: kept for key, kept in exchange.headers.items() if key.lower() != name.lower()}
        if value is not None:
            exchange.headers[name] = value
        return False

    return rule


def trickle(size, pause):
    """Sends the body in small pieces with pauses."""

    def rule(exchange):
        whole, exchange.body = exchange.body, b""
        exchange.send(length=len(whole))
        for start in range(0, len(whole), size):
            exchange.handler.wfile.write(whole[start:start + size])
            exchange.handler.wfile.flush()
            time.sleep(pause)
        return True

    return rule
