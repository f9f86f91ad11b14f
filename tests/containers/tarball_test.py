"""The archive for machines without containers, on a Debian that has none of the libraries."""
import os
import subprocess

from tests.support.case import Case
from tests.support.pages import shell_block
from tests.support.podman import DEBIAN, Podman


class Tarball(Case):
    def setUp(self):
        super().setUp()
        self.podman = Podman()
        _, self.packing, *self.unpacking = shell_block("deploy/README.md", "The archive")  # the first compiles
        self.tarball = self.pack("dist")

    def pack(self, name):
        """The archive in a folder called `dist` on the page."""
        command = self.packing.replace("dist", str(self.folder / name)).replace("build/release/src/ocisync",
                                                                                self.ocisync.binary)
        done = subprocess.run(command.split(), check=True, capture_output=True, text=True,
                              env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
        return self.folder / name / done.stdout.strip().split("/")[-1]

    def debian(self, script):
        """Runs a shell script where the archive was unpacked into /opt and linked into the path."""
        return self.podman.run("run", "--rm", "--network", "host", "--volume", f"{self.folder}:/tests", "--workdir", "/tests",
                               DEBIAN, "sh", "-c", " && ".join([*self.unpacking, script])).stdout

    def test_it_runs_where_none_of_its_libraries_is(self):
        missing = self.debian("ldd /opt/ocisync-*/lib/ocisync/ocisync | grep 'not found'")
        self.assertIn("libcurl.so.4 => not found", missing)
        version = subprocess.run([self.ocisync.binary, "version"], capture_output=True, text=True).stdout
        self.assertEqual(self.debian("cd / && ocisync version"), version)

    def test_it_syncs(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://localhost:{registry.port}/charts/web:1.0.0"])
        self.debian("ocisync --config /tests/run/charts.yaml --cache /tests/run/cache --export /tests/run/export")
        self.assertIn("Chart.yaml", self.ocisync.exported("web"))

    def test_equal_files_make_an_equal_archive(self):
        self.assertEqual(self.pack("again").read_bytes(), self.tarball.read_bytes())
