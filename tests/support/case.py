"""The base of every integration test: a private folder, the binary under test, a registry on demand."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from .charts import Pusher
from .registry import Registry
from .sync import Ocisync


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ocisync-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.ocisync = self.new_ocisync("run")

    def new_ocisync(self, name) -> Ocisync:
        return Ocisync(os.environ["OCISYNC_BINARY"], self.folder / name)

    def start_registry(self, name="registry", **options) -> Registry:
        registry = Registry(self.folder / name, **options)
        registry.start()
        self.addCleanup(registry.stop)
        return registry

    def pusher(self, registry, repository="charts/web", **login) -> Pusher:
        return Pusher(registry, repository, **login)

    def layout(self, ref) -> bytes:
        """The manifest of a reference, by skopeo, which reads the cache as an OCI layout and copies all of it."""
        cached = f"oci:{self.ocisync.cache}:{ref}"
        with tempfile.TemporaryDirectory(dir=self.folder) as copy:
            self.skopeo("copy", cached, f"oci:{copy}:copy")
        return self.skopeo("inspect", "--raw", cached).stdout

    def skopeo(self, *arguments, code=0):
        done = subprocess.run(["skopeo", *arguments], capture_output=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def run_out_of_time(self, seconds=3, **environment):
        """A pass that only its --timeout ends: not before, and not long after."""
        started = time.monotonic()
        run = self.assert_code(self.ocisync.run("--timeout", f"{seconds}s", **environment), 1)
        taken = time.monotonic() - started
        self.assertTrue(seconds <= taken < seconds + 2, f"{taken} s; stderr: {run.stderr}")
        return run

    def assert_code(self, run, code):
        self.assertEqual(run.code, code, f"\nstdout: {run.stdout}\nstderr: {run.stderr}")
        return run
