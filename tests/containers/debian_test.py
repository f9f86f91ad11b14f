"""The Debian package on a fresh Debian 12, by apt."""
import json
import pathlib
import subprocess

from tests.support.case import Case
from tests.support.debian import debian_package
from tests.support.pages import shell_block
from tests.support.podman import DEBIAN, Podman

SYSTEMD = pathlib.Path(__file__).resolve().parents[2] / "deploy/systemd"


class Debian(Case):
    def test_apt_installs_it_with_what_it_needs_and_it_syncs(self):
        package = debian_package(self.ocisync.binary, self.folder)
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://localhost:{registry.port}/charts/web:1.0.0"])
        told = Podman().run("run", "--rm", "--network", "host", "--volume", f"{self.folder}:{self.folder}", DEBIAN, "sh", "-ec",
                            "apt-get update -qq; export DEBIAN_FRONTEND=noninteractive\n"
                            f"apt-get install -qq --no-install-recommends {package} >/dev/null\n"
                            "cd /; ls /usr/lib/systemd/system/ocisync.service\n"
                            f"ocisync --config {self.ocisync.spec_file} --output json", timeout=600).stdout
        self.assertIn('"exitCode": 0', told)
        self.assertIn("Chart.yaml", self.ocisync.exported("web"))

    def test_with_systemd_its_user_syncs_what_another_reads(self):
        """All that the page says, and what systemd, which does not run here, would do for a service."""
        # The first compiles.
        _, pack, install, credentials, spec, enable = shell_block("deploy/README.md", "As a service")
        build = pathlib.Path(self.ocisync.binary).resolve().parents[1]
        pack = pack.replace("--config build/release", f"--config {build}")
        subprocess.run(pack.split(), check=True, cwd=self.folder, capture_output=True)
        registry = self.start_registry(htpasswd={"robot": "hush"})
        self.pusher(registry, user="robot", password="hush").current("1.0.0")
        (self.folder / "config.json").write_text(json.dumps(
            {"auths": {registry.host: {"username": "robot", "password": "hush"}}}))
        self.ocisync.spec(
            [f"oci://{registry.host}/charts/web:1.0.0"], cache={}, export={"path": "/var/lib/ocisync/charts"},
            registries=[{"host": registry.host, "credentials": {"dockerConfig": "/etc/ocisync/config.json"}}])
        self.ocisync.spec_file.rename(self.folder / "charts.yaml")
        lines = (SYSTEMD / "ocisync-once.service").read_text().splitlines()
        unit = dict(line.split("=", 1) for line in lines if "=" in line)
        script = f"""
            export DEBIAN_FRONTEND=noninteractive
            apt-get update -qq
            apt-get install -qq --no-install-recommends systemd >/dev/null
            {install.replace("install", "install -qq -y --no-install-recommends")} >/dev/null
            {credentials}
            {spec}
            {enable.replace("--now ", "")}
            install -d -o {unit["User"]} -m {unit["StateDirectoryMode"]} /var/lib/{unit["StateDirectory"]}
            install -d -o {unit["User"]} /var/cache/{unit["CacheDirectory"]}
            as() {{ setpriv --reuid=$1 --regid=$2 --clear-groups env {unit["Environment"]} $3; }}
            as {unit["User"]} {unit["Group"]} "{unit["ExecStart"]}"
            as nobody nogroup "cat /var/lib/ocisync/charts/web/Chart.yaml"
            ! as nobody nogroup "cat /etc/ocisync/config.json"
            """
        told = Podman().run("run", "--rm", "--network", "host", "--volume", f"{self.folder}:/tests:ro",
                            "--workdir", "/tests", DEBIAN, "sh", "-exc", script, timeout=600)
        self.assertIn("version: 1.0.0", told.stdout)
        self.assertNotIn("hush", told.stdout)
