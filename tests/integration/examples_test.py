"""The examples and the documentation run as they stand."""
import json
import pathlib
import subprocess

from tests.support.case import Case

TOP = pathlib.Path(__file__).resolve().parents[2]


class Examples(Case):
    def run_ocisync(self, *arguments, **environment):
        return self.ocisync.run(command=[self.ocisync.binary, *map(str, arguments)], **environment)

    def test_every_example_spec_is_valid(self):
        specs = sorted((TOP / "examples").glob("*/charts.yaml"))
        self.assertGreaterEqual(len(specs), 3)
        for spec in specs:
            with self.subTest(spec=spec.parent.name):
                self.assert_code(self.run_ocisync("validate", "--config", spec), 0)

    def test_the_spec_of_the_readme_is_valid(self):
        text = (TOP / "README.md").read_text()
        spec = text.split("```yaml\n", 1)[1].split("```", 1)[0]
        self.assert_code(self.run_ocisync("validate", "--config", "-", input=spec), 0)

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
