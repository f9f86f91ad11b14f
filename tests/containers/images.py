"""What the stories of this folder share: the image as Dockerfile makes it, on a Debian that is made here.

    python3 -m tests.containers.images         builds what is missing or changed
"""
import os
import pathlib
import subprocess

from tests.support.pages import shell_block
from tests.support.podman import DEBIAN, IMAGE, Podman, TOLD, TOOLS

TOP = pathlib.Path(__file__).resolve().parents[2]


def main():
    os.nice(10)  # the stories that run beside it come first
    podman = Podman()
    podman.configure()
    options = ["--network=host", f"--build-arg=BASE={DEBIAN}", f"--volume={podman.compiled}:/root/.cache/ccache"]

    def do(*command):
        subprocess.run([str(part) for part in command], check=True, cwd=TOP, env=podman.environment)

    if podman.run("image", "exists", DEBIAN, check=False).returncode != 0:
        do(TOP / "tests/support/base_image.sh", DEBIAN, podman.kept / "bookworm.tar")
    plain, debug, _ = (line.split() for line in shell_block("deploy/README.md", "The image"))  # the last: another machine
    (script, _), told = plain, podman.folder / TOLD
    with told.open("w") as into:
        done = subprocess.run([script, IMAGE, *options], cwd=TOP, env=podman.environment, stdout=into)
    print(told.read_text())
    done.check_returncode()
    do(*debug, *options)
    # In the format of the others, or its layers would be made again.
    do("podman", "build", "--quiet", "--format=docker", "--tag", TOOLS, "--target=tools", *options, ".")


main()
