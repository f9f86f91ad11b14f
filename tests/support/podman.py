"""podman with a configuration and a storage of its own, so that nothing of this machine's is touched."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from . import tools

IMAGE, DEBUG, DEBIAN = "localhost/ocisync:latest", "localhost/ocisync:debug", "localhost/bookworm:latest"
TOOLS = "localhost/ocisync:tools"  # what the image is built on: Debian after deploy/setup.sh --image
TOLD = "told-of-the-image"  # in the folder: what deploy/image.sh printed


class Podman:
    """`OCISYNC_CONTAINERS` is the folder of storage and configuration; all stories of a build share it. What is worth keeping
    longer than a build lies beside the test tools: the Debian that images start from, and what was compiled for them."""

    def __init__(self):
        self.folder = pathlib.Path(os.environ["OCISYNC_CONTAINERS"]).absolute()
        # The state of what runs. Podman refuses a path of more than 50 characters, but only where conmon hands it back to
        # clean up an ended container: nobody hears of it, `run --rm` waits for 20 s and nothing is ever restarted.
        self.state = pathlib.Path("/run") / f"ocisync-tests-{hashlib.sha256(bytes(self.folder)).hexdigest()[:12]}"
        self.kept = tools.KEPT / "containers"
        self.compiled = self.kept / "ccache"
        if os.getuid() != 0:
            raise RuntimeError("the container stories need root: they run as other users, on host directories")
        for tool in ("podman", "runc"):
            if shutil.which(tool) is None:
                raise RuntimeError(f"{tool} is not installed: run deploy/setup.sh --tests")
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "TMPDIR": str(self.folder / "tmp"),
        }

    def configure(self):
        """runc, cgroupfs and file locks need neither systemd nor anything shared with another podman."""
        for folder in (self.folder / "tmp", self.compiled):
            folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
            '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nlock_type = "file"\n'
            f'tmp_dir = "{self.state}/libpod"\n')
        (self.folder / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self.folder}/storage"\nrunroot = "{self.state}/storage"\n'
            '[storage.options.overlay]\nskip_mount_home = "true"\n')

    def leave(self):
        """Stops what still runs and unmounts what is left of it: the folder can be deleted then. The images stay in it."""
        self.run("rm", "--all", "--force", "--time", "0")
        with open("/proc/self/mountinfo") as mounts:
            points = [line.split()[4] for line in mounts]
        for point in reversed(points):
            if point.startswith((f"{self.folder}/", f"{self.state}/")):
                subprocess.run(["umount", point], check=True)
        shutil.rmtree(self.state, ignore_errors=True)

    def run(self, *arguments, check=True, timeout=120, **options):
        done = subprocess.run(["podman", *map(str, arguments)], text=True, env=self.environment, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"podman {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def inspect(self, name):
        return json.loads(self.run("inspect", name).stdout)[0]

    def files(self, image):
        """{path: tar entry} of what an image holds."""
        name = self.run("create", image).stdout.strip()
        try:
            with tempfile.TemporaryDirectory() as folder:
                archive = pathlib.Path(folder) / "image.tar"
                self.run("export", "--output", archive, name)
                with tarfile.open(archive) as tar:
                    return {entry.name: entry for entry in tar}
        finally:
            self.run("rm", name)
