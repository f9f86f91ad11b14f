"""The session of Helm 3's registry documentation, command by command, against a registry with htpasswd and TLS."""
import json
import re
import shutil
import subprocess

from tests.support.case import Case
from tests.support.charts import sha256
from tests.support.tls import Authority

USER, PASSWORD = "myuser", "mypass-s3cr3t"
META = "sha256:ca9588a9340fb83a62777cd177dae4ba5ab52061a1618ce2e21930b86c412d9e"


class Documentation(Case):
    def setUp(self):
        super().setUp()
        authority = Authority(self.folder / "ca")
        self.registry = self.start_registry(htpasswd={USER: PASSWORD}, tls=authority.issue("registry"))
        self.ca = str(authority.cert)
        self.ref = f"{self.registry.host}/myrepo/mychart:2.7.0"
        self.repository = self.ref.rsplit(":", 1)[0]

    def ocisync_(self, *arguments, code=0, input=None):
        run = self.ocisync.run(command=[self.ocisync.binary, *map(str, arguments)], input=input,
                               OCISYNC_CACHE=self.ocisync.cache)
        self.assertNotIn(PASSWORD, run.stdout + run.stderr)
        return self.assert_code(run, code).stdout

    def test_login_save_push_remove_pull_export_logout(self):
        source = self.ocisync.folder / "mychart"
        source.mkdir()
        (source / "Chart.yaml").write_text("apiVersion: v1\nname: mychart\nversion: 2.7.0\n")
        (source / "values.yaml").write_text("# a comment\nreplicas: 1\n")
        (source / "templates/tests").mkdir(parents=True)
        (source / "templates/tests/check.yaml").write_text("kind: Pod\n")
        tls = ("--ca-file", self.ca)

        self.ocisync_("registry", "login", self.registry.host, "-u", USER, "--password-stdin", code=3, input=PASSWORD)
        self.assertEqual(self.ocisync_("registry", "login", self.registry.host, "-u", USER, "--password-stdin", *tls,
                                       input=PASSWORD + "\n"), "Login succeeded\n")

        saved = self.ocisync_("chart", "save", "mychart/", self.ref)
        content = re.search(r"Content: (sha256:\w{64})\n", saved)[1]
        size = (self.ocisync.cache / "blobs/sha256" / content[7:]).stat().st_size
        four = f"Name: mychart\nVersion: 2.7.0\nMeta: {META}\nContent: {content}\n"
        self.assertEqual(saved, f"ca9588a: Saving meta (19 B)\n{content[7:14]}: Saving content ({size} B)\n"
                                f"{four}2.7.0: saved\n")
        width = len(self.ref)
        self.assertRegex(self.ocisync_("chart", "list"),
                         rf"^{'REF':{width}}\tNAME   \tVERSION\tDIGEST \tSIZE *\tCREATED\n"
                         rf"{re.escape(self.ref)}\tmychart\t2\.7\.0  \t{content[7:14]}\t{size} B *\t"
                         r"(Less than a second|1 second|\d+ seconds)\n$")
        self.assertIn(b"application/vnd.cncf.helm.chart.meta.v1+json", self.layout(self.ref))

        split = self.ocisync_("chart", "push", self.ref, "--format", "split", *tls)
        digest = re.search(r"Digest: (sha256:\w{64})\n", split)[1]
        self.assertEqual(split, f"The push refers to repository [{self.repository}]\n{four}"
                                f"2.7.0: pushed to remote (2 layers, {19 + size} B total)\nDigest: {digest}\n")

        self.assertEqual(sha256(self.layout(self.ref)), digest)

        self.assertEqual(self.ocisync_("chart", "remove", self.ref), "2.7.0: removed\n")
        gone = self.skopeo("inspect", "--raw", f"oci:{self.ocisync.cache}:{self.ref}", code=1).stderr.decode()
        self.assertIn(f'no descriptor found for reference \\"{self.ref}\\"', gone)
        self.assertEqual(self.ocisync_("chart", "list"), "REF\tNAME\tVERSION\tDIGEST\tSIZE\tCREATED\n")
        pulled = self.ocisync_("chart", "pull", self.ref, *tls)
        self.assertEqual(pulled, f"2.7.0: Pulling from {self.repository}\n{four}"
                                 f"Status: Downloaded newer chart for {self.ref}\n")
        self.assertEqual(self.ocisync_("chart", "pull", self.ref, *tls),
                         f"2.7.0: Pulling from {self.repository}\n{four}Status: Chart is up to date for {self.ref}\n")

        self.assertEqual(sha256(self.layout(self.ref)), digest)

        shutil.move(source, self.folder / "before")
        self.assertEqual(self.ocisync_("chart", "export", self.ref), f"{four}Exported to mychart/\n")
        subprocess.run(["diff", "-r", "-x", "Chart.yaml", self.folder / "before", source], check=True)

        current = self.ocisync_("chart", "push", self.ref, *tls)
        pushed = self.layout(self.ref)
        config, (layer,) = (json.loads(pushed)[role] for role in ("config", "layers"))
        self.assertEqual(current, f"The push refers to repository [{self.repository}]\nName: mychart\nVersion: 2.7.0\n"
                                  f"Meta: {config['digest']}\nContent: {layer['digest']}\n"
                                  f"2.7.0: pushed to remote (1 layer, {layer['size']} B total)\n"
                                  f"Digest: {sha256(pushed)}\n")
        tree = self.ocisync.cache / "refs" / self.registry.host.replace(":", "_") / "myrepo/mychart/tags/2.7.0"
        self.assertLessEqual({"chart", "content", "meta"}, {link.name for link in tree.iterdir()})
        self.assertEqual((self.ocisync.cache / "charts/mychart/versions/2.7.0").read_text(), "-")
        self.assertEqual(config["mediaType"], "application/vnd.cncf.helm.config.v1+json")

        self.assertEqual(self.ocisync_("registry", "logout", self.registry.host), "Logout succeeded\n")
        self.assertEqual(self.ocisync_("chart", "pull", self.ref, *tls, code=3), "")
        self.assertEqual(self.ocisync_("chart", "push", self.ref, *tls, code=3), "")
