"""The archive for machines without containers, where there is no library at all."""
import os
import shutil
import subprocess

from tests.support.case import Case
from tests.support.pages import shell_block
from tests.support.podman import DEBUG, Podman


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

    def nowhere(self, script):
        """Runs a shell script where the archive was unpacked into /opt and linked into the path, and where nothing
        else is but a static busybox: no C library, no loader."""
        root = self.folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        for folder in ("bin", "opt", "usr/local/bin", "tests"):
            (root / folder).mkdir(parents=True)
        name = self.podman.run("create", DEBUG).stdout.strip()
        self.addCleanup(self.podman.run, "rm", name)
        self.podman.run("cp", f"{name}:/bin/busybox", root / "bin/busybox")
        for applet in ("sh", "tar", "ln", "dirname", "readlink"):
            (root / "bin" / applet).symlink_to("busybox")
        return self.podman.run("run", "--rm", "--network", "host", "--volume", f"{self.folder}:/tests", "--workdir", "/tests",
                               "--rootfs", root, "sh", "-ec", "\n".join([*self.unpacking, script])).stdout

    def test_it_runs_where_none_of_its_libraries_is(self):
        libraries = "/lib* /usr/lib* /usr/local/lib*"
        self.assertEqual(self.nowhere(f"echo {libraries}"), f"{libraries}\n")
        version = subprocess.run([self.ocisync.binary, "version"], capture_output=True, text=True).stdout
        self.assertEqual(self.nowhere("cd / && ocisync version"), version)

    def test_it_syncs(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://localhost:{registry.port}/charts/web:1.0.0"])
        self.nowhere("ocisync --config /tests/run/charts.yaml --cache /tests/run/cache --export /tests/run/export")
        self.assertIn("Chart.yaml", self.ocisync.exported("web"))

    def test_equal_files_make_an_equal_archive(self):
        self.assertEqual(self.pack("again").read_bytes(), self.tarball.read_bytes())
