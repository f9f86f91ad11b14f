"""The session of Helm 3's registry documentation, command by command, against a registry with htpasswd and TLS."""
import hashlib
import re
import shutil
import subprocess

from tests.support.case import Case
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

    def layout(self):
        """What skopeo reads from the cache as an OCI layout."""
        cached = f"oci:{self.ocisync.cache}:{self.ref}"
        subprocess.run(["skopeo", "copy", cached, f"oci:{self.folder}/copy:x"], check=True, capture_output=True)
        return subprocess.run(["skopeo", "inspect", "--raw", cached], check=True, capture_output=True, text=True).stdout

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
        self.assertIn(self.ref, self.ocisync_("chart", "list"))
        self.assertIn("application/vnd.cncf.helm.chart.meta.v1+json", self.layout())

        split = self.ocisync_("chart", "push", self.ref, "--format", "split", *tls)
        digest = re.search(r"Digest: (sha256:\w{64})\n", split)[1]
        self.assertEqual(split, f"The push refers to repository [{self.repository}]\n{four}"
                                f"2.7.0: pushed to remote (2 layers, {19 + size} B total)\nDigest: {digest}\n")

        self.assertEqual("sha256:" + hashlib.sha256(self.layout().encode()).hexdigest(), digest)

        self.assertEqual(self.ocisync_("chart", "remove", self.ref), "2.7.0: removed\n")
        with self.assertRaises(subprocess.CalledProcessError):
            self.layout()
        pulled = self.ocisync_("chart", "pull", self.ref, *tls)
        self.assertEqual(pulled, f"2.7.0: Pulling from {self.repository}\n{four}"
                                 f"Status: Downloaded newer chart for {self.ref}\n")
        self.assertEqual(self.ocisync_("chart", "pull", self.ref, *tls),
                         f"2.7.0: Pulling from {self.repository}\n{four}Status: Chart is up to date for {self.ref}\n")

        self.assertEqual("sha256:" + hashlib.sha256(self.layout().encode()).hexdigest(), digest)

        shutil.move(source, self.folder / "before")
        self.assertEqual(self.ocisync_("chart", "export", self.ref), f"{four}Exported to mychart/\n")
        subprocess.run(["diff", "-r", "-x", "Chart.yaml", self.folder / "before", source], check=True)

        current = self.ocisync_("chart", "push", self.ref, *tls)
        self.assertRegex(current, r"\n2\.7\.0: pushed to remote \(1 layer, \d+ B total\)\nDigest: sha256:\w{64}\n$")
        tree = self.ocisync.cache / "refs" / self.registry.host.replace(":", "_") / "myrepo/mychart/tags/2.7.0"
        self.assertLessEqual({"chart", "content", "meta"}, {link.name for link in tree.iterdir()})
        self.assertEqual((self.ocisync.cache / "charts/mychart/versions/2.7.0").read_text(), "-")
        self.assertIn("application/vnd.cncf.helm.config.v1+json", self.layout())

        self.assertEqual(self.ocisync_("registry", "logout", self.registry.host), "Logout succeeded\n")
        self.assertEqual(self.ocisync_("chart", "pull", self.ref, *tls, code=3), "")
        self.assertEqual(self.ocisync_("chart", "push", self.ref, *tls, code=3), "")
