"""A real registry (docker-registry) on loopback, started in milliseconds, with its own access log."""
import dataclasses
import json
import pathlib
import re
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request

from .ports import free_port

ACCESS = re.compile(r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/(?P<version>[\d.]+)" (?P<status>\d+) (?P<bytes>\d+)')


@dataclasses.dataclass
class Request:
    method: str
    path: str
    status: int
    bytes: int
    version: str


class Registry:
    """A context manager. `htpasswd` is {user: password}; `tls` is a tests.support.tls.ServerCertificate;
    `clients` is a tests.support.tls.Authority: nobody is let in without a certificate of its making;
    `token` is {realm, service, issuer, bundle} for a registry that wants bearer tokens."""

    def __init__(self, folder, htpasswd=None, tls=None, token=None, clients=None):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.htpasswd, self.tls, self.token, self.clients = htpasswd, tls, token, clients
        self.own = clients and clients.issue("tests")
        self.process = None

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        if shutil.which("docker-registry") is None:
            raise RuntimeError("docker-registry is not installed: run deploy/setup.sh --tests")
        self.folder.mkdir(parents=True, exist_ok=True)
        config = {
            "version": "0.1",
            "log": {"level": "error"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "data")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.host, "headers": {"X-Content-Type-Options": ["nosniff"]}},
        }
        if self.tls:
            config["http"]["tls"] = {"certificate": str(self.tls.cert), "key": str(self.tls.key)}
        if self.clients:
            config["http"]["tls"]["clientcas"] = [str(self.clients.cert)]
        if self.htpasswd:
            users = self.folder / "htpasswd"
            with users.open("w") as lines:
                for user, password in self.htpasswd.items():
                    subprocess.run(["htpasswd", "-Bbn", "-C", "4", user, password], check=True, stdout=lines)
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(users)}}
        if self.token:
            config["auth"] = {"token": self.token}
        file = self.folder / "config.json"
        file.write_text(json.dumps(config))
        with (self.folder / "access.log").open("ab") as access, (self.folder / "error.log").open("ab") as errors:
            self.process = subprocess.Popen(["docker-registry", "serve", str(file)], stdout=access, stderr=errors)
        self.wait_until_it_answers()

    def context(self):
        """For what the tests themselves ask of it."""
        context = ssl._create_unverified_context()
        if self.own:
            context.load_cert_chain(self.own.cert, self.own.key)
        return context

    def wait_until_it_answers(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(self.url + "/v2/", context=self.context(), timeout=5)
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError((self.folder / "error.log").read_text())
                time.sleep(0.01)
        raise RuntimeError("the registry does not answer")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        self.stop()
        self.start()

    def requests(self):
        """Every request since the last forget(), in order."""
        time.sleep(0.02)  # the registry writes its line after the answer
        lines = (self.folder / "access.log").read_text(errors="replace").splitlines()
        found = [ACCESS.search(line) for line in lines[self.skipped:]]
        return [Request(m["method"], m["path"], int(m["status"]), int(m["bytes"]), m["version"])
                for m in found if m]

    skipped = 0

    def forget(self):
        time.sleep(0.02)
        self.skipped = len((self.folder / "access.log").read_text(errors="replace").splitlines())
