"""What is in the image, what is not, and how it behaves as a plain container."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import yaml

from tests.support.case import Case
from tests.support.pages import shell_block
from tests.support.podman import DEBUG, IMAGE, Podman, TOLD, TOOLS
from tests.support.ports import free_port
from tests.support.sidecar import eventually
from tests.support.tls import Authority

TOP = pathlib.Path(__file__).resolve().parents[2]
MEBIBYTE = 1 << 20
DIRECTORIES = ("charts", "etc", "etc/ssl", "etc/ssl/certs", "usr", "usr/local", "usr/local/bin",
               "var", "var/cache", "var/cache/ocisync")
FILES = {"usr/local/bin/ocisync", "etc/ssl/certs/ca-certificates.crt", "etc/passwd", "etc/group", "etc/nsswitch.conf"}
LIBRARY = re.compile(r"(usr/)?lib(32|64)?(/\w+-linux-gnu)?/[\w.+-]+\.so[.\d]*")
# Where an engine mounts its own; they are empty.
ENGINE = {"dev", "proc", "sys", "run", "run/secrets", "etc/hosts", "etc/hostname", "etc/resolv.conf", "run/.containerenv"}


class Image(Case):
    def setUp(self):
        super().setUp()
        self.podman = Podman()

    def container(self, *arguments, network="host", options=(), **environment):
        """A running container of the image, on host directories."""
        name = self.folder.name
        for path in (self.ocisync.cache, self.ocisync.export):
            path.mkdir(exist_ok=True)
            os.chown(path, 65532, 65532)
        self.addCleanup(self.podman.run, "rm", "--force", "--time", "0", name)
        self.podman.run("run", "--detach", "--name", name, "--network", network, *options,
                        *(f"--env={key}={value}" for key, value in environment.items()),
                        f"--volume={self.ocisync.cache}:/var/cache/ocisync", f"--volume={self.ocisync.export}:{self.ocisync.export}",
                        f"--volume={self.ocisync.spec_file}:/etc/ocisync/charts.yaml:ro",
                        IMAGE, "--config", "/etc/ocisync/charts.yaml", *arguments)
        return name

    def test_it_holds_the_program_its_libraries_and_nothing_else(self):
        files = self.podman.files(IMAGE)
        others = {path for path, entry in files.items()
                  if not (path in FILES | ENGINE or LIBRARY.fullmatch(path)
                          or entry.isdir() and (path in DIRECTORIES or path.split("/")[-1].startswith("lib")
                                                or path.endswith("-linux-gnu")))}
        self.assertEqual(others, set())
        self.assertEqual(FILES - set(files), set())
        self.assertLessEqual(sum(entry.size for entry in files.values()), 30 * MEBIBYTE)

    def test_it_is_as_large_as_the_readme_says(self):
        files = [entry for entry in self.podman.files(IMAGE).values() if entry.isreg()]
        page = (TOP / "README.md").read_text()
        said = re.search(r"^\| the image, unpacked \| ([\d.]+) MiB, (\d+) files;", page, re.M)
        self.assertEqual(len(files), int(said[2]))
        self.assertAlmostEqual(sum(entry.size for entry in files) / MEBIBYTE, float(said[1]), delta=1)

    def test_it_knows_the_authorities_of_debian_and_its_user_by_name(self):
        certificates, passwd = (self.read(path) for path in ("etc/ssl/certs/ca-certificates.crt", "etc/passwd"))
        self.assertGreater(certificates.count(b"-----BEGIN CERTIFICATE-----"), 100)
        self.assertEqual([line.split(":")[:4] for line in passwd.decode().splitlines()],
                         [["ocisync", "x", "65532", "65532"]])

    def test_nothing_in_the_program_tells_where_or_when_it_was_compiled(self):
        program = self.read("usr/local/bin/ocisync")
        self.assertIn(b"ocisync.dev/v1alpha1", program)
        self.assertNotIn(b"/src/src/", program)
        sources = "".join(file.read_text() for file in (TOP / "src").rglob("*.*") if file.suffix in (".cc", ".h"))
        self.assertNotRegex(sources, r"\b__(DATE|TIME|TIMESTAMP)__\b")

    def read(self, path):
        """A file of the image."""
        name = self.podman.run("create", IMAGE).stdout.strip()
        self.addCleanup(self.podman.run, "rm", name)
        self.podman.run("cp", f"{name}:/{path}", self.folder / "copy")
        return (self.folder / "copy").read_bytes()

    def test_it_trusts_the_authorities_of_its_file_and_no_other(self):
        authority = Authority(self.folder / "authority")
        registry = self.start_registry(tls=authority.issue("registry"))
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0"],
                          registries=[{"host": registry.host, "plainHTTP": False}])
        name = self.container("--output=json")
        self.assertEqual(self.podman.run("wait", name).stdout.strip(), "3")
        self.assertIn('"TLSFailed"', self.podman.run("logs", name).stdout)
        self.podman.run("rm", name)
        name = self.container(options=[f"--volume={authority.cert}:/etc/ssl/certs/ca-certificates.crt:ro"])
        self.assertEqual(self.podman.run("wait", name).stdout.strip(), "0")
        self.assertIn("Chart.yaml", self.ocisync.exported("web"))

    def test_its_user_may_write_its_volumes_and_so_may_group_0(self):
        files = self.podman.files(IMAGE)
        for path in ("charts", "var/cache/ocisync"):
            self.assertEqual((files[path].uid, files[path].gid, files[path].mode & 0o7777), (65532, 0, 0o775), path)
        self.assertEqual({entry.uid for path, entry in files.items() if path in FILES or ".so" in path}, {0})
        self.assertEqual({oct(entry.mode & 0o7022) for path, entry in files.items() if path in FILES or ".so" in path},
                         {oct(0)})

    def test_what_it_says_of_itself(self):
        config = self.podman.inspect(IMAGE)["Config"]
        self.assertEqual((config["User"], config["Entrypoint"]), ("65532:65532", ["/usr/local/bin/ocisync"]))
        told = self.podman.run("run", "--rm", "--network", "none", IMAGE, "version").stdout
        labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
        self.assertEqual(told, f"ocisync {labels['version']} (revision {labels['revision']})\n")
        description = yaml.safe_load((TOP / "deploy/chart/Chart.yaml").read_text())["description"]
        self.assertEqual((labels["title"], labels["description"], labels["licenses"]), ("ocisync", description, "Apache-2.0"))

    def test_the_script_that_made_it_said_what_is_in_it_how_large_it_is_and_how_fast_it_starts(self):
        files = {path: entry.size for path, entry in self.podman.files(IMAGE).items() if entry.isreg()}
        told = (self.podman.folder / TOLD).read_text()
        listed = re.findall(r"^ *(\d+\.\d) KiB  /(\S+)$", told, re.M)
        self.assertEqual({path: size for size, path in listed}, {path: f"{size / 1024:.1f}" for path, size in files.items()})
        sizes = [float(size) for size, _ in listed]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertRegex(told, rf"\n\n{IMAGE}: {sum(files.values()) / MEBIBYTE:.1f} MiB unpacked, {len(files)} files\n"
                               r"ocisync \d.*\na container was created, told its version and was removed in \d+ ms\n$")

    def test_it_is_pushed_as_the_page_says(self):
        registry = self.start_registry()
        build, push, _ = shell_block("README.md", "In a pod")
        name = build.split()[1]
        self.assertEqual(build, shell_block("deploy/README.md", "The image")[0])
        there = name.replace("registry.example.com", registry.host)
        self.podman.run("tag", IMAGE, there)
        self.addCleanup(self.podman.run, "rmi", there)
        program, *words = push.replace(name, there).split()
        self.assertEqual((program, words), ("podman", ["push", there]))  # which docker would take as well
        self.podman.run(*words[:-1], "--tls-verify=false", there)  # a registry on loopback
        self.assertIn(("PUT", "/v2/tools/ocisync/manifests/0.1.0", 201),
                      [(r.method, r.path, r.status) for r in registry.requests()])

    def test_its_help_its_manual_and_its_schema_are_those_of_the_pages(self):
        def say(*words):
            return self.podman.run("run", "--rm", "--network", "none", IMAGE, *words).stdout

        for words in (["--help"], ["version", "--print-man"]):  # tests/integration/packaging_test holds these together
            self.assertEqual(say(*words), self.ocisync.run(command=[self.ocisync.binary, *words]).stdout)
        for page, flag in (("reference.yaml", "--print-reference"), ("charts.schema.json", "--print-schema")):
            self.assertEqual(say("validate", flag), (TOP / "examples" / page).read_text())
        self.assertEqual(say("--version"), say("version"))

    def test_it_writes_nowhere_but_on_its_volumes_though_it_may_anywhere(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0"])
        name = self.container(options=("--user=0:0", "--privileged", "--passwd=false"))
        self.assertEqual(self.podman.run("wait", name).stdout.strip(), "0")
        mounts = {"/var/cache/ocisync", f"{self.ocisync.export}", "/etc/ocisync/charts.yaml",
                  *(f"/{path}" for path in ENGINE)}
        parents = {str(parent) for path in mounts for parent in pathlib.PurePath(path).parents}
        changed = {line.split(" ", 1)[1] for line in self.podman.run("diff", name).stdout.splitlines()}
        self.assertEqual(changed - mounts - parents, set())

    def test_the_debug_variant_has_a_shell_and_the_same_program(self):
        told = self.podman.run("run", "--rm", "--network", "none", "--entrypoint", "sh", DEBUG, "-c", "id -u; ocisync version")
        self.assertIn("65532\nocisync ", told.stdout)

    def test_the_gitlab_job_runs_in_the_debug_variant(self):
        registry = self.start_registry(htpasswd={"ci": "hush"})
        self.pusher(registry, user="ci", password="hush").current("1.0.0")
        job = yaml.safe_load((TOP / "examples/ci/gitlab-ci.yaml").read_text())["charts"]
        self.assertRegex(job["image"]["name"], r"/ocisync:[\d.]+-debug$")
        self.assertEqual(job["image"]["entrypoint"], [""])
        checkout = self.folder / "checkout"
        checkout.mkdir()
        checkout.chmod(0o777)  # as runners make it
        shutil.copy(TOP / "examples/ci/charts.yaml", checkout)
        variables = {**job["variables"], "REGISTRY": registry.host, "DOCKER_AUTH_CONFIG": json.dumps(
            {"auths": {registry.host: {"username": "ci", "password": "hush"}}})}
        self.podman.run("run", "--rm", "--network=host", "--entrypoint=",
                        f"--volume={checkout}:/builds", "--workdir=/builds",
                        *(f"--env={key}={value}" for key, value in variables.items()), DEBUG,
                        "sh", "-ec", "\n".join(["ocisync lock --config charts.yaml", *job["script"]]))
        self.assertIn("version: 1.0.0", (checkout / "charts/web/Chart.yaml").read_text())
        self.assertTrue((checkout / job["cache"]["paths"][0] / "index.json").exists())

    def test_equal_files_make_an_equal_root_file_system(self):
        def layout(name, umask):
            top = self.folder / name
            subprocess.run(["deploy/rootfs.sh", self.ocisync.binary, str(top)], check=True, umask=umask,
                           env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
            made = []
            for path in sorted(top.rglob("*")):
                status = path.lstat()
                made.append((path.relative_to(top), status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns,
                             hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None))
            return made

        first = layout("first", umask=0o022)
        self.assertEqual(layout("second", umask=0o077), first)
        self.assertEqual({mtime for _, _, _, _, mtime, _ in first}, {1700000000 * 10**9})

    def test_made_again_its_layers_are_the_same_to_the_last_byte(self):
        """All that follows the compiler, once more: a layer's digest is of every file, mode, owner and time."""
        steps = (TOP / "Dockerfile").read_text()
        steps = steps[steps.index("COPY deploy/rootfs.sh"):]
        of_debug = steps[steps.index("FROM base AS debug"):steps.rindex("FROM base")]
        file, again = self.folder / "Dockerfile", f"localhost/again:{self.folder.name}"
        file.write_text(f"FROM {TOOLS} AS build\nCOPY --from={IMAGE} /usr/local/bin/ocisync /usr/local/bin/\n"
                        f"{steps.replace(of_debug, '')}")
        self.addCleanup(self.podman.run, "rmi", again)
        subprocess.run(["deploy/image.sh", again, "--no-cache", "--network=host", f"--file={file}"], check=True,
                       capture_output=True, env=self.podman.environment)
        first, second = (self.podman.inspect(image) for image in (IMAGE, again))
        self.assertEqual((second["RootFS"], second["Config"], second["Created"]),
                         (first["RootFS"], first["Config"], first["Created"]))

    def test_names_are_looked_up_without_the_systems_help(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://localhost:{registry.port}/charts/web:1.0.0"])
        name = self.container()
        self.assertEqual(self.podman.run("wait", name).stdout.strip(), "0")
        self.assertIn("Chart.yaml", self.ocisync.exported("web"))

    def test_a_sidecar_is_healthy(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0"], interval="1h")
        name = self.container("--watch", OCISYNC_LISTEN=f"127.0.0.1:{free_port()}")
        eventually(lambda: self.health(name) == "healthy", "a check that it answers")

    def test_a_single_pass_is_not_called_unhealthy(self):
        self.ocisync.spec(["oci://127.0.0.1:1/charts/web:1.0.0"])
        name = self.container(network="none")  # where it tries until its time is over
        for _ in range(4):  # one more than it takes
            self.assertEqual(self.health(name), "starting")

    def health(self, name):
        self.podman.run("healthcheck", "run", name, check=False)
        return self.podman.inspect(name)["State"]["Health"]["Status"]
