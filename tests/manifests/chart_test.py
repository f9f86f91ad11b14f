"""deploy/chart: what helm renders is sound and restricted, and ocisync syncs the chart of itself."""
import pathlib
import re
import shutil
import subprocess

import yaml

from tests.support.case import Case
from tests.support.charts import Helm
from tests.support.kubernetes import (containers, house_faults, kustomized, objects, ocisync_containers, of_kind, pods,
                                      restricted_faults, schema_faults)
from tests.support.pages import shell_block
from tests.support.sidecar import Sidecar, eventually
from tests.support.tools import tool

CHART = pathlib.Path(__file__).resolve().parents[2] / "deploy/chart"
KINDS = {"init": "Deployment", "sidecar": "Deployment", "deployment": "Deployment", "daemonset": "DaemonSet",
         "cronjob": "CronJob"}
LABEL = "helm.sh/chart"   # what `helm create` writes besides
README = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", (CHART / "README.md").read_text(), re.S)]
CONSUMER = {"consumer": next(values["consumer"] for values in README if "consumer" in values)}


class Chart(Case):
    def setUp(self):
        super().setUp()
        self.helms = [Helm(self.folder / f"helm{major}", major) for major in (3, 4)]
        self.consumer = self.values("consumer", CONSUMER)

    def values(self, name, content):
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(content))
        return file

    def template(self, helm, mode, *arguments, chart=CHART, kubernetes="v1.35.0", check=True):
        return helm.run("template", "charts", chart, "--kube-version", kubernetes, "--values", self.consumer,
                        "--set", f"mode={mode}", *arguments, check=check)

    def on_trial(self, *words, **options):
        """(objects, notes) of an installation that asks no cluster, which helm 3.8 cannot."""
        told = self.helms[1].run("install", "--dry-run=client", *words, **options).stdout.split("\nMANIFEST:\n")[1]
        manifest, notes = told.split("\nNOTES:\n")
        return objects(manifest), notes

    def rendered(self):
        for helm in self.helms:
            for mode in KINDS:
                yield mode, objects(self.template(helm, mode, "--set", "registrySecret=registry").stdout)

    def test_helm_finds_nothing_to_say(self):
        for helm in self.helms:
            for mode in KINDS:
                self.assertIn("1 chart(s) linted, 0 chart(s) failed",
                              helm.run("lint", "--strict", CHART, "--values", self.consumer, "--set", f"mode={mode}").stdout)

    def test_every_mode_is_what_the_api_and_an_operator_accept(self):
        for mode, rendered in self.rendered():
            self.assertEqual(schema_faults(rendered), [], mode)
            self.assertEqual(len(of_kind(rendered, KINDS[mode])), 1)
            owner = next(name for name, _ in pods(rendered) if name.startswith(KINDS[mode]))
            self.assertEqual(house_faults(rendered, LABEL), [f"{owner}: no Secret registry"])   # it is the user's
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
            for wrong in ("mode=pod", "mode=init,consumer.containers=null", "mode=sidecar,consumer.containers=null",
                          "consumer.containers[1].name=second", "image.name=x", "hostPath=charts", "claim.accessMode=Any",
                          "replicas=2"):
                self.assertNotEqual(self.template(helm, "deployment", "--set", wrong, check=False).returncode, 0, wrong)

    def test_the_examples_of_its_page_are_sound(self):
        self.assertEqual([values["mode"] for values in README], ["sidecar", "cronjob"])
        push = shell_block("README.md", "In a pod")[1]
        for helm in self.helms:
            for number, values in enumerate(README):
                rendered = objects(self.template(helm, values["mode"], "--values", self.values(number, values)).stdout)
                self.assertEqual(schema_faults(rendered), [])
                for _, pod in pods(rendered):
                    self.assertEqual(restricted_faults(pod), [])
                self.assertEqual({each["image"] for each in ocisync_containers(rendered)}, {push.split()[-1]})
                spec = of_kind(rendered, "ConfigMap")[0]["data"]["charts.yaml"]
                self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "validate", "--config", "-"], input=spec), 0)

    def test_the_secret_of_its_page_is_the_one_its_examples_mount(self):
        create, _ = shell_block("deploy/chart/README.md", "ocisync as a Helm chart")
        program, *words = create.split()
        self.assertEqual(program, "kubectl")
        (self.folder / "config.json").write_text('{"auths": {}}')
        done = subprocess.run([tool("kubectl"), *words, "--dry-run=client", "--output=yaml"], cwd=self.folder,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        secret, = objects(done.stdout)
        self.assertEqual((secret["type"], secret["data"]), ("kubernetes.io/dockerconfigjson",
                                                            {".dockerconfigjson": "eyJhdXRocyI6IHt9fQ=="}))
        for number, values in enumerate(README):
            told = self.template(self.helms[1], values["mode"], "--values", self.values(number, values))
            rendered = objects(told.stdout)
            mounted, = ((volume, mount) for _, pod in pods(rendered) for volume in pod["volumes"] if "secret" in volume
                        for each in containers(pod) for mount in each["volumeMounts"]
                        if mount["name"] == volume["name"])
            self.assertEqual(mounted[0]["secret"]["secretName"], secret["metadata"]["name"])
            self.assertEqual({each["credentials"]["secretDir"] for each in values["spec"]["registries"]},
                             {mounted[1]["mountPath"]})

    def test_its_page_names_the_label_and_the_consumer_of_the_node_cache(self):
        page, manifests = (CHART / "README.md").read_text(), CHART.parents[1] / "manifests/daemonset"
        namespace, = of_kind(kustomized(manifests), "Namespace")
        label = "pod-security.kubernetes.io/enforce"
        self.assertIn(f"`{label}={namespace['metadata']['labels'][label]}`", page)
        volume, = of_kind(kustomized(manifests / "consumer"), "PersistentVolume")
        (_, pod), = ((name, pod) for name, pod in pods(objects(self.template(self.helms[1], "daemonset").stdout))
                     if name.startswith("DaemonSet/"))
        self.assertIn(volume["spec"]["hostPath"]["path"],
                      [each["hostPath"]["path"] for each in pod["volumes"] if "hostPath" in each])

    def test_the_command_of_its_page_renders_with_the_values_of_its_page(self):
        _, command = shell_block("deploy/chart/README.md", "ocisync as a Helm chart")
        program, verb, *words = command.split()
        self.assertEqual((program, verb), ("helm", "install"))
        (self.folder / "deploy").symlink_to(CHART.parent)
        for number, values in enumerate(README):
            self.values("values", values)
            for helm in self.helms:
                if helm.major == 4:
                    rendered, _ = self.on_trial(*words, folder=self.folder)
                else:
                    rendered = objects(helm.run("template", "--kube-version=v1.35.0", *words, folder=self.folder).stdout)
                self.assertEqual({each["metadata"]["labels"]["app.kubernetes.io/instance"] for each in rendered}, {words[0]})
                self.assertEqual(schema_faults(rendered), [], number)

    def test_it_comes_before_the_consumers_containers_and_they_find_the_charts(self):
        own = {"name": "own", "emptyDir": {}}
        portal, = CONSUMER["consumer"]["containers"]
        second = {**portal, "name": "second", "volumeMounts": [{"name": "own", "mountPath": "/own"}]}
        values = self.values("two", {"consumer": {"replicas": 2, "containers": [portal, second], "volumes": [own]}})
        charts = {"name": "charts", "mountPath": "/charts", "readOnly": True}
        for helm in self.helms:
            for mode, policy in (("init", None), ("sidecar", "Always")):
                rendered = objects(self.template(helm, mode, "--values", values).stdout)
                self.assertEqual([each["kind"] for each in rendered], ["ConfigMap", "Deployment"])
                self.assertEqual(rendered[1]["spec"]["replicas"], 2)
                (_, pod), = pods(rendered)
                ocisync, = pod["initContainers"]
                self.assertEqual((ocisync["name"], ocisync.get("restartPolicy")), ("ocisync", policy))
                self.assertEqual(pod["containers"], [{**portal, "volumeMounts": [charts]},
                                                     {**second, "volumeMounts": [*second["volumeMounts"], charts]}])
                self.assertEqual([volume["name"] for volume in pod["volumes"]], ["charts", "spec", "own"])
                self.assertEqual(pod["volumes"][0], {"name": "charts", "emptyDir": {"sizeLimit": "1Gi"}})

    def test_its_notes_say_where_the_charts_are_and_name_what_is_there(self):
        places = {"init": "/charts of your containers", "sidecar": "/charts of your containers",
                  "deployment": "the claim charts-charts", "cronjob": "the claim charts-charts",
                  "daemonset": "/var/lib/ocisync on every node"}
        start, mount = "ocisync ({}) keeps 1 chart(s) in {}.", "Mount the whole volume read-only, without subPath, as /charts."
        wait = "kubectl -n tools rollout status deployment/charts"
        now, test = "kubectl -n tools create job --from=cronjob/charts charts-now", "helm -n tools test charts"
        for mode, place in places.items():
            rendered, notes = self.on_trial("charts", CHART, "--namespace", "tools", "--values", self.consumer,
                                            "--set", f"mode={mode}")
            self.assertTrue(notes.startswith(start.format(mode, place) + "\n"), notes)
            own = mode in ("init", "sidecar")
            said = {line: line in notes for line in (mount, wait, now, test)}
            self.assertEqual(said, {mount: not own, wait: own, now: mode == "cronjob", test: not own}, mode)
            there = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in rendered}
            named = set(re.findall(r"\b(?:deployment|cronjob)/\S+", notes))
            self.assertLessEqual(named | ({"persistentvolumeclaim/charts-charts"} if "claim" in place else set()), there)

    def test_a_cluster_that_knows_no_sidecars_gets_none(self):
        for helm in self.helms:
            refused = self.template(helm, "sidecar", kubernetes="v1.28.9", check=False)
            self.assertIn("mode sidecar needs Kubernetes 1.29", refused.stderr)
            for mode, version in (("init", "v1.28.9"), ("sidecar", "v1.29.0-eks-1")):
                self.template(helm, mode, kubernetes=version)

    def settle(self, mode):
        """{name: arguments} of ocisync's containers in this machine's places, where `volume` is what they fill."""
        registry = self.start_registry(f"registry-{mode}")
        self.pusher(registry).current("1.0.0")
        folder = self.folder / mode
        self.volume, spec = folder / "volume", folder / "spec"
        for place in (self.volume, spec):
            place.mkdir(parents=True)
        values = self.values("charts", {"spec": {"charts": [{"ref": f"oci://{registry.host}/charts/web:1.0.0"}]}})
        rendered = objects(self.template(self.helms[1], mode, "--values", values).stdout)
        text = of_kind(rendered, "ConfigMap")[0]["data"]["charts.yaml"]
        (spec / "charts.yaml").write_text(text.replace("path: /charts", f"path: {self.volume}"))
        return {container["name"]: [argument.replace("=/etc/ocisync/spec", f"={spec}").replace("=/charts", f"={self.volume}")
                                    .replace("/dev/termination-log", str(folder / "log")).replace("--wait=2m", "--wait=0s")
                                    for argument in container["args"]]
                for container in ocisync_containers(rendered)}

    def test_a_job_fills_the_volume_and_the_test_of_the_release_sees_it(self):
        arguments = self.settle("cronjob")
        for name, code in (("ready", 1), ("ocisync", 0), ("ready", 0)):
            self.assert_code(self.ocisync.run(command=[self.ocisync.binary, *arguments[name]]), code)
        self.assertIn("version: 1.0.0", (self.volume / "web/Chart.yaml").read_text())

    def test_an_init_container_fills_the_volume_and_ends(self):
        self.assert_code(self.ocisync.run(command=[self.ocisync.binary, *self.settle("init")["ocisync"]]), 0)
        self.assertIn("version: 1.0.0", (self.volume / "web/Chart.yaml").read_text())

    def test_what_keeps_running_fills_the_volume_and_stays(self):
        for mode in ("sidecar", "deployment", "daemonset"):
            arguments = self.settle(mode)

            def released():
                return self.ocisync.run(command=[self.ocisync.binary, *arguments["ready"]]).code == 0

            self.assertFalse(mode != "sidecar" and released(), mode)
            own = [each for each in arguments["ocisync"] if not each.startswith("--listen=")]
            with Sidecar(self.ocisync, command=own) as sidecar:
                eventually(sidecar.is_ready, "ready")
                self.assertIn("version: 1.0.0", (self.volume / "web/Chart.yaml").read_text(), mode)
                if mode != "sidecar":
                    eventually(released, "the test of the release")
                self.assertEqual(sidecar.stop(), 0)

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
