"""deploy/chart: what helm renders is sound and restricted, and ocisync syncs the chart of itself."""
import pathlib
import shutil

import yaml

from tests.support.case import Case
from tests.support.charts import Helm
from tests.support.kubernetes import (house_faults, objects, ocisync_containers, of_kind, pods, restricted_faults,
                                      schema_faults)

CHART = pathlib.Path(__file__).resolve().parents[2] / "deploy/chart"
KINDS = {"deployment": "Deployment", "daemonset": "DaemonSet", "cronjob": "CronJob"}


class Chart(Case):
    def setUp(self):
        super().setUp()
        self.helms = [Helm(self.folder / f"helm{major}", major) for major in (3, 4)]

    def template(self, helm, mode, *arguments, chart=CHART, check=True):
        return helm.run("template", "charts", chart, "--kube-version", "v1.35.0", "--set", f"mode={mode}", *arguments,
                        check=check)

    def rendered(self):
        for helm in self.helms:
            for mode in KINDS:
                yield mode, objects(self.template(helm, mode, "--set", "registrySecret=registry").stdout)

    def test_helm_finds_nothing_to_say(self):
        for helm in self.helms:
            for mode in KINDS:
                self.assertIn("1 chart(s) linted, 0 chart(s) failed",
                              helm.run("lint", "--strict", CHART, "--set", f"mode={mode}").stdout)

    def test_every_mode_is_what_the_api_and_an_operator_accept(self):
        for mode, rendered in self.rendered():
            self.assertEqual(schema_faults(rendered), [], mode)
            self.assertEqual(len(of_kind(rendered, KINDS[mode])), 1)
            owner = next(name for name, _ in pods(rendered) if name.startswith(KINDS[mode]))
            self.assertEqual(house_faults(rendered), [f"{owner}: no Secret registry"])   # it is the user's
            for name, pod in pods(rendered):
                exception = [] if mode != "daemonset" else ["volume charts: hostPath"] + (
                    ["own-directory: capabilities added", "own-directory: runAsNonRoot", "own-directory: runAsUser"]
                    if name == owner else [])
                self.assertEqual(restricted_faults(pod), exception, name)

    def test_every_spec_is_valid(self):
        for _, rendered in self.rendered():
            spec = of_kind(rendered, "ConfigMap")[0]["data"]["charts.yaml"]
            self.assertEqual(yaml.safe_load(spec)["spec"]["export"], {"path": "/charts"})
            self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "validate", "--config", "-"], input=spec), 0)

    def test_values_that_mean_nothing_are_refused(self):
        for helm in self.helms:
            for wrong in ("mode=sidecar", "image.name=x", "hostPath=charts", "claim.accessMode=Any", "replicas=2"):
                self.assertNotEqual(self.template(helm, "deployment", "--set", wrong, check=False).returncode, 0, wrong)

    def test_a_job_fills_the_volume_and_the_test_of_the_release_sees_it(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        values, volume, spec = self.folder / "values.yaml", self.folder / "volume", self.folder / "spec"
        values.write_text(yaml.safe_dump({"spec": {"charts": [{"ref": f"oci://{registry.host}/charts/web:1.0.0"}]}}))
        volume.mkdir()
        spec.mkdir()
        rendered = objects(self.template(self.helms[1], "cronjob", "--values", values).stdout)
        text = of_kind(rendered, "ConfigMap")[0]["data"]["charts.yaml"]
        (spec / "charts.yaml").write_text(text.replace("path: /charts", f"path: {volume}"))
        arguments = {container["name"]: [argument.replace("=/etc/ocisync/spec", f"={spec}").replace("=/charts", f"={volume}")
                                         .replace("/dev/termination-log", str(self.folder / "log"))
                                         .replace("--wait=2m", "--wait=0s") for argument in container["args"]]
                     for container in ocisync_containers(rendered)}
        for name, code in (("ready", 1), ("ocisync", 0), ("ready", 0)):
            self.assert_code(self.ocisync.run(command=[self.ocisync.binary, *arguments[name]]), code)
        self.assertIn("version: 1.0.0", (volume / "web/Chart.yaml").read_text())

    def test_saved_pushed_and_synced_it_renders_as_its_source(self):
        registry = self.start_registry()
        source = shutil.copytree(CHART, self.folder / "ocisync")
        reference = f"{registry.host}/charts/ocisync:0.1.0"
        for words in (["save", str(source), reference], ["push", reference]):
            self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "chart", *words],
                                              OCISYNC_CACHE=self.folder / "publisher"), 0)
        self.ocisync.spec([f"oci://{reference}"])
        self.assert_code(self.ocisync.sync(), 0)
        for helm in self.helms:
            for mode in KINDS:
                self.assertEqual(self.template(helm, mode, chart=self.ocisync.export / "ocisync").stdout,
                                 self.template(helm, mode).stdout)
