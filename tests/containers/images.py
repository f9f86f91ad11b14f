"""What the stories of this folder share: the image as Dockerfile makes it, on a Debian that is made here.

    python3 -m tests.containers.images         builds what is missing or changed
"""
import pathlib
import subprocess

from tests.support.podman import DEBIAN, DEBUG, IMAGE, Podman

TOP = pathlib.Path(__file__).resolve().parents[2]


def main():
    podman = Podman()
    podman.configure()

    def build(*command):
        subprocess.run([str(part) for part in command], check=True, cwd=TOP, env=podman.environment)

    if podman.run("image", "exists", DEBIAN, check=False).returncode != 0:
        build(TOP / "tests/support/base_image.sh", DEBIAN)
    for tag, target in ((IMAGE, ()), (DEBUG, ("--target", "debug"))):
        build(TOP / "deploy/image.sh", tag, "--network=host", "--build-arg", f"BASE={DEBIAN}", *target)


main()
