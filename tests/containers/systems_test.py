"""What deploy/setup.sh installs on the systems that it knows besides Debian 12 is what the sources need there."""
import os
import pathlib
import shutil
import subprocess

from tests.support.case import Case
from tests.support.podman import Podman

TOP = pathlib.Path(__file__).resolve().parents[2]
SYSTEMS = [("trixie",)]
COMMAND, DONE = "deploy/setup.sh && cmake --preset release", "Build files have been written"
if os.environ.get("OCISYNC_SYSTEMS") == "compiled":  # takes some minutes more
    SYSTEMS.append(("noble", "http://archive.ubuntu.com/ubuntu"))
    COMMAND, DONE = "examples/quickstart/run.sh", "2 charts: 2 updated"


class Systems(Case):
    def test_what_setup_installs_is_what_the_sources_need(self):
        podman = Podman()
        for suite, *mirror in SYSTEMS:
            with self.subTest(suite=suite):
                image = f"localhost/{suite}:latest"
                subprocess.run([TOP / "tests/support/base_image.sh", image, podman.kept / f"{suite}.tar", suite, *mirror],
                               check=True, env=podman.environment)
                clone = shutil.copytree(TOP, self.folder / suite, ignore=shutil.ignore_patterns("build", ".git"))
                told = podman.run("run", "--rm", "--network", "host", f"--volume={clone}:/src", "--workdir=/src", image,
                                  "sh", "-ec", COMMAND, timeout=1200).stdout
                self.assertIn(DONE, told)
