"""The examples and the documentation run as they stand."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import jsonschema
import yaml

from tests.bench import measure
from tests.support.case import Case
from tests.support.charts import Helm
from tests.support.pages import PAGES, shell_block, shell_blocks

TOP = pathlib.Path(__file__).resolve().parents[2]
USES = ["ci", "classic-repository", "from-git-sync", "from-helm-pull", "minimal", "private-registry", "snapshot",
        "version-ranges"]


def documented_specs():
    """(place, document) of every spec in a page, an example or the manifests; where the Helm chart's page has the values,
    what the chart makes of them."""
    for file in (*sorted((TOP / "examples").glob("*/charts.yaml")), TOP / "examples/reference.yaml",
                 TOP / "manifests/base/charts.yaml"):
        yield str(file.relative_to(TOP)), yaml.safe_load(file.read_text())
    for page in PAGES:
        for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.S):
            document = yaml.safe_load(text)
            if document.get("kind") == "ChartSync":
                yield str(page.relative_to(TOP)), document
            elif "charts" in document.get("spec", {}):
                yield str(page.relative_to(TOP)), {
                    "apiVersion": "ocisync.dev/v1alpha1", "kind": "ChartSync", "metadata": {"name": "values"},
                    "spec": {"export": {"path": "/charts"}, **document["spec"]}}


class Examples(Case):
    def run_ocisync(self, *arguments, **environment):
        return self.ocisync.run(command=[self.ocisync.binary, *map(str, arguments)], **environment)

    def test_every_example_spec_is_valid(self):
        specs = sorted((TOP / "examples").glob("*/charts.yaml"))
        self.assertEqual([spec.parent.name for spec in specs], USES)
        for spec in specs:
            with self.subTest(spec=spec.parent.name):
                self.assert_code(self.run_ocisync("validate", "--config", spec), 0)

    def test_the_schema_takes_every_documented_spec_and_no_unknown_key(self):
        schema = json.loads(self.assert_code(self.run_ocisync("validate", "--print-schema"), 0).stdout)
        validator = jsonschema.Draft202012Validator(schema)
        specs = list(documented_specs())
        self.assertEqual({place for place, _ in specs}, {
            *(f"examples/{use}/charts.yaml" for use in USES), "examples/reference.yaml", "manifests/base/charts.yaml",
            "README.md", "manifests/README.md", "deploy/chart/README.md"})
        for place, document in specs:
            validator.validate(document)
            document["spec"]["chrats"] = []
            self.assertFalse(validator.is_valid(document), place)

    def test_the_spec_of_the_readme_is_valid(self):
        text = (TOP / "README.md").read_text()
        spec = text.split("```yaml\n", 1)[1].split("```", 1)[0]
        self.assert_code(self.run_ocisync("validate", "--config", "-", input=spec), 0)
        # And what is printed below it is what it asks for.
        printed = dict(re.findall(r"^(\w+) +(\d+\.\d+\.\d+) ", text, re.M))
        web, database = yaml.safe_load(spec)["spec"]["charts"]
        self.assertEqual(web["ref"].split(":")[-1], printed["web"])
        self.assertEqual(database["version"], "^" + printed[database["name"]].rpartition(".")[0])

    def test_the_schema_is_a_schema_and_names_every_section(self):
        run = self.assert_code(self.run_ocisync("validate", "--print-schema"), 0)
        schema = json.loads(run.stdout)
        self.assertIn("2020-12", schema["$schema"])
        for word in ("charts", "registries", "export", "cache", "limits", "trustedRealms"):
            self.assertIn(f'"{word}"', run.stdout)

    def test_validate_agrees_with_sync_and_touches_nothing(self):
        self.ocisync.spec([{"ref": "oci://r.example/c:1", "bogus": 1}])
        first = self.assert_code(self.ocisync.sync(), 2)
        second = self.assert_code(self.run_ocisync("validate", "--config", self.ocisync.spec_file), 2)
        self.assertEqual(first.stderr, second.stderr)
        self.ocisync.spec(["oci://127.0.0.1:9/c/web:1"])
        self.assert_code(self.run_ocisync("validate", "--config", self.ocisync.spec_file), 0)
        self.assertEqual([p.name for p in self.ocisync.folder.iterdir()], ["charts.yaml"])

    def test_bare_ocisync_prints_help_and_wrong_usage_is_one_line(self):
        self.assertIn("sync", self.assert_code(self.run_ocisync(), 0).stdout)
        for arguments in (["--bogus"], ["sync"], ["--config", "absent.yaml"], ["--config", "x", "--timeout", "soon"]):
            with self.subTest(arguments=arguments):
                run = self.assert_code(self.run_ocisync(*arguments), 2)
                self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)

    def test_several_files_and_a_directory_are_joined(self):
        folder = self.folder / "config"
        folder.mkdir()
        head = "apiVersion: ocisync.dev/v1alpha1\nkind: ChartSync\n"
        (folder / "a.yaml").write_text(head + "metadata: {name: joined}\nspec:\n  charts: [{ref: 'oci://r.example/a:1'}]\n")
        (folder / "b.yml").write_text(head + "metadata: {name: joined}\nspec:\n  charts: [{ref: 'oci://r.example/b:1'}]\n")
        (folder / "..data.yaml").write_text("not: read")
        self.assertIn("2 charts", self.assert_code(self.run_ocisync("validate", "-c", folder), 0).stdout)
        (folder / "b.yml").write_text(head + "metadata: {name: joined}\nspec:\n  charts: [{ref: 'oci://r.example/a:2'}]\n")
        run = self.assert_code(self.run_ocisync("validate", "-c", folder), 2)
        self.assertIn("a.yaml", run.stderr)
        self.assertIn("b.yml", run.stderr)

    def test_works_without_home_and_in_a_folder_it_cannot_write(self):
        self.ocisync.spec(["oci://127.0.0.1:9/c/web:1"])
        environment = self.ocisync.environment()
        environment.pop("HOME")
        done = subprocess.run([self.ocisync.binary, "validate", "-c", str(self.ocisync.spec_file)], cwd="/proc",
                              env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)


def recipe(name):
    return yaml.safe_load((TOP / "examples/ci" / name).read_text())


class Checkout(Case):
    """A folder with a spec, a registry that wants credentials, and ocisync on PATH."""

    def setUp(self):
        super().setUp()
        self.registry = self.start_registry(htpasswd={"ci": "hush"})
        self.push = self.pusher(self.registry, user="ci", password="hush")
        self.push.current("1.0.0")
        self.push.current("1.2.0", version="1.2.0")
        self.checkout = self.folder / "checkout"
        self.checkout.mkdir()
        shutil.copy(TOP / "examples/ci/charts.yaml", self.checkout)
        path = self.folder / "bin"
        path.mkdir()
        (path / "ocisync").symlink_to(pathlib.Path(self.ocisync.binary).resolve())
        self.environment = self.ocisync.environment(
            PATH=f"{path}:{os.environ['PATH']}", REGISTRY=self.registry.host,
            GITHUB_STEP_SUMMARY=self.folder / "summary.md",
            DOCKER_AUTH_CONFIG=json.dumps({"auths": {self.registry.host: {"username": "ci", "password": "hush"}}}))

    def step(self, *command, code=0):
        done = subprocess.run(command, cwd=self.checkout, env=self.environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}\n{done.stderr}")
        return done

    def assert_in_place(self):
        self.assertIn("version: 1.2.0", (self.checkout / "charts/web/Chart.yaml").read_text())


class Recipes(Checkout):
    """examples/ci does what it says, step by step."""

    def test_the_github_workflow(self):
        workflow = recipe("github-workflow.yaml")
        self.assertEqual(workflow[True], ["push", "pull_request"])  # a bare `on` is YAML's true
        job = workflow["jobs"]["charts"]
        fetch, *steps = [step["run"] for step in job["steps"] if "run" in step]
        self.assertEqual(len(steps), 4)
        self.assertEqual({*job["env"]}, {"REGISTRY", "DOCKER_AUTH_CONFIG"})
        cached, = (step["with"]["path"] for step in job["steps"] if step.get("uses", "").startswith("actions/cache@"))
        self.assertEqual(cached, yaml.safe_load((TOP / "examples/ci/charts.yaml").read_text())["spec"]["cache"]["path"])
        self.step("ocisync", "lock", "--config", "charts.yaml")
        self.on_a_runner(fetch)
        for step in steps:
            self.step("bash", "-e", "-c", step)
        self.assert_in_place()
        summary = (self.folder / "summary.md").read_text()
        self.assertLess(summary.index("create"), summary.index("| web | 1.2.0 | updated"))
        self.push.current("1.3.0", version="1.3.0")  # not in the lock
        self.step("bash", "-e", "-c", steps[2])
        self.assert_in_place()
        (self.checkout / "charts.lock.yaml").unlink()
        self.step("bash", "-e", "-c", steps[2], code=2)
        self.environment["DOCKER_AUTH_CONFIG"] = ""
        self.step("bash", "-e", "-c", steps[1], code=1)

    def on_a_runner(self, fetch):
        """From here on ocisync is what a step of the workflow put on the PATH, and no other."""
        done = subprocess.run(["deploy/tarball.sh", self.ocisync.binary, self.folder], cwd=TOP, check=True,
                              capture_output=True, text=True)
        runner = self.folder / "runner"
        runner.mkdir()
        (self.folder / "bin/ocisync").unlink()
        self.environment.update(OCISYNC_ARCHIVE=f"file://{done.stdout.strip()}", RUNNER_TEMP=str(runner),
                                GITHUB_PATH=str(runner / "path"))
        self.step("bash", "-e", "-c", "ocisync version", code=127)
        self.step("bash", "-e", "-c", fetch)
        self.environment["PATH"] = f"{(runner / 'path').read_text().strip()}:{self.environment['PATH']}"

    def test_the_gitlab_job(self):
        job = recipe("gitlab-ci.yaml")["charts"]
        script = job["script"]
        self.assertEqual(len(script), 2)
        self.assertEqual(job["cache"]["paths"], [job["variables"]["OCISYNC_CACHE"]])
        self.environment.update({"OCISYNC_CACHE": "/nowhere", **job["variables"]})  # the image sets its own
        self.step("ocisync", "lock", "--config", "charts.yaml")
        for line in script:
            self.step("bash", "-e", "-c", line)
        self.assert_in_place()
        self.assertTrue((self.checkout / job["cache"]["paths"][0] / "index.json").exists())
        self.assertEqual(json.loads((self.checkout / "result.json").read_text())["exitCode"], 0)
        self.step("rm", "-rf", ".cache", "charts")
        self.registry.stop()
        self.step("bash", "-e", "-c", script[1].replace("5m", "1s"), code=1)

    def test_the_makefile(self):
        shutil.copy(TOP / "examples/ci/Makefile", self.checkout)
        self.step("make", "charts")
        self.assert_in_place()
        self.registry.forget()
        self.step("make", "charts")
        self.assertEqual(self.registry.requests(), [])
        self.push.current("1.3.0", version="1.3.0")
        self.step("make", "update", "charts")
        self.assertIn("version: 1.3.0", (self.checkout / "charts/web/Chart.yaml").read_text())
        self.step("make", "clean-charts")
        self.assertFalse((self.checkout / "charts").exists())


class Migration(Case):
    def test_after_a_loop_around_helm_pull(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.2.3", version="1.2.3")
        charts = self.folder / "charts"
        charts.mkdir()

        def here(name):
            text = (TOP / "examples/from-helm-pull" / name).read_text()
            return text.replace("registry.example.com", registry.host).replace(" /charts", f" {charts}")

        subprocess.run(["sh", "-n"], input=here("before.sh"), text=True, check=True)
        pull = re.search(r"^  helm (.*)$", here("before.sh"), re.M)[1].split()
        Helm(self.folder / "helm").run(*pull, "--plain-http")
        before = (charts / "web/Chart.yaml").read_text()
        self.ocisync.spec_file.write_text(here("charts.yaml"))
        run = self.assert_code(self.ocisync.sync(), 3)  # what the loop left is not ocisync's to replace
        self.assertEqual(run.chart("web")["reason"], "PathConflict")
        self.assertEqual((charts / "web/Chart.yaml").read_text(), before)
        shutil.rmtree(charts / "web")
        self.assert_code(self.ocisync.sync(), 0)
        self.assertIn("version: 1.2.3", (charts / "web/Chart.yaml").read_text())

    def test_from_git_sync_every_flag_has_its_counterpart(self):
        container, = yaml.safe_load((TOP / "examples/from-git-sync/before.yaml").read_text())
        after = (TOP / "examples/from-git-sync/charts.yaml").read_text()
        for flag in (argument.split("=")[0] for argument in container["args"]):
            self.assertRegex(after, rf"#  .*{flag}\b")


class Pages(Checkout):
    """Every block of shell in every page runs, in order."""

    # Who runs the others, with the words of the page.
    ELSEWHERE = {("README.md", "Two commands"): "tests/containers/quickstart_test.py",
                 ("README.md", "In a pod"): "tests/manifests/kustomize_test.py",
                 ("deploy/README.md", "As a service"): "tests/containers/debian_test.py",
                 ("deploy/README.md", "Without a package"): "tests/integration/packaging_test.py",
                 ("deploy/README.md", "The image"): "tests/containers/images.py",
                 ("deploy/README.md", "The archive"): "tests/containers/tarball_test.py",
                 ("deploy/chart/README.md", "ocisync as a Helm chart"): "tests/manifests/chart_test.py",
                 ("tests/bench/README.md", "Benchmarks"): "tests/integration/examples_test.py"}
    EXIT_CODES = {("README.md", "In CI"): {"ocisync diff": 4}}  # nothing is there before the first sync

    def test_every_block_runs(self):
        blocks = [block for block in shell_blocks() if block[:2] not in self.ELSEWHERE]
        self.assertTrue(blocks)
        for page, heading, lines in blocks:
            with self.subTest(page=page, heading=heading):
                codes = self.EXIT_CODES.get((page, heading), {})
                for line in lines:
                    code = next((code for start, code in codes.items() if line.startswith(start)), 0)
                    self.step("bash", "-e", "-c", line, code=code)
        self.assert_in_place()

    def test_every_other_block_is_run_elsewhere(self):
        known = {(page, heading): lines for page, heading, lines in shell_blocks()}
        self.assertEqual(set(self.ELSEWHERE) - set(known), set())
        for (page, heading), test in self.ELSEWHERE.items():
            self.assertIn(f'shell_block("{page}", "{heading}")', (TOP / test).read_text())
            for line in known[page, heading]:
                program = line.split()[0]
                if "/" in program:
                    self.assertTrue(os.access(TOP / program, os.X_OK), f"{page}: {line}")

    def test_the_commands_of_ci_are_those_of_the_page(self):
        _, test = shell_block("README.md", "Two commands")  # the first is run, this one is what runs
        self.assertIn(f"exec {test}\n", (TOP / ".ci" / os.listdir(TOP / ".ci")[0]).read_text())

    def test_the_benchmark_takes_the_flags_of_its_page(self):
        """It would build and measure for minutes."""
        for line in shell_block("tests/bench/README.md", "Benchmarks"):
            program, *words = line.split()
            self.assertEqual(program, "tests/bench/run.sh")
            options = measure.options(["binary", *words])
            self.assertLessEqual(set(filter(None, options.without.split(","))), {"helm", "skopeo", "curl", "podman"})
