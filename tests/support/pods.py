"""The pods of manifests/ as `podman kube play` runs them: image, volumes and security settings are the real ones,
the control plane is not there.

What podman 4.3 lacks is put in its place: ConfigMaps and Secrets are host directories, fsGroup is a supplementary
group, and a native sidecar is a container like any other. Pods are on the host's network, where the registry is."""
import pathlib
import uuid

import yaml

from .kubernetes import containers, kustomized, of_kind, pods
from .podman import DEBUG, IMAGE
from .ports import free_port
from .swapped import Swapped

TOP = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE_HOST = "registry.example.com"


class Pod:
    """The pod of `owner` (kind/name) in manifests/<manifests>, which finds its charts in `registry`. Until play(),
    `template` (the pod's spec) and `spec` (ocisync's, where there is one) may be changed; write_spec() tells of the
    latter at any time."""

    def __init__(self, podman, folder, registry, manifests, owner="Deployment/portal"):
        rendered = kustomized(TOP / "manifests" / manifests)
        self.podman, self.folder = podman, pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.name = f"{manifests.replace('/', '-')}-{uuid.uuid4().hex[:8]}"
        self.template = dict(pods(rendered))[owner]
        self.port, self.consumer_port = free_port(), free_port()
        self.made = []  # volumes
        for config_map, secret in zip(of_kind(rendered, "ConfigMap"), of_kind(rendered, "Secret")):
            self.configure(config_map["data"], secret["stringData"], registry)
        self.adapt()

    def configure(self, config_map, secret, registry):
        self.spec = yaml.safe_load(config_map["charts.yaml"].replace(EXAMPLE_HOST, registry.host))
        self.config_map = Swapped(self.folder / "config-map")
        self.write_spec()
        for volume in list(self.template["volumes"]):
            if "configMap" in volume:
                self.mount(volume["name"], self.config_map.folder)
            if "secret" in volume:
                kept = Swapped(self.folder / "secret", mode=volume["secret"]["defaultMode"],
                               group=self.template["securityContext"]["fsGroup"])
                kept.write(**{name: text.replace(EXAMPLE_HOST, registry.host) for name, text in secret.items()})
                self.mount(volume["name"], kept.folder)

    def adapt(self):
        self.template.update(hostNetwork=True, restartPolicy="Never")
        security = self.template["securityContext"]
        security["supplementalGroups"] = [security["fsGroup"]]
        for init in list(self.template.get("initContainers", [])):
            if init.pop("restartPolicy", None) == "Always":
                self.template["initContainers"].remove(init)
                self.template["containers"].insert(0, init)
        for container in containers(self.template):
            container.pop("ports", None)
            if container["image"].startswith("ocisync:"):
                container["image"] = IMAGE
                if "--watch" in container["args"]:
                    container["args"].append(f"--listen=127.0.0.1:{self.port}")
            else:
                container["image"] = DEBUG  # it has the busybox that they are made of
                container["command"] = [word.replace("8080", str(self.consumer_port)) for word in container["command"]]

    def container(self, name="ocisync"):
        return next(each for each in containers(self.template) if each["name"] == name)

    def chart(self, name):
        return next(each for each in self.spec["spec"]["charts"] if each.get("name") == name)

    def write_spec(self):
        self.config_map.write(charts__yaml=yaml.safe_dump(self.spec))

    def mount(self, volume, path, kind="Directory"):
        """Puts a host path behind a volume."""
        source = {"name": volume, "hostPath": {"path": str(path), "type": kind}}
        self.template["volumes"] = [each for each in self.template["volumes"] if each["name"] != volume] + [source]

    def own_volumes(self):
        """What podman makes of an emptyDir is called as the volume is, and every pod with a volume of that name would share it."""
        own = {volume["name"]: f"{self.name}-{volume['name']}" for volume in self.template["volumes"] if "emptyDir" in volume}
        for named in (*self.template["volumes"], *(m for c in containers(self.template) for m in c["volumeMounts"])):
            named["name"] = own.get(named["name"], named["name"])
        return list(own.values())

    def play(self, check=True):
        """Returns when the init containers have ended and the others have started."""
        self.made += self.own_volumes()
        # "always": an init container that has ended stays, to be looked at.
        annotations = {"io.podman.annotations.init.container.type": "always"}
        document = {"apiVersion": "v1", "kind": "Pod", "spec": self.template,
                    "metadata": {"name": self.name, "labels": {"app": self.name}, "annotations": annotations}}
        file = self.folder / "pod.yaml"
        file.write_text(yaml.safe_dump(document))
        return self.podman.run("kube", "play", file, check=check)

    def remove(self):
        self.podman.run("pod", "rm", "--force", "--time", "0", self.name, check=False)
        self.podman.run("volume", "rm", "--force", *self.made, check=False)

    def id(self, container="ocisync"):
        return f"{self.name}-{container}"

    def state(self, container="ocisync"):
        return self.podman.inspect(self.id(container))["State"]

    def runs(self, container="ocisync"):
        return self.podman.run("container", "inspect", "--format", "{{.State.Running}}", self.id(container),
                               check=False).stdout == "true\n"

    def ended(self, container="ocisync"):
        """Waits for the end, and returns the exit code."""
        return int(self.podman.run("wait", self.id(container)).stdout)

    def log(self, container="ocisync"):
        done = self.podman.run("logs", self.id(container))
        return done.stdout + done.stderr

    def probe(self, what="--ready"):
        """Whether the exec probe of a sidecar is content."""
        return self.podman.run("exec", self.id(), "/usr/local/bin/ocisync", "probe", what,
                               f"--url=http://127.0.0.1:{self.port}", check=False).returncode == 0

    def stop(self, container="ocisync", seconds=5):
        """SIGTERM, and SIGKILL after so many seconds; returns the exit code."""
        self.podman.run("stop", "--time", seconds, self.id(container))
        return self.state(container)["ExitCode"]
