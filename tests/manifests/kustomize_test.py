"""manifests/: what kustomize renders is sound, restricted, and does with the real program what it says."""
import json
import pathlib
import re
import shutil

import yaml

from tests.support.case import Case
from tests.support.kubernetes import (PROBES, containers, house_faults, kustomized, ocisync_containers, of_kind, pods,
                                      restricted_faults, schema_faults)
from tests.support.pages import shell_block
from tests.support.sidecar import Sidecar, eventually

TOP = pathlib.Path(__file__).resolve().parents[2] / "manifests"
FOLDERS = [str(file.parent.relative_to(TOP)) for file in sorted(TOP.rglob("kustomization.yaml"))
           if "kind: Kustomization" in file.read_text()]
OVERLAYS = [folder for folder in FOLDERS if folder not in ("base", "consumer")]
PAGE = (TOP / "README.md").read_text()
IN_POD = ("init-container", "native-sidecar")


def block(start):
    """The block of YAML of the page that begins with this line."""
    return re.search(rf"```yaml\n({start}\n.*?)```", PAGE, re.S)[1]


class Manifests(Case):
    def overlays(self):
        return ((folder, kustomized(TOP / folder)) for folder in OVERLAYS)

    def test_the_api_knows_every_field_that_is_rendered(self):
        self.assertEqual(len(OVERLAYS), 7)
        for folder, rendered in self.overlays():
            self.assertEqual(schema_faults(rendered), [], folder)

    def test_what_the_api_would_refuse_is_found(self):
        rendered = kustomized(TOP / "native-sidecar")
        portal, monitor = of_kind(rendered, "Deployment")[0], of_kind(rendered, "PodMonitor")[0]
        portal["spec"]["replicas"] = "one"
        portal["spec"]["template"]["spec"]["initContainers"][0]["readynessProbe"] = {}
        del portal["spec"]["selector"]
        monitor["spec"]["podMetricsEndpoints"][0]["prot"] = "ocisync"
        self.assertEqual(sorted(schema_faults(rendered)), sorted([
            'Deployment portal: /spec: required {"missingProperty":"selector"}',
            'Deployment portal: /spec/replicas: type {"type":"integer"}',
            "Deployment portal: /spec/template/spec/initContainers/0/readynessProbe: unknown field",
            "PodMonitor ocisync: /spec/podMetricsEndpoints/0/prot: unknown field"]))

    def test_nothing_is_rendered_that_an_operator_would_not_want(self):
        for folder, rendered in self.overlays():
            self.assertEqual(house_faults(rendered), [], folder)

    def test_every_pod_is_restricted_but_that_of_the_node_cache(self):
        for folder, rendered in self.overlays():
            for name, pod in pods(rendered):
                exception = ["volume charts: hostPath", "own-directory: capabilities added",
                             "own-directory: runAsNonRoot", "own-directory: runAsUser"]
                self.assertEqual(restricted_faults(pod), exception if name.startswith("DaemonSet/") else [], name)
                self.assertEqual({pod["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")}, {65532})
            namespaces = of_kind(rendered, "Namespace")
            self.assertEqual([each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for each in namespaces],
                             ["privileged"] if folder == "daemonset" else [])

    def test_every_spec_is_valid(self):
        for folder, rendered in self.overlays():
            specs = [text for each in of_kind(rendered, "ConfigMap") for text in each["data"].values()]
            self.assertEqual(len(specs), 0 if folder == "daemonset/consumer" else 1)
            for spec in specs:
                run = self.ocisync.run(command=[self.ocisync.binary, "validate", "--config", "-"], input=spec)
                self.assert_code(run, 0)

    def test_consumers_only_read_and_wait_for_what_others_write(self):
        for folder, rendered in self.overlays():
            for name, pod in pods(rendered):
                for container in containers(pod):
                    writes = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
                    if container["name"] not in ("ocisync", "own-directory"):
                        self.assertEqual(writes, [], f"{name} {container['name']}")
                claims = [each for each in pod["volumes"] if "persistentVolumeClaim" in each]
                if name == "Deployment/portal" and claims:
                    self.assertEqual([each["name"] for each in pod["initContainers"]], ["charts-ready"])

    def test_the_node_cache_is_the_consumers_volume(self):
        cache, consumer = kustomized(TOP / "daemonset"), kustomized(TOP / "daemonset/consumer")
        (_, pod), = pods(cache)
        path = next(each["hostPath"]["path"] for each in pod["volumes"] if each["name"] == "charts")
        volume, = of_kind(consumer, "PersistentVolume")
        claim, = of_kind(consumer, "PersistentVolumeClaim")
        self.assertEqual(volume["spec"]["hostPath"]["path"], path)
        self.assertEqual(volume["spec"]["claimRef"], {key: claim["metadata"][key] for key in ("namespace", "name")})
        self.assertEqual(claim["spec"]["volumeName"], volume["metadata"]["name"])


class Own(Case):
    """The kustomization of the page, beside a clone."""

    def setUp(self):
        super().setUp()
        shutil.copytree(TOP, self.folder / "ocisync/manifests")
        self.own = self.folder / "own"
        self.own.mkdir()
        (self.own / "charts.yaml").write_text(block("# charts.yaml"))
        (self.own / "config.json").write_text("{}")
        self.page = yaml.safe_load(block("# kustomization.yaml"))

    def render(self, overlay, place=".", **more):
        """What it comes to with this overlay, and with lists that are continued or new."""
        own = {**self.page, "resources": [f"../ocisync/manifests/{overlay}"]}
        own.update({key: own.get(key, []) + each for key, each in more.items()})
        if overlay == "daemonset/consumer":
            del own["configMapGenerator"], own["secretGenerator"]
        (self.own / "kustomization.yaml").write_text(yaml.safe_dump(own))
        return kustomized(self.own / place)

    def test_the_kustomization_of_the_page_is_one(self):
        _, push, apply = shell_block("README.md", "In a pod")
        words, place = apply.split()[:-1], apply.split()[-1]
        self.assertEqual(words, ["kubectl", "apply", "-k"])
        self.assertIn(self.page["resources"], [[f"../ocisync/manifests/{folder}"] for folder in OVERLAYS])
        self.assertEqual(sorted(re.findall(r"\]\(([\w/-]+)/kustomization\.yaml\)", PAGE)), sorted(OVERLAYS))
        for folder in OVERLAYS:
            rendered = self.render(folder, place)
            self.assertEqual(schema_faults(rendered), [], folder)
            self.assertEqual(house_faults(rendered), [], folder)
            self.assertEqual(of_kind(rendered, "PodMonitor"), [], folder)
            self.assertEqual({each["image"] for each in ocisync_containers(rendered)}, {push.split()[-1]}, folder)
            if folder == "daemonset/consumer":
                continue
            self.assertEqual([each["data"] for each in of_kind(rendered, "ConfigMap")],
                             [{"charts.yaml": block("# charts.yaml")}], folder)
            secret, = of_kind(rendered, "Secret")
            self.assertEqual((secret["data"], secret.get("stringData")), ({".dockerconfigjson": "e30="}, None), folder)
            for job in re.findall(r"kubectl create job --from=cronjob/(\S+)", PAGE):
                self.assertEqual([each["metadata"]["name"] for each in of_kind(rendered, "CronJob")],
                                 [job] if folder == "cronjob" else [], folder)

    def test_the_spec_of_the_page_names_what_is_mounted(self):
        text = block("# charts.yaml")
        self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "validate", "--config", "-"], input=text), 0)
        spec = yaml.safe_load(text)["spec"]
        registry, = spec["registries"]
        for chart in spec["charts"]:
            self.assertTrue(chart["ref"].startswith(f"oci://{registry['host']}/"), chart)
        named = {"registry": registry["credentials"]["secretDir"], "charts": spec["export"]["path"]}
        for folder in OVERLAYS:
            for container in ocisync_containers(self.render(folder)):
                if container["name"] == "ocisync":
                    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
                    self.assertEqual({name: mounts[name] for name in named}, named, folder)

    def test_a_claim_takes_the_place_of_the_volume_of_a_pod(self):
        for folder in IN_POD:
            rendered = self.render(folder, **yaml.safe_load(block("components:")))
            self.assertEqual((schema_faults(rendered), house_faults(rendered)), ([], []), folder)
            (_, pod), = pods(rendered)
            self.assertEqual([each for each in pod["volumes"] if each["name"] == "charts"],
                             [{"name": "charts", "persistentVolumeClaim": {"claimName": "charts"}}], folder)

    def test_a_deployment_that_was_there_takes_ocisync_in(self):
        labels = {"app.kubernetes.io/name": "app", "app.kubernetes.io/component": "app"}
        portal, = of_kind(kustomized(TOP / "consumer"), "Deployment")
        container, = portal["spec"]["template"]["spec"]["containers"]
        first = {**container, "name": "first", "volumeMounts": []}
        (self.own / "app.yaml").write_text(yaml.safe_dump({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app", "labels": labels},
            "spec": {"selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [container], "initContainers": [first]}}}}))
        named = re.findall(r"`\.\./ocisync/manifests/(\S+)`", PAGE)
        self.assertEqual(named, ["base", "components/in-pod"])
        rendered = self.render(named[0], resources=["app.yaml"], components=[
            f"../ocisync/manifests/{each}" for each in (named[1], "components/labels")])
        self.assertEqual((schema_faults(rendered), house_faults(rendered)), ([], []))
        (_, pod), = pods(rendered)
        self.assertEqual(restricted_faults(pod), [])
        self.assertEqual([each["name"] for each in pod["initContainers"]], ["ocisync", "first"])
        secret, = (each["secret"] for each in pod["volumes"] if "secret" in each)
        self.assertEqual((secret["defaultMode"], pod["securityContext"]["fsGroup"]), (0o440, 65532))


class Doing(Case):
    """The arguments of each container, with the spec and the Secret beside it, given to the real program."""

    def setUp(self):
        super().setUp()
        self.registry = self.start_registry(htpasswd={"robot": "change-me"})
        for name, version in (("web", "1.2.3"), ("db", "4.2.0")):
            self.pusher(self.registry, f"charts/{name}", user="robot", password="change-me").current(version, name=name)

    def settle(self, name, rendered):
        """Lays out the volumes of a pod in a folder; returns what its paths are there."""
        folder = self.folder / name.replace("/", "-")
        places = {"/etc/ocisync/spec": folder / "spec", "/etc/ocisync/registry": folder / "registry",
                  "/charts": folder / "charts", "/var/cache/ocisync": folder / "cache"}
        for place in places.values():
            place.mkdir(parents=True)
        self.translate = lambda text: re.sub(rf"(?<!\w)({'|'.join(places)})", lambda found: str(places[found[0]]), text).replace(
            "registry.example.com", self.registry.host)
        for secret in of_kind(rendered, "Secret"):
            for key, text in secret["stringData"].items():
                (places["/etc/ocisync/registry"] / key).write_text(self.translate(text))
        for config in of_kind(rendered, "ConfigMap"):
            for key, text in config["data"].items():
                (places["/etc/ocisync/spec"] / key).write_text(self.translate(text))
        return places

    def arguments(self, container):
        """Those of a container, in this machine's places."""
        return [self.translate(argument).replace("/dev/termination-log", str(self.folder / "termination-log"))
                for argument in container.get("args", [])]

    def run_container(self, container, places):
        return self.ocisync.run(command=[self.ocisync.binary, *self.arguments(container)],
                                OCISYNC_CACHE=places["/var/cache/ocisync"])

    def assert_charts(self, places):
        for chart, version in (("web", "1.2.3"), ("database", "4.2.0")):
            self.assertIn(f"version: {version}", (places["/charts"] / chart / "Chart.yaml").read_text())

    def test_one_shots_fill_the_volume_and_end(self):
        for folder in ("init-container", "cronjob", "ci-job"):
            with self.subTest(folder=folder):
                rendered = kustomized(TOP / folder)
                places = self.settle(folder, rendered)
                for container in ocisync_containers(rendered):
                    if container["name"] == "ocisync":
                        run = self.assert_code(self.run_container(container, places), 0)
                self.assert_charts(places)
                self.assertIn("2 charts: 2 updated", (self.folder / "termination-log").read_text())
                if folder == "ci-job":
                    self.assertEqual(json.loads(run.stdout)["exitCode"], 0)

    def test_sidecars_become_ready_and_answer_every_probe(self):
        default = yaml.safe_load(self.ocisync.run(command=[
            self.ocisync.binary, "validate", "--show", "--config", str(TOP / "base/charts.yaml")]).stdout)
        for folder in ("native-sidecar", "deployment", "daemonset"):
            with self.subTest(folder=folder):
                rendered = kustomized(TOP / folder)
                places = self.settle(folder, rendered)
                container = next(each for each in ocisync_containers(rendered) if each["name"] == "ocisync")
                port, = (each["containerPort"] for each in container["ports"])
                self.assertEqual(default["spec"]["http"]["listen"], f"[::]:{port}")
                sidecar = Sidecar(self.ocisync, command=self.arguments(container),
                                  OCISYNC_CACHE=places["/var/cache/ocisync"])
                self.addCleanup(sidecar.kill)
                sidecar.start()
                eventually(sidecar.is_ready, "ready")
                for probe in PROBES:
                    self.assertEqual(sidecar.get(container[probe]["httpGet"]["path"])[0], 200, probe)
                for monitor in of_kind(rendered, "PodMonitor"):
                    endpoint, = monitor["spec"]["podMetricsEndpoints"]
                    self.assertIn(endpoint["port"], [each["name"] for each in container["ports"]])
                    self.assertEqual(sidecar.get(endpoint["path"])[0], 200)
                self.assert_charts(places)
                self.assertEqual(sidecar.stop(), 0)

    def test_consumers_are_let_in_once_the_charts_are_there_and_during_an_outage(self):
        rendered = kustomized(TOP / "cronjob")
        places = self.settle("cronjob", rendered)
        gate, = (each for each in ocisync_containers(rendered) if each["name"] == "charts-ready")
        filler, = (each for each in ocisync_containers(rendered) if each["name"] == "ocisync")
        gate["args"] = [each.replace("--wait=5m", "--wait=0s") for each in gate["args"]]
        self.assert_code(self.run_container(gate, places), 1)
        self.assert_code(self.run_container(filler, places), 0)
        self.assert_code(self.run_container(gate, places), 0)
        self.registry.stop()
        filler["args"] = [each.replace("--timeout=10m", "--timeout=1s") for each in filler["args"]]
        self.assert_code(self.run_container(filler, places), 0)
        self.assert_code(self.run_container(gate, places), 0)

    def test_an_outage_keeps_no_pod_from_starting_whose_volume_was_there_before(self):
        for folder in (*IN_POD, "deployment", "daemonset"):
            rendered = kustomized(TOP / folder)
            places = self.settle(folder, rendered)
            container = next(each for each in ocisync_containers(rendered) if each["name"] == "ocisync")
            self.assertTrue(self.starts(container, places), folder)
            self.registry.stop()
            shutil.rmtree(places["/var/cache/ocisync"])     # this one is the pod's, whatever the other is
            self.assertTrue(self.starts(container, places), folder)
            self.assert_charts(places)
            shutil.rmtree(places["/charts"])
            places["/charts"].mkdir()
            self.assertFalse(self.starts(container, places), folder)
            self.registry.start()

    def starts(self, container, places):
        """Whether the pod gets past this container, or finds it ready, after what a registry that is away lets it try."""
        if "--watch" not in container["args"]:
            hasty = {**container, "args": [each.replace("--timeout=10m", "--timeout=1s") for each in container["args"]]}
            return self.run_container(hasty, places).code == 0
        with Sidecar(self.ocisync, command=self.arguments(container), OCISYNC_CACHE=places["/var/cache/ocisync"]) as sidecar:
            for chart in ("web", "database"):
                eventually(lambda: sidecar.metric("syncs_total", chart=chart), f"an attempt at {chart}")
            return sidecar.is_ready() and sidecar.get("/startupz")[0] == 200

    def test_the_exit_codes_that_end_a_job_are_those_no_retry_helps(self):
        for folder in ("cronjob", "ci-job"):
            with self.subTest(folder=folder):
                rendered = kustomized(TOP / folder)
                places = self.settle(folder, rendered)
                job = next(each for each in rendered if each["kind"] in ("Job", "CronJob"))["spec"]
                rule, = job.get("jobTemplate", {"spec": job})["spec"]["podFailurePolicy"]["rules"]
                filler = next(each for each in ocisync_containers(rendered) if each["name"] == rule["onExitCodes"]["containerName"])
                spec = places["/etc/ocisync/spec"] / "charts.yaml"
                good = spec.read_text()
                spec.write_text(good.replace("web:1.2.3", "web:9.9.9"))
                self.assertIn(self.run_container(filler, places).code, rule["onExitCodes"]["values"])
                spec.write_text(good.replace("charts:", "chart:"))
                self.assertIn(self.run_container(filler, places).code, rule["onExitCodes"]["values"])
                spec.write_text(good)
                self.registry.stop()
                filler["args"] = [each for each in filler["args"] if "timeout" not in each] + ["--timeout=1s"]
                self.assertNotIn(self.run_container(filler, places).code, rule["onExitCodes"]["values"])
                self.registry.start()
