"""Whoever may reach its port or write its files can be told off, and nothing else."""
import itertools
import os
import signal
import socket
import time

from tests.support.case import Case
from tests.support.charts import archive, chart_files, sha256
from tests.support.proxy import FaultProxy
from tests.support.repository import Repository
from tests.support.sidecar import Sidecar, eventually
from tests.support.tls import Authority


SECRETS = {"empty": b"", "binary": bytes(range(256)) * 64, "line breaks": b"hare\r\nX-Evil: 1\r\n",
           "huge": b"x" * (32 << 20)}


class Attacked(Case):
    """A sidecar that is ready, and what may be done to the files that it reads."""

    def start(self, *arguments):
        self.sidecar = Sidecar(self.ocisync, *arguments)
        self.addCleanup(self.sidecar.kill)
        self.sidecar.start()
        eventually(self.sidecar.is_ready, "ready")
        self.before = self.ocisync.snapshot()

    def assert_unharmed(self):
        self.assertEqual([self.sidecar.get(path)[0] for path in ("/livez", "/readyz")], [200, 200])
        self.assertEqual(self.ocisync.snapshot(), self.before)

    def assert_recovers(self):
        self.sidecar.send(signal.SIGUSR1)
        eventually(lambda: self.sidecar.condition("Ready")["status"] == "True", "recovery")
        self.assert_unharmed()

    def things_in_the_way(self):
        """What a file may be replaced by: a name, and what makes it at a path."""
        yield "fifo", os.mkfifo
        yield "folder", os.mkdir
        yield "loop", lambda path: os.symlink(path.name, path)
        yield "dangling link", lambda path: os.symlink("nowhere", path)
        yield "device", lambda path: os.symlink("/dev/zero", path)
        yield "sparse terabyte", lambda path: os.truncate(os.open(path, os.O_WRONLY | os.O_CREAT), 1 << 40)
        yield "nothing", lambda path: None

    def clear(self, path):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)

    def attack(self, path, texts, notice):
        """Replaces a file or folder by one thing after the other, and puts it back. `notice` has the sidecar look."""
        things = [(name, lambda path, text=text: path.write_bytes(text)) for name, text in texts.items()]
        aside = path.with_name(f"..{path.name}")
        path.rename(aside)
        for name, put in [*things, *self.things_in_the_way()]:
            with self.subTest(path=path.name, thing=name):
                self.clear(path)
                put(path)
                notice()
                self.assert_unharmed()
        self.clear(path)
        aside.rename(path)


class Hostile(Attacked):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry(htpasswd={"robot": "hare"})
        self.pusher(self.registry, user="robot", password="hare").current("1.0.0")
        self.password = self.folder / "password"
        self.password.write_text("hare")
        self.token = self.folder / "token"
        self.token.write_text("open sesame")
        credentials = {"username": "robot", "passwordFile": str(self.password)}
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"],
                          [{"host": self.registry.host, "credentials": credentials}],
                          interval="1h", http={"adminTokenFile": str(self.token)})
        self.start()

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.sidecar.port), timeout=30)
        self.addCleanup(connection.close)
        return connection

    def say(self, text):
        """The status code of the answer; 0 when the connection is closed instead."""
        with self.connect() as connection:
            try:
                connection.sendall(text.encode("latin-1"))
                answer = connection.recv(4096).decode("latin-1")
            except ConnectionError:
                return 0
        return int(answer.split()[1]) if answer.startswith("HTTP/1.") else 0

    def test_requests(self):
        before = self.ocisync.snapshot(), self.sidecar.syncs("unchanged"), self.sidecar.descriptors()
        for line in ("GET /../../etc/passwd", "GET /%2e%2e/%2e%2e/etc/passwd", "GET //livez", "GET /livez/",
                     "GET http://elsewhere.example/livez", "GET *", "GET /-/", "POST /-/nothing"):
            self.assertIn(self.say(f"{line} HTTP/1.1\r\nHost: h\r\n\r\n"), (400, 404), line)
        for host in ("elsewhere.example", "127.0.0.1@elsewhere.example", "a\tb", "x" * 5000):
            self.assertIn(self.say(f"GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n"), (200, 400), host)
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "CONNECT", "BREW", "get"):
            for path in ("/livez", "/readyz", "/startupz", "/metrics", "/status", "/"):
                self.assertEqual(self.say(f"{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n"), 405, f"{method} {path}")
        for authorization in ("", "Authorization: Bearer open\r\n", "Authorization: Bearer open sesame!\r\n"):
            for path in ("/-/sync", "/-/reload"):
                code = self.say(f"POST {path} HTTP/1.1\r\nHost: h\r\n{authorization}\r\n")
                self.assertIn(code, (400, 401), authorization)
        many = "".join(f"X-{i}: y\r\n" for i in range(5000))
        for head in (f"X: {'y' * 100_000}\r\n", many, "Content-Length: -1\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n",
                     "Transfer-Encoding: chunked\r\n"):
            self.assertNotIn(self.say(f"GET /status HTTP/1.1\r\nHost: h\r\n{head}\r\n0\r\n\r\n"), (500, 502), head[:40])
        self.assertEqual(self.sidecar.get("/livez")[0], 200)
        self.assertEqual((self.ocisync.snapshot(), self.sidecar.syncs("unchanged")), before[:2])
        self.assertEqual(self.sidecar.metric("config_reloads_total"), 0)
        eventually(lambda: self.sidecar.descriptors() <= before[2] + 1, "closing them all")

    def test_a_thousand_connections_that_drip(self):
        before = self.sidecar.descriptors()
        dripping = []
        for i in range(1000):
            dripping.append(self.connect())
            for each in (dripping[-1], dripping[i // 2]):
                try:
                    each.send(b"G" if each is not dripping[-1] else b"GET /status HTTP/1.1\r\nHost: h\r\nX-")
                except ConnectionError:
                    pass  # shown out for somebody new
            if i % 50 == 49:
                self.assertEqual([self.sidecar.get(path)[0] for path in ("/livez", "/readyz")], [200, 200])
        self.assertLess(self.sidecar.descriptors(), before + 130)
        for each in dripping:
            each.close()
        eventually(lambda: self.sidecar.descriptors() <= before + 1, "closing them all")

    def test_specs(self):
        bomb = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
            f"{name}: &{name} [{', '.join(['*' + before] * 8)}]\n" for before, name in zip("abcdefgh", "bcdefghi"))
        texts = {"empty": b"", "binary": bytes(range(256)) * 64, "brackets": b"[" * (4 << 20), "bomb": bomb.encode(),
                 "another kind": b"apiVersion: v1\nkind: Secret\n", "controls": b"spec: \"\x1b[31m\x07\"\n",
                 "no charts": self.ocisync.spec_file.read_bytes().replace(b"oci://", b"\\u0000")}
        descriptors = self.sidecar.descriptors()

        def notice():
            refused = len(self.sidecar.events("SpecRefused"))
            self.sidecar.send(signal.SIGHUP)
            self.sidecar.await_event("SpecRefused", refused + 1)
            self.assertEqual(self.sidecar.metric("config_last_reload_successful"), 0)

        self.attack(self.ocisync.spec_file, texts, notice)
        eventually(lambda: self.sidecar.metric("config_last_reload_successful") == 1, "following it")
        self.assert_unharmed()
        eventually(lambda: self.sidecar.descriptors() <= descriptors + 1, "closing them all")

    def test_secrets(self):
        self.registry.restart()  # what it accepted before it would take no more
        self.attack(self.password, SECRETS, self.sidecar.check_now)
        self.assert_recovers()
        self.assertLess(self.sidecar.peak_kib(), 48 * 1024)

    def test_admin_tokens(self):
        for name, put in self.things_in_the_way():
            with self.subTest(name):
                self.clear(self.token)
                put(self.token)
                for offered in ("Bearer ", "Bearer x", "Bearer open sesame"):
                    self.assertEqual(self.sidecar.get("/-/sync", method="POST", Authorization=offered)[0], 503)
                self.assertEqual(self.sidecar.get("/livez")[0], 200)
        self.clear(self.token)
        self.token.write_text("open sesame")
        self.assertEqual(self.sidecar.get("/-/sync", method="POST", Authorization="Bearer open sesame")[0], 202)


class Files(Attacked):
    """What a sidecar reads besides its spec, once its charts are exported."""

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder / "authority")
        self.registry = self.start_registry(htpasswd={"robot": "hare"}, tls=self.authority.issue("registry"))
        self.push = self.pusher(self.registry, user="robot", password="hare")
        self.digest = self.push.current("1.0.0")
        self.secret = self.folder / "secret"
        self.secret.mkdir()
        (self.secret / "username").write_text("robot")
        (self.secret / "password").write_text("hare")
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"],
                          [{"host": self.registry.host, "plainHTTP": False,
                            "credentials": {"secretDir": str(self.secret)},
                            "tls": {"caFile": str(self.authority.cert)}}], interval="1h")

    def fails_for(self, *reasons):
        self.sidecar.check_now()
        eventually(lambda: self.sidecar.condition("Ready")["reason"] in reasons, "the failure")

    def test_secret_folders(self):
        self.start()
        for path in (self.secret / "username", self.secret / "password", self.secret):
            self.attack(path, SECRETS, lambda: self.fails_for("CredentialsInvalid", "Unauthorized"))
            self.assert_recovers()

    def test_authorities(self):
        self.start()
        pem = self.authority.cert.read_bytes()

        def notice():
            self.registry.restart()  # no connection of before goes on
            self.fails_for("TLSFailed")

        other = Authority(self.folder / "other", "another authority")
        self.attack(self.authority.cert, {"empty": b"", "binary": bytes(range(256)) * 64, "cut": pem[:len(pem) // 2],
                                          "a key": self.authority.key.read_bytes(), "another": other.cert.read_bytes(),
                                          "many": pem * 10_000, "huge": b"x" * (32 << 20)}, notice)
        self.registry.restart()
        self.assert_recovers()

    def test_lock_files(self):
        lock = self.ocisync.spec_file.with_name("charts.lock.yaml")
        self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "lock", "-c", self.ocisync.spec_file]), 0)
        good, digest = lock.read_bytes(), self.digest.encode()
        self.start("--locked")

        def notice():
            refused = len(self.sidecar.events("SpecRefused"))
            self.sidecar.send(signal.SIGHUP)
            self.sidecar.await_event("SpecRefused", refused + 1)

        self.attack(lock, {"empty": b"", "binary": bytes(range(256)) * 64, "brackets": b"[" * (4 << 20),
                           "cut": good[:len(good) // 2], "a spec": self.ocisync.spec_file.read_bytes(),
                           "a way out": good.replace(digest, b"sha256:../../../../etc/passwd"),
                           "another chart": good.replace(b"web", b"other"), "twice": good + good}, notice)
        self.assert_recovers()
        lock.write_bytes(good.replace(digest, b"sha256:" + b"f" * 64))
        self.sidecar.await_event("ChartFailed")
        self.assertEqual(self.sidecar.chart()["reason"], "NotFound")
        self.assert_unharmed()
        lock.write_bytes(good)
        self.assert_recovers()


class Sources(Attacked):
    """What registries and repositories answer, once their charts are exported."""

    def follow(self, chart):
        self.ocisync.spec([chart], interval="1h")
        self.start()

    def assert_recovers(self):
        super().assert_recovers()
        self.assertLess(self.sidecar.peak_kib(), 64 * 1024)
        self.sidecar.events()  # each line is JSON

    def test_indexes(self):
        repository = Repository(self.folder / "classic")
        repository.start()
        self.addCleanup(repository.stop)
        data = archive(chart_files())
        (repository.folder / "web-1.0.0.tgz").write_bytes(data)
        good = (f"apiVersion: v1\nentries:\n  web:\n  - {{apiVersion: v2, name: web, version: 1.0.0, "
                f"digest: '{sha256(data)[7:]}', urls: [web-1.0.0.tgz]}}\n")
        written = itertools.count(int(time.time()))

        def write(text):
            repository.index.write_text(text)
            second = next(written)  # all that its server tells versions apart by
            os.utime(repository.index, (second, second))
            repository.forget()

        write(good)
        self.follow({"name": "web", "repository": repository.url, "chart": "web"})
        for text in ("", "\0" * 4096, "<html>please log in</html>", "apiVersion: v1\nentries: " + "[" * 200_000,
                     "apiVersion: v1\na: &a [x,x]\n" + "".join(
                         f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20)),
                     good.replace("1.0.0", "../../../etc"), good.replace("web-1.0.0.tgz", "file:///etc/passwd"),
                     good.replace(sha256(data)[7:], "0" * 64), "apiVersion: v1\nentries: {}\n"):
            with self.subTest(text[:40]):
                write(text)
                self.sidecar.check_now()
                self.assertIn(("/index.yaml", 200), repository.asked())
                self.assert_unharmed()
        write(good)
        self.assert_recovers()

    def test_headers(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        with FaultProxy(registry) as proxy:
            self.follow(f"oci://{proxy.host}/charts/web:1.0.0")
            for status, headers in ((200, {"Docker_Content_Digest": "sha256:../../../etc/passwd"}),
                                    (200, {"Docker_Content_Digest": "sha256:" + "f" * 64}),
                                    (200, {"X": "y" * 500_000}), (200, {f"X_{i}": "y" * 60 for i in range(99)}),
                                    (401, {"WWW_Authenticate": 'Bearer realm="file:///etc/passwd"'}),
                                    (401, {"WWW_Authenticate": "Bearer " + ",=" * 20_000}),
                                    (302, {"Location": "file:///etc/passwd"}), (302, {"Location": "\x1b[31m//"}),
                                    (307, {"Location": f"{proxy.url}/v2/charts/web/manifests/1.0.0"}),
                                    (429, {"Retry_After": "soon"}), (429, {"Retry_After": "-5"}), (999, {})):
                with self.subTest(status=status, headers=str(headers)[:60]):
                    proxy.rules.clear()
                    proxy.always("HEAD", "/manifests/", lambda exchange, s=status, h=headers: exchange.answer(s, **h))
                    proxy.always("GET", "/manifests/", lambda exchange, s=status, h=headers: exchange.answer(s, **h))
                    self.sidecar.check_now()
                    self.assert_unharmed()
            proxy.rules.clear()
            self.assert_recovers()
