"""Charts with an unusual inside: what helm packages we export as it does, what we save helm reads as its own."""
import re
import subprocess

from tests.support import charts
from tests.support.case import Case
from tests.support.charts import Helm


def subchart(name, at="", **files):
    files = {"Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n", "values.yaml": f"x: {name}\n",
             "templates/a.yaml": "kind: ConfigMap\n", **files}
    return {f"{at}{path}": text for path, text in files.items()}


def packed(name):
    return charts.archive({path: text.encode() for path, text in subchart(name).items()}, top=name)


VENDORED = {
    "Chart.yaml": "apiVersion: v2\nname: vendored\nversion: 1.0.0\ndependencies:\n- {name: sub, version: 0.1.0,"
                  " repository: 'https://example.com'}\n- {name: packed, version: 0.1.0, repository: ''}\n",
    "Chart.lock": "dependencies: []\ndigest: sha256:0\ngenerated: \"2026-01-01T00:00:00Z\"\n",
    **subchart("sub", "charts/sub/"), **subchart("deep", "charts/sub/charts/deep/"),
    "charts/packed-0.1.0.tgz": packed("packed"),
}

IGNORING = {
    "Chart.yaml": "apiVersion: v2\nname: ignoring\nversion: 1.0.0\n",
    ".helmignore": "# a comment\n\n*.bak\n/top.txt\nsub/x.txt\ndir/\nte?t.md\n[ab].log\n  spaced.txt  \n*/level.txt\n",
    **{path: "x" for path in ("a.bak", "templates/b.bak", "top.txt", "files/top.txt", "sub/x.txt", "q/sub/x.txt",
                              "dir/in.txt", "q/dir/in.txt", "test.md", "a.log", "c.log", "spaced.txt", "z/level.txt",
                              "y/z/level.txt", "templates/_helpers.tpl", "templates/.hidden.yaml")},
}

LINKS = {
    "Chart.yaml": "apiVersion: v2\nname: links\nversion: 1.0.0\n", "files/real.txt": "real",
    "templates/t.yaml": "kind: A\n", **subchart("sub", "shared/sub/"),
}
LINKED = {"files/link.txt": "real.txt", "templates/l.yaml": "t.yaml", "folder": "files", "charts/sub": "../shared/sub"}

UNICODE = {
    "Chart.yaml": "apiVersion: v2\nname: unicode\nversion: 1.0.0\ndescription: \"Ü\\u2028☃ <b>&\"\nkeywords: [ä, 海図]\n"
                  "maintainers: [{name: Jürgen}]\nannotations: {a/é: \"1\"}\n",
    "values.yaml": "ä: 海図\n", "templates/海図-ä.yaml": "kind: A\n", "files/e\u0301.txt": "one", "files/é.txt": "other",
    "files/a 'b' & c.txt": "x", f"files/{'x' * 120}.txt": "x", f"{'d' * 90}/{'e' * 90}/{'f' * 90}.txt": "x",
}

COMPLETE = {
    "Chart.yaml": "\ufeffapiVersion: v2\nName: complete\nversion: 1.0.0\ntype: library\nkubeVersion: '>=1.20'\n"
                  "appVersion: 1.10\ndeprecated: yes\nunknown: 1\ndescription: >\n  two\n  lines\n",
    "values.yaml": "a: 1\r\n", "values.schema.json": '{"type": "object"}', "crds/crd.yaml": "kind: C\n",
    "templates/NOTES.txt": "\ufeffnotes\n", "LICENSE": "l", "empty.txt": "",
}

FIRST = {
    "Chart.yaml": "apiVersion: v1\nname: first\nversion: 1.0.0\nengine: gotpl\ntillerVersion: '>2.0'\n",
    "requirements.yaml": "dependencies:\n- {name: sub, version: 0.1.0, repository: 'https://example.com', alias: s,"
                         " condition: s.on, tags: [t], import-values: [a]}\n",
    "requirements.lock": "dependencies: []\ndigest: sha256:0\ngenerated: \"2026-01-01T00:00:00Z\"\n",
    **subchart("sub", "charts/sub/"),
}


class OddCharts(Case):
    def check(self, name, files, links={}, kept=()):
        """`kept`: what an author's directory keeps under ours, and helm packs otherwise."""
        registry, source = self.start_registry(), self.folder / "source" / name
        for path, data in {"values.yaml": "a: 1\n", **files}.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(data if isinstance(data, bytes) else data.encode())
        for path, target in links.items():
            (source / path).parent.mkdir(exist_ok=True)
            (source / path).symlink_to(target)
        self.verb("save", source, f"{registry.host}/ours/{name}:1.0.0")
        self.verb("push", f"{registry.host}/ours/{name}:1.0.0")
        for major in (3, 4):
            with self.subTest(helm=major):
                helm = Helm(self.folder / f"helm{major}", major)
                package = helm.run("package", source, "-d", helm.folder).stdout.strip().split(": ", 1)[1]
                helm.push(package, registry, f"helm{major}")
                theirs, ours, own = (self.folder / f"{kind}{major}" for kind in ("theirs", "ours", "own"))
                helm.pull(f"{registry.host}/helm{major}/{name}", "1.0.0", theirs)
                ref = f"{registry.host}/helm{major}/{name}:1.0.0"
                self.verb("pull", ref)
                self.verb("export", ref, "-d", own)
                subprocess.run(["diff", "-r", theirs, own], check=True)
                self.ocisync.spec([{"name": f"{name}{major}", "ref": "oci://" + ref}])
                self.assert_code(self.ocisync.sync(), 0)
                subprocess.run(["diff", "-r", theirs / name, self.ocisync.export / f"{name}{major}"], check=True)

                helm.pull(f"{registry.host}/ours/{name}", "1.0.0", ours)
                apart = subprocess.run(["diff", "-rq", "-x", "Chart.yaml", theirs, ours], capture_output=True, text=True)
                self.assertEqual(sorted(re.findall(r": (\S+)$", apart.stdout, re.M)), sorted(kept), apart.stdout)
                self.assertEqual(len(apart.stdout.splitlines()), len(kept), apart.stdout)
                for words in (("show", "all"), ("template", "x")):
                    by_helm, by_us = (helm.run(*words, top / name, check=False) for top in (theirs, ours))
                    self.assertEqual((by_us.returncode, by_us.stdout), (by_helm.returncode, by_helm.stdout))

    def verb(self, *arguments):
        command = [self.ocisync.binary, "chart", *map(str, arguments)]
        return self.assert_code(self.ocisync.run(command=command, OCISYNC_CACHE=self.ocisync.cache), 0)

    def test_vendored_dependencies_stay_as_the_author_keeps_them(self):
        self.check("vendored", VENDORED, kept=["packed", "packed-0.1.0.tgz"])

    def test_every_pattern_of_helmignore(self):
        self.check("ignoring", IGNORING)

    def test_links_inside_the_chart(self):
        self.check("links", LINKS, LINKED)

    def test_names_and_words_in_every_script(self):
        self.check("unicode", UNICODE)

    def test_schema_definitions_byte_order_marks_and_odd_keys(self):
        self.check("complete", COMPLETE)

    def test_the_first_api_version_with_its_requirements(self):
        self.check("first", FIRST)
