"""What the stories of this folder share: the image as Dockerfile makes it, on a Debian that is made here.

    python3 -m tests.containers.images         builds what is missing or changed
"""
import os
import pathlib
import subprocess

from tests.support.podman import DEBIAN, DEBUG, IMAGE, Podman, TOOLS

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
    do(TOP / "deploy/image.sh", IMAGE, *options)
    do(TOP / "deploy/image.sh", DEBUG, *options, "--target=debug")
    # In the format of the others, or its layers would be made again.
    do("podman", "build", "--quiet", "--format=docker", "--tag", TOOLS, "--target=tools", *options, ".")


main()
