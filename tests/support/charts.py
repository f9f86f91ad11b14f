"""Charts in every wire format a Helm ever pushed, made from the same files, and their way into a registry."""
import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.parse
import urllib.request

from .tools import tool

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"
LEGACY = "application/tar+gzip"
BETA = "application/vnd.cncf.helm.chart.content.layer.v1+tar"
ALPHA2_META = "application/vnd.cncf.helm.chart.meta.layer.v1+json"
ALPHA1_META = "application/vnd.cncf.helm.chart.meta.v1+json"
ALPHA1_CONTENT = "application/vnd.cncf.helm.chart.content.v1+tar"


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def chart_files(name="web", version="1.0.0", **extra):
    """The files of a small chart, {path: bytes}."""
    files = {
        "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n".encode(),
        "values.yaml": f"# values of {name}\nreplicas: 1\nversion: {version}\n".encode(),
        "templates/deployment.yaml": b"kind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n",
        "templates/tests/check.yaml": b"kind: Pod\n",
    }
    files.update({path: data.encode() if isinstance(data, str) else data for path, data in extra.items()})
    return files


def archive(files, top="web", mtime=0) -> bytes:
    """A chart archive as helm packages one."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=mtime) as zipped:
        with tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path, data in files.items():
                entry = tarfile.TarInfo(f"{top}/{path}")
                entry.size, entry.mode, entry.mtime = len(data), 0o644, mtime
                tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


class Pusher:
    """Raw pushes over HTTP, for manifests that no helm would write."""

    def __init__(self, registry, repository, user=None, password=None):
        self.registry, self.repository = registry, repository
        self.headers = {}
        if user:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.headers["Authorization"] = "Basic " + token

    def send(self, method, url, data=None, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        request = urllib.request.Request(url, data=data, method=method, headers={**self.headers, **headers})
        return urllib.request.urlopen(request, context=self.registry.context(), timeout=30)

    def blob(self, data: bytes, media_type: str, annotations=None) -> dict:
        digest = sha256(data)
        base = f"{self.registry.url}/v2/{self.repository}/blobs"
        try:
            self.send("HEAD", f"{base}/{digest}")
        except urllib.error.HTTPError:
            location = self.send("POST", f"{base}/uploads/", data=b"").headers["Location"]
            location = urllib.parse.urljoin(base, location)
            joint = "&" if "?" in location else "?"
            self.send("PUT", f"{location}{joint}digest={urllib.parse.quote(digest)}", data=data,
                      Content_Type="application/octet-stream")
        descriptor = {"mediaType": media_type, "digest": digest, "size": len(data)}
        if annotations:
            descriptor["annotations"] = annotations
        return descriptor

    def manifest(self, tag: str, document: dict, media_type=MANIFEST) -> str:
        data = json.dumps(document, separators=(",", ":")).encode()
        self.send("PUT", f"{self.registry.url}/v2/{self.repository}/manifests/{tag}", data=data,
                  Content_Type=media_type)
        return sha256(data)

    def tag(self, name: str, digest: str):
        """Lets a tag name a manifest that is there: one request that changes anything."""
        url = f"{self.registry.url}/v2/{self.repository}/manifests"
        with self.send("GET", f"{url}/{digest}", Accept=MANIFEST) as held:
            self.send("PUT", f"{url}/{name}", data=held.read(), Content_Type=MANIFEST).close()

    def delete(self, digest: str):
        self.send("DELETE", f"{self.registry.url}/v2/{self.repository}/manifests/{digest}")

    def current(self, tag, files=None, name="web", version=None, layer=CONTENT, provenance=None, data=None,
                config=None, annotations=None, extra_layers=(), reverse=False):
        """A chart as Helm 3.7 and later push it; returns the manifest digest."""
        version = version or tag.replace("_", "+")
        data = data if data is not None else archive(files or chart_files(name, version), top=name)
        config = config if config is not None else json.dumps(
            {"name": name, "version": version, "apiVersion": "v2"}, separators=(",", ":")).encode()
        layers = [self.blob(data, layer)]
        if provenance:
            layers.append(self.blob(provenance, PROVENANCE))
        layers += [self.blob(extra, media) for media, extra in extra_layers]
        if reverse:
            layers.reverse()
        document = {"schemaVersion": 2, "config": self.blob(config, CONFIG), "layers": layers}
        if annotations:
            document["annotations"] = annotations
        return self.manifest(tag, document)

    def beta(self, tag, files=None, name="web", version=None):
        return self.current(tag, files, name, version, layer=BETA)

    def alpha(self, tag, files=None, name="web", version=None, generation=1, reverse=False):
        """A chart split into meta and content, as the alpha releases pushed it."""
        version = version or tag
        files = dict(files or chart_files(name, version))
        meta = {"apiVersion": "v2"}
        files["Chart.yaml"] = b"apiVersion: v1\nname: '-'\nversion: 0.1.0\n"
        content = archive(files, top="-")
        meta_type, content_type = ((ALPHA1_META, ALPHA1_CONTENT), (ALPHA2_META, BETA))[generation - 1]
        config_type = ("application/vnd.oci.image.config.v1+json", CONFIG)[generation - 1]
        title = "org.opencontainers.image.title"
        layers = [
            self.blob(json.dumps(meta, separators=(",", ":")).encode(), meta_type, {title: "chart-meta.json"}),
            self.blob(content, content_type, {title: "chart-content.tgz", "sh.helm.chart.name": name,
                                              "sh.helm.chart.version": version}),
        ]
        if reverse:
            layers.reverse()
        return self.manifest(tag, {"schemaVersion": 2, "config": self.blob(b"{}", config_type), "layers": layers})

    def index(self, tag, descriptors):
        return self.manifest(tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors}, INDEX)


class Helm:
    """The real helm, release 3 or 4."""

    def __init__(self, folder, major=4):
        self.binary = tool(f"helm{major}")
        self.major, self.folder = major, pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self, *arguments, check=True, folder=None, **options):
        """In its own folder or in another."""
        environment = {**os.environ, "HOME": str(self.folder), "HELM_EXPERIMENTAL_OCI": "1"}
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "HELM_REGISTRY_CONFIG"):
            environment.pop(name, None)
        return subprocess.run([str(self.binary), *map(str, arguments)], check=check, text=True,
                              capture_output=True, env=environment, cwd=folder or self.folder, **options)

    def plain(self):
        return ["--plain-http"] if self.major == 4 else []

    def package(self, files, name="web") -> pathlib.Path:
        source = self.folder / "source" / name
        shutil.rmtree(source, ignore_errors=True)
        for path, data in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(data)
        output = self.run("package", source, "-d", self.folder).stdout
        return pathlib.Path(output.strip().split(": ", 1)[1])

    def push(self, package, registry, namespace="charts"):
        return self.run("push", package, f"oci://{registry.host}/{namespace}", *self.plain())

    def pull(self, reference, version, into):
        return self.run("pull", f"oci://{reference}", "--version", version, "--untar", "-d", into, *self.plain())
