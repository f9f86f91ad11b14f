"""The quickstart from a fresh clone, on a Debian 12 that has what deploy/setup.sh installs for the image."""
import pathlib
import re
import shutil

from tests.support.case import Case
from tests.support.pages import shell_block
from tests.support.podman import Podman, TOOLS

TOP = pathlib.Path(__file__).resolve().parents[2]


class Quickstart(Case):
    def test_it_prints_what_the_readme_shows(self):
        podman = Podman()
        clone = shutil.copytree(TOP, self.folder / "clone", ignore=shutil.ignore_patterns("build", ".git"))
        # Where Dockerfile has the sources, so that what it compiled is not compiled again.
        command, _ = shell_block("README.md", "Two commands")
        told = podman.run("run", "--rm", "--network", "host", f"--volume={clone}:/src",
                          f"--volume={podman.compiled}:/root/.cache/ccache", TOOLS, command,
                          timeout=1200).stdout
        sample = re.search(r"```\n(CHART .*?)```", (TOP / "README.md").read_text(), re.S)[1]
        self.assertIn(timeless(sample), timeless(told))
        digest, = re.findall(r"^web .* ([0-9a-f]{12})  updated", told, re.M)
        self.assertIn(f"web -> .ocisync/trees/directory/sha256-{digest}", told)
        again = told.split("as the registry saw them:\n")[1].splitlines()
        self.assertEqual(sorted(line.split()[:2] for line in again),
                         [['"HEAD', f"/v2/charts/{tag}"] for tag in ("db/manifests/0.4.0", "web/manifests/1.2.3")])


def timeless(text):
    return re.sub(r"\d+\.\d+s", "0.00s", text)
