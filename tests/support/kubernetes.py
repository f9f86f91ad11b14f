"""Kubernetes objects as kustomize and helm render them, and what the API server would say to them."""
import json
import pathlib
import subprocess

import yaml

from .tools import tool

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
FIRST_FILL = 600  # seconds
# Those that https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels recommends.
LABELS = {f"app.kubernetes.io/{each}" for each in ("name", "instance", "version", "component", "part-of", "managed-by")}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def objects(text) -> list:
    return [each for each in yaml.safe_load_all(text) if each]


def kustomized(folder) -> list:
    done = subprocess.run([tool("kubectl"), "kustomize", str(folder)], capture_output=True, text=True)
    if done.returncode or done.stderr:
        raise AssertionError(f"{folder}: {done.stderr}")
    return objects(done.stdout)


def schema_faults(rendered) -> list:
    """What strict validation refuses: unknown fields, wrong types, missing ones."""
    script = pathlib.Path(__file__).with_name("kubernetes_schema.mjs")
    done = subprocess.run(["node", str(script), str(tool("kubernetes-schemas"))], input=json.dumps(rendered),
                          capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout.splitlines()


def of_kind(rendered, kind) -> list:
    return [each for each in rendered if each["kind"] == kind]


def templates(rendered):
    """(name of the object, pod with its metadata) of all that makes pods."""
    for each in rendered:
        name = f"{each['kind']}/{each['metadata']['name']}"
        spec = each.get("spec", {})
        if each["kind"] == "Pod":
            yield name, each
        elif each["kind"] == "CronJob":
            yield name, spec["jobTemplate"]["spec"]["template"]
        elif "template" in spec:
            yield name, spec["template"]


def pods(rendered):
    """(name of the object, pod spec) of all that makes pods."""
    return ((name, template["spec"]) for name, template in templates(rendered))


def containers(pod) -> list:
    return pod.get("initContainers", []) + pod["containers"]


def ocisync_containers(rendered) -> list:
    return [each for _, pod in pods(rendered) for each in containers(pod)
            if each["image"].partition(":")[0].endswith("ocisync")]


def restricted_faults(pod) -> list:
    """What the restricted Pod Security Standard, version 1.35, refuses."""
    faults = [f"pod: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    faults += [f"volume {volume['name']}: {kind}" for volume in pod.get("volumes", [])
               for kind in volume if kind != "name" and kind not in VOLUMES]
    whole = pod.get("securityContext", {})
    faults += ["pod: sysctls"] if whole.get("sysctls") else []
    for container in containers(pod):
        own = container.get("securityContext", {})
        capabilities = own.get("capabilities", {})
        handlers = [container.get(probe, {}) for probe in PROBES] + list(container.get("lifecycle", {}).values())
        context = {**whole, **own}
        wrong = {
            "privileged": own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
            "capabilities kept": capabilities.get("drop") != ["ALL"],
            "capabilities added": set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"},
            "runAsNonRoot": context.get("runAsNonRoot") is not True,
            "runAsUser": context.get("runAsUser") == 0,
            "seccompProfile": context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"),
            "procMount": own.get("procMount", "Default") != "Default",
            "seLinuxOptions": context.get("seLinuxOptions"),
            "appArmorProfile": context.get("appArmorProfile"),
            "windowsOptions": context.get("windowsOptions"),
            "hostPort": any(port.get("hostPort") for port in container.get("ports", [])),
            "probe of another host": any(how.get("host") for handler in handlers for how in handler.values()
                                         if isinstance(how, dict)),
        }
        faults += [f"{container['name']}: {what}" for what, is_so in wrong.items() if is_so]
    return faults


def house_faults(rendered, *labels) -> list:
    """What no API server refuses and no operator wants to see; `labels` is what everything has besides LABELS."""
    names = {(each["kind"], each["metadata"]["name"]) for each in rendered}
    labelled = [*((f"{each['kind']}/{each['metadata']['name']}", each) for each in rendered),
                *((f"the pods of {name}", template) for name, template in templates(rendered))]
    faults = [f"{name}: no label {label}" for name, each in labelled
              for label in sorted({*LABELS, *labels} - {*each["metadata"].get("labels", {})})]
    for name, pod in pods(rendered):
        say = lambda what, name=name: faults.append(f"{name}: {what}")  # noqa: E731
        if pod.get("automountServiceAccountToken") is not False:
            say("gets a token")
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        for volume in volumes.values():
            wanted = [("ConfigMap", volume.get("configMap", {}).get("name")),
                      ("Secret", volume.get("secret", {}).get("secretName")),
                      ("PersistentVolumeClaim", volume.get("persistentVolumeClaim", {}).get("claimName"))]
            faults += [f"{name}: no {kind} {one}" for kind, one in wanted if one and (kind, one) not in names]
        for container in containers(pod):
            if not container.get("securityContext", {}).get("readOnlyRootFilesystem"):
                say(f"{container['name']} may write to its root")
            if not {"cpu", "memory"} <= set(container.get("resources", {}).get("requests", {})):
                say(f"{container['name']} requests nothing")
            if "memory" not in container.get("resources", {}).get("limits", {}):
                say(f"{container['name']} has no memory limit")
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    say(f"{container['name']} mounts {mount['name']}, which is no volume")
                if "subPath" in mount:
                    say(f"{container['name']} mounts a subPath, which never follows a link")
            startup = container.get("startupProbe")
            if startup and startup.get("periodSeconds", 10) * startup.get("failureThreshold", 3) < FIRST_FILL:
                say(f"{container['name']}: the startupProbe gives a first fill too little time")
            ports = {port["name"] for port in container.get("ports", [])}
            for probe in PROBES:
                port = container.get(probe, {}).get("httpGet", {}).get("port")
                if port and port not in ports:
                    say(f"{container['name']}: the {probe} asks {port}, which is no port of it")
    return faults
