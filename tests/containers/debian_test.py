"""The Debian package on a fresh Debian 12, by apt."""
from tests.support.case import Case
from tests.support.debian import debian_package
from tests.support.podman import DEBIAN, Podman


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
