"""The local verbs of Helm 3's registry documentation: chart save, list, export and remove, on the cache of the sync."""
import filecmp
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from tests.support import charts
from tests.support.case import Case
from tests.support.sync import as_user

REF = "localhost:5000/myrepo/mychart:2.7.0"
DOCUMENTED_META = "sha256:ca9588a9340fb83a62777cd177dae4ba5ab52061a1618ce2e21930b86c412d9e"


class Verbs(Case):
    def verb(self, *arguments, code=0, **environment):
        run = self.ocisync.run(command=[self.ocisync.binary, "chart", *map(str, arguments)],
                               **{"OCISYNC_CACHE": self.ocisync.cache, **environment})
        return self.assert_code(run, code)

    def other(self, *arguments):
        return self.assert_code(self.ocisync.run(command=[self.ocisync.binary, *arguments, "--cache",
                                                          str(self.ocisync.cache), "-o", "json"]), 0)

    def chart(self, name="mychart", files=None, **extra):
        """A chart's directory."""
        top = self.folder / "source" / name
        shutil.rmtree(top, ignore_errors=True)
        given = files or {"Chart.yaml": f"apiVersion: v1\nname: {name}\nversion: 2.7.0\n",
                          "values.yaml": "# kept\nreplicas: 1\n", "templates/tests/check.yaml": "kind: Pod\n", **extra}
        for path, data in given.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_bytes(data if isinstance(data, bytes) else data.encode())
        return top

    def tags(self, ref=REF):
        name, tag = ref.rsplit(":", 1)
        return self.ocisync.cache / "refs" / name.replace(":", "_") / "tags" / tag

    def tree(self, *skip):
        """Every path of the cache with what it holds."""
        seen = {}
        for path in sorted(self.ocisync.cache.rglob("*")):
            name = str(path.relative_to(self.ocisync.cache))
            if not name.startswith((".ocisync/locks", *skip)):
                seen[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        return seen

    def assert_same_directory(self, left, right, but=()):
        compared = filecmp.dircmp(left, right, ignore=[])
        self.assertEqual((compared.left_only, compared.right_only), ([], []), f"{left} {right}")
        _, differing, errors = filecmp.cmpfiles(left, right, compared.common_files, shallow=False)
        self.assertEqual((set(differing) - set(but), errors), (set(), []), f"{left} {right}")
        for child in compared.common_dirs:
            self.assert_same_directory(pathlib.Path(left) / child, pathlib.Path(right) / child)

    def manifest(self, ref=REF):
        """That of a reference, as others read it from the cache."""
        return json.loads(self.layout(ref))


class Session(Verbs):
    def test_the_documented_session_prints_the_documented_lines(self):
        self.chart()
        saved = self.verb("save", "source/mychart/", REF, code=2)  # relative to where it runs
        self.assertEqual(saved.stdout, "")
        source = self.folder / "source/mychart"
        saved = self.verb("save", f"{source}/", REF)
        content = re.search(r"Content: (sha256:[0-9a-f]{64})\n", saved.stdout)[1]
        size = (self.ocisync.cache / "blobs/sha256" / content[7:]).stat().st_size
        lines = f"Name: mychart\nVersion: 2.7.0\nMeta: {DOCUMENTED_META}\nContent: {content}\n"
        self.assertEqual(saved.stdout, f"ca9588a: Saving meta (19 B)\n{content[7:14]}: Saving content ({size} B)\n"
                                       f"{lines}2.7.0: saved\n")
        self.assertEqual(saved.stderr, "")
        self.assertEqual(self.verb("save", source, REF).stdout, f"{lines}2.7.0: saved\n")
        listed = self.verb("list")
        self.assertRegex(listed.stdout, r"^REF +\tNAME +\tVERSION\tDIGEST +\tSIZE +\tCREATED\n"
                         rf"{re.escape(REF)}\tmychart\t2.7.0  \t{content[7:14]}\t{size} B *\t"
                         r"(Less than a second|1 second|\d+ seconds)\n$")
        exported = self.verb("export", REF)
        self.assertEqual(exported.stdout, f"{lines}Exported to mychart/\n")
        self.assertEqual(self.verb("export", REF).stdout, exported.stdout)
        self.assert_same_directory(source, self.ocisync.folder / "mychart", but=["Chart.yaml"])
        removed = self.verb("remove", REF)
        self.assertEqual((removed.stdout, removed.stderr), ("2.7.0: removed\n", ""))
        self.assertEqual(self.verb("list").stdout.splitlines(), ["REF\tNAME\tVERSION\tDIGEST\tSIZE\tCREATED"])
        gone = self.verb("remove", REF, code=3)
        self.assertEqual((gone.stdout, len(gone.stderr.splitlines())), ("", 1))
        self.assertIn(REF, gone.stderr)

    def test_the_cache_is_the_documented_tree_and_an_oci_layout(self):
        self.verb("save", self.chart(), REF)
        cache = self.ocisync.cache
        self.assertEqual((cache / "charts/mychart/versions/2.7.0").read_bytes(), b"-")
        tags = self.tags()
        self.assertEqual({p.name for p in tags.iterdir()}, {"chart", "content", "meta", "manifest"})
        for link in tags.iterdir():
            self.assertFalse(os.path.isabs(os.readlink(link)))
        self.assertEqual(tags.joinpath("meta").read_bytes(), b'{"apiVersion":"v1"}')
        self.assertEqual(tags.joinpath("chart").resolve(), cache.resolve() / "charts/mychart/versions/2.7.0")
        manifest = self.manifest()
        self.assertEqual(json.loads(tags.joinpath("manifest").read_bytes()), manifest)
        meta, content = manifest["layers"]
        self.assertEqual((meta["mediaType"], meta["digest"], meta["size"]), (charts.ALPHA1_META, DOCUMENTED_META, 19))
        self.assertEqual(content["annotations"], {"org.opencontainers.image.title": "chart-content.tgz",
                                                  "sh.helm.chart.name": "mychart", "sh.helm.chart.version": "2.7.0"})
        # The whole folder may be mounted elsewhere.
        moved = self.ocisync.cache = self.ocisync.cache.rename(self.folder / "moved")
        self.manifest()
        self.verb("export", REF, "-d", self.folder / "out")
        self.assertTrue((moved / "index.json").exists())

    def test_a_changed_chart_yaml_stores_a_second_meta_and_the_same_content(self):
        source = self.chart()
        first = self.verb("save", source, REF, "-o", "json").result
        with (source / "Chart.yaml").open("a") as file:
            file.write("description: now with one\n")
        run = self.verb("save", source, REF[:-5] + "2.7.1")
        self.assertIn(": Saving meta (", run.stdout)
        self.assertNotIn(": Saving content (", run.stdout)
        listed = {chart["ref"]: chart for chart in self.verb("list", "-o", "json").result["charts"]}
        self.assertEqual({chart["content"] for chart in listed.values()}, {first["content"]})
        self.assertEqual(len({chart["meta"] for chart in listed.values()}), 2)
        self.manifest()
        self.manifest(REF[:-5] + "2.7.1")

    def test_no_tag_means_latest_and_is_announced(self):
        name = REF.rsplit(":", 1)[0]
        source = self.chart()
        for verb in (("save", source, name), ("export", name), ("remove", name)):
            run = self.verb(*verb)
            self.assertIn("Using default tag: latest", run.stderr)
            self.assertNotIn("Using default", run.stdout)
        self.assertEqual(run.stdout, "latest: removed\n")

    def test_list_shows_sizes_and_ages_as_documented(self):
        ages = {"mychart": 27, "acs-engine-autoscaler": 2 * 3600, "aerospike": 26 * 3600, "airflow": 15 * 86400,
                "anchore-engine": 60 * 86400}
        padding = {"mychart": 0, "acs-engine-autoscaler": 4_100, "aerospike": 3_500, "airflow": 28_500,
                   "anchore-engine": 1_100_000}
        for name in ages:
            source = self.chart(name, noise=os.urandom(padding[name]))
            result = self.verb("save", source, f"localhost:5000/stable/{name}:2.7.0", "-o", "json").result
            then = time.time() - ages[name] - 0.5
            os.utime(self.ocisync.cache / "blobs/sha256" / result["content"][7:], (then, then))
            os.utime(self.tags(result["ref"]) / "content", (then, then), follow_symlinks=False)
        # Using a chart does not make it young.
        self.verb("export", "localhost:5000/stable/aerospike:2.7.0", "-d", "out")
        rows = [line.split("\t") for line in self.verb("list").stdout.splitlines()]
        widths = {tuple(len(cell) for cell in row[:-1]) for row in rows}
        self.assertEqual(len(widths), 1, rows)
        rows = [[cell.strip() for cell in row] for row in rows]
        self.assertEqual(rows[0], ["REF", "NAME", "VERSION", "DIGEST", "SIZE", "CREATED"])
        self.assertEqual([row[1] for row in rows[1:]], sorted(ages))
        sizes = {row[1]: row[4] for row in rows[1:]}
        self.assertRegex(sizes["mychart"], r"^\d{3} B$")
        self.assertRegex(sizes["acs-engine-autoscaler"], r"^4\.\d KiB$")
        self.assertRegex(sizes["airflow"], r"^28\.\d KiB$")
        self.assertRegex(sizes["anchore-engine"], r"^1\.\d MiB$")
        created = {row[1]: row[5] for row in rows[1:]}
        self.assertRegex(created.pop("mychart"), r"^(2[7-9]|[345]\d) seconds$")
        self.assertEqual(created, {"acs-engine-autoscaler": "2 hours", "aerospike": "26 hours", "airflow": "2 weeks",
                                   "anchore-engine": "2 months"})

    def test_a_cell_of_list_is_cut_at_sixty_characters(self):
        long = f"localhost:5000/{'a' * 40}/{'b' * 40}:2.7.0"
        self.verb("save", self.chart(), long)
        cell = self.verb("list").stdout.splitlines()[1].split("\t")[0]
        self.assertEqual(cell, long[:57] + "...")
        self.assertEqual(self.verb("list", "-o", "json").result["charts"][0]["ref"], long)


class Saving(Verbs):
    def test_what_helm_create_makes_comes_back_as_it_was(self):
        for major in (3, 4):
            helm = charts.Helm(self.folder / f"helm{major}", major)
            helm.run("create", "demo")
            source = helm.folder / "demo"
            (source / "values.schema.json").write_text('{"type": "object"}')
            (source / "Chart.lock").write_text("dependencies: []\ndigest: x\ngenerated: 2026-01-01T00:00:00Z\n")
            ref = f"localhost:5000/charts/demo:helm{major}"
            self.verb("save", source, ref)
            out = self.folder / f"out{major}"
            self.verb("export", ref, "--destination", out)
            self.assert_same_directory(source, out / "demo", but=["Chart.yaml"])
            self.assertEqual(helm.run("show", "values", out / "demo").stdout, helm.run("show", "values", source).stdout)
            self.assertEqual(helm.run("template", "x", out / "demo").stdout, helm.run("template", "x", source).stdout)
            helm.run("lint", out / "demo")
            # Chart.yaml says the same, as helm itself would write it into a package.
            package = {path: helm.run("show", "chart", path).stdout for path in (source, out / "demo")}
            self.assertEqual(*package.values())

    def test_helmignore_and_links_follow_helms_rules(self):
        source = self.chart(**{".helmignore": "*.bak\n.git/\n", "a.bak": "x", ".git/HEAD": "x", "shared/a.yaml": "shared"})
        (source / "templates/linked.yaml").symlink_to("../shared/a.yaml")
        self.verb("save", source, REF)
        self.verb("export", REF)
        exported = self.ocisync.folder / "mychart"
        self.assertEqual((exported / "templates/linked.yaml").read_text(), "shared")
        self.assertFalse((exported / "templates/linked.yaml").is_symlink())
        self.assertFalse((exported / "a.bak").exists() or (exported / ".git").exists())

    def test_an_archive_is_kept_byte_for_byte(self):
        helm = charts.Helm(self.folder / "helm")
        package = helm.package(charts.chart_files("web", "1.0.0"))
        result = self.verb("save", package, "localhost:5000/charts/web:1.0.0", "-o", "json").result
        self.assertEqual(result["content"], charts.sha256(package.read_bytes()))
        manifest = self.manifest("localhost:5000/charts/web:1.0.0")
        self.assertEqual([layer["mediaType"] for layer in manifest["layers"]], [charts.CONTENT])
        self.verb("export", "localhost:5000/charts/web:1.0.0")
        self.assertEqual(helm.run("show", "all", self.ocisync.folder / "web").stdout,
                         helm.run("show", "all", package).stdout)
        untarred = self.folder / "untarred"
        untarred.mkdir()
        subprocess.run(["tar", "-xzf", package, "-C", untarred], check=True)
        self.assert_same_directory(untarred / "web", self.ocisync.folder / "web")

    def test_what_is_no_chart_is_refused_in_one_line_and_leaves_no_trace(self):
        self.verb("save", self.chart("good"), "localhost:5000/good:1")
        before = self.tree()
        yaml = "apiVersion: v1\nname: {}\nversion: {}\n"
        bad = {
            "no Chart.yaml": {"values.yaml": ""},
            "name is missing": {"Chart.yaml": "version: 1.0.0\n"},
            "may hold letters": {"Chart.yaml": yaml.format("a/b", "1.0.0")},
            "not a semantic version": {"Chart.yaml": yaml.format("x", "newest")},
            "Chart.yaml": {"Chart.yaml": "{"},
            "does not know": {"Chart.yaml": yaml.format("x", "1.0.0"), ".helmignore": "**\n"},
        }
        for why, files in bad.items():
            run = self.verb("save", self.chart("bad", files), REF, code=3)
            self.assertEqual((run.stdout, len(run.stderr.splitlines())), ("", 1), run.stderr)
            self.assertIn(why, run.stderr)
        link = self.chart("link")
        (link / "templates/out").symlink_to("/etc/passwd")
        self.assertIn("templates/out", self.verb("save", link, REF, code=3).stderr)
        fifo = self.chart("fifo")
        os.mkfifo(fifo / "pipe")
        self.assertIn("pipe", self.verb("save", fifo, REF, code=3).stderr)
        self.assertIn("not a directory", self.verb("save", self.folder / "file\n", REF, code=2).stderr
                      + self.verb("save", "/dev/null", REF, code=2).stderr.replace("neither", "not"))
        good = self.folder / "source/good"
        for ref in ("localhost:5000/my\x1bchart:1", "localhost:5000/x:a b", "mychart", "localhost:5000/UP:1",
                    "localhost:5000/a:1:2", "localhost:5000/../x:1", "u:secret@localhost/x:1", ""):
            run = self.verb("save", good, ref, code=3)
            self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
            self.assertNotIn("\x1b", run.stderr)
            self.assertNotIn("secret", run.stderr)
        self.verb("save", good, REF + "@" + DOCUMENTED_META, code=2)
        self.assertEqual(self.tree(), before)

    def test_a_pinned_chart_outlives_gc_until_it_is_removed(self):
        self.verb("save", self.chart(), REF)
        self.verb("save", self.chart("second", more="content"), "localhost:5000/second:1")
        then = time.time() - 400 * 86400

        def make_old():
            for blob in (self.ocisync.cache / "blobs/sha256").iterdir():
                os.utime(blob, (then, then))

        make_old()
        self.assertEqual(self.other("gc", "--all").result["removedBlobs"], 0)
        self.verb("remove", REF)
        self.assertFalse(self.tags().exists())
        kept = set(self.tree())
        make_old()
        self.assertEqual(self.other("gc", "--all").result["removedBlobs"], 2)  # its content and manifest
        self.assertEqual(len(kept - set(self.tree())), 2)
        self.manifest("localhost:5000/second:1")
        self.verb("export", "localhost:5000/second:1")

    def test_killed_at_any_moment_nothing_is_half_saved(self):
        source = self.chart(noise=os.urandom(2_000_000))
        other = self.chart("other")
        self.verb("save", other, "localhost:5000/other:1")
        command = [self.ocisync.binary, "chart", "save", str(source), REF]
        environment = self.ocisync.environment(OCISYNC_CACHE=self.ocisync.cache)
        started = time.monotonic()
        self.assertEqual(subprocess.run(command, env=environment, capture_output=True).returncode, 0)
        whole = time.monotonic() - started
        for step in range(12):
            self.verb("remove", REF)
            for blob in (self.ocisync.cache / "blobs/sha256").iterdir():
                if blob.stat().st_size > 1_000_000:
                    blob.unlink()
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(whole * step / 12)
            process.send_signal(signal.SIGKILL)
            process.wait()
            listed = [chart["ref"] for chart in self.verb("list", "-o", "json").result["charts"]]
            self.assertIn("localhost:5000/other:1", listed)
            self.other("cache", "check")
            self.verb("save", source, REF)
            self.manifest()
        self.assertEqual(list((self.ocisync.cache / ".ocisync/staging").iterdir()), [])


class Volumes(Verbs):
    """Where nothing may be written, or no more: one line, and what was there stays."""

    def full(self, cache, *words):
        """Runs a verb where `small` has no room for the chart; returns what a reader finds there afterwards."""
        small = self.folder / "small"
        small.mkdir(exist_ok=True)
        script = ('ocisync=$1; shift; mount -t tmpfs -o size=200k none "$0" && "$ocisync" chart "$@"; echo code $?; '
                  '"$ocisync" cache check; find "$0" -path "$0/cache/refs/*" -o -path "$0/out/*"')
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        done = subprocess.run(["unshare", "--mount", *user, "sh", "-c", script, small, self.ocisync.binary, *words],
                              text=True, capture_output=True, env=self.ocisync.environment(OCISYNC_CACHE=cache))
        code, checked, *left = done.stdout.splitlines()
        self.assertEqual((code, len(done.stderr.splitlines())), ("code 1", 1), done.stdout + done.stderr)
        self.assertRegex(done.stderr, "does not fit|No space left")
        self.assertRegex(checked, r"^\d+ blobs, 0 damaged")
        return left

    def test_a_full_disk_ends_save_pull_and_export_in_one_line_and_leaves_nothing_half_done(self):
        small = self.folder / "small"
        source = self.chart(noise=os.urandom(300_000))
        self.assertEqual(self.full(small / "cache", "save", str(source), REF), [])
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0", charts.chart_files(noise=os.urandom(300_000)))
        self.assertEqual(self.full(small / "cache", "pull", f"{registry.host}/charts/web:1.0.0"), [])
        self.verb("save", source, REF)
        self.assertEqual(self.full(self.ocisync.cache, "export", REF, "-d", str(small / "out")), [])

    def test_a_cache_that_belongs_to_another_is_left_as_it_is(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        ref = f"{registry.host}/charts/web:1.0.0"
        self.folder.chmod(0o755)
        source = self.chart()
        self.verb("save", source, ref)
        before = self.tree()
        registry.forget()

        def stranger(*words):
            return self.ocisync.run(command=[*as_user(65532, 65532), self.ocisync.binary, *map(str, words),
                                             "--cache", str(self.ocisync.cache)])

        for words in (["save", source, REF], ["push", ref], ["pull", ref], ["remove", ref]):
            run = self.assert_code(stranger("chart", *words), 2)
            self.assertEqual((run.stdout, len(run.stderr.splitlines())), ("", 1), run.stderr)
            self.assertIn(f"the cache {self.ocisync.cache} cannot be used", run.stderr)
        self.assertEqual((self.tree(), registry.requests()), (before, []))
        for words in (["cache", "check"], ["chart", "list"]):
            self.assert_code(stranger(*words), 0)
        self.manifest(ref)

    def test_a_cache_below_a_file_is_told_in_one_line(self):
        (self.folder / "file").write_text("")
        run = self.verb("save", self.chart(), REF, code=2, OCISYNC_CACHE=self.folder / "file/cache")
        self.assertEqual((run.stdout, len(run.stderr.splitlines())), ("", 1))


class Exporting(Verbs):
    def test_a_different_directory_is_only_replaced_when_told(self):
        self.verb("save", self.chart(), REF)
        out = self.folder / "out"
        self.verb("export", REF, "-d", out)
        (out / "neighbour").write_text("mine")
        (out / "mychart/values.yaml").write_text("edited")
        (out / "mychart/own").write_text("added")
        run = self.verb("export", REF, "-d", out, code=3)
        self.assertEqual((run.stdout, len(run.stderr.splitlines())), ("", 1))
        self.assertIn("--force", run.stderr)
        self.assertEqual((out / "mychart/values.yaml").read_text(), "edited")
        self.verb("export", REF, "-d", out, "--force")
        self.assertEqual({p.name for p in out.iterdir()}, {"mychart", "neighbour"})
        self.assert_same_directory(self.folder / "source/mychart", out / "mychart", but=["Chart.yaml"])

    def test_a_reader_sees_the_old_or_the_new_directory(self):
        first = self.chart(**{f"templates/{i}.yaml": "one" for i in range(40)})
        self.verb("save", first, REF)
        self.verb("save", self.chart(**{f"templates/{i}.yaml": "two" for i in range(40)}), REF[:-5] + "2")
        out = self.folder / "out"
        self.verb("export", REF, "-d", out)
        stop = self.folder / "stop"
        reader = subprocess.Popen(
            ["python3", "-c", "import os,sys\nbad=0\n"
             "while not os.path.exists(sys.argv[2]):\n"
             " d=os.open(sys.argv[1],os.O_DIRECTORY)\n"
             " try:\n"
             "  t=os.open('templates',os.O_DIRECTORY,dir_fd=d)\n"
             "  seen={os.read(os.open(f'{i}.yaml',os.O_RDONLY,dir_fd=t),9) for i in range(40)}\n"
             "  bad+=len(seen)!=1\n"
             " except FileNotFoundError: pass\n"  # the old one while it is being removed
             " os.closerange(3,200)\n"
             "sys.exit(bad)", str(out / "mychart"), str(stop)])
        for _ in range(10):
            for tag in ("2", "2.7.0"):
                self.verb("export", f"{REF[:-5]}{tag}", "-d", out, "--force")
        stop.touch()
        self.assertEqual(reader.wait(), 0)

    def test_damage_is_noticed_before_anything_is_written(self):
        result = self.verb("save", self.chart(), REF, "-o", "json").result
        out = self.folder / "out"
        for role in ("meta", "content", "manifest"):
            blob = self.ocisync.cache / "blobs/sha256" / result[role][7:]
            data = blob.read_bytes()
            blob.unlink()
            blob.write_bytes(bytes([data[0] ^ 1]) + data[1:])
            run = self.verb("export", REF, "-d", out, code=3)
            self.assertIn(f"{role} blob {result[role]}", run.stderr)
            self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
            # Saving again mends it.
            self.verb("save", self.folder / "source/mychart", REF)
            self.assertEqual(blob.read_bytes(), data)
        self.assertFalse(out.exists())

    def test_damaged_and_half_removed_references_do_not_stop_the_list(self):
        for name in ("a", "b", "c", "d", "good"):
            self.verb("save", self.chart(name), f"localhost:5000/{name}:1")
        self.tags("localhost:5000/a:1").joinpath("meta").unlink()
        self.tags("localhost:5000/b:1").joinpath("content").unlink()
        self.tags("localhost:5000/b:1").joinpath("content").mkdir()
        chart = self.tags("localhost:5000/c:1").joinpath("chart")
        chart.unlink()
        chart.symlink_to("/etc/passwd")
        shutil.rmtree(self.tags("localhost:5000/d:1"))
        self.tags("localhost:5000/d:1").write_text("a file")
        run = self.verb("list", "-o", "json")
        self.assertEqual([entry["ref"] for entry in run.result["charts"]], ["localhost:5000/good:1"])
        self.assertIn("/etc/passwd", run.stderr)
        self.verb("export", "localhost:5000/c:1", code=3)
        # A name that somebody planted reaches no terminal and no file.
        planted = self.ocisync.cache / "charts/\x1b[31mred/versions/1"
        planted.parent.mkdir(parents=True)
        planted.write_text("-")
        chart.unlink()
        chart.symlink_to("../../../../../charts/\x1b[31mred/versions/1")
        listed = self.verb("list").stdout
        self.assertIn("red", listed)
        self.assertNotIn("\x1b", listed)
        self.assertIn("Exported to c/\n", self.verb("export", "localhost:5000/c:1").stdout)  # the manifest decides
        self.verb("remove", "localhost:5000/c:1")
        self.verb("remove", "localhost:5000/a:1")
        self.verb("save", self.chart("b"), "localhost:5000/b:1")
        self.assertEqual(len(self.verb("list", "-o", "json").result["charts"]), 2)

    def test_a_cache_that_is_not_there_is_not_made_by_those_that_read(self):
        self.assertEqual(self.verb("list").stdout, "REF\tNAME\tVERSION\tDIGEST\tSIZE\tCREATED\n")
        self.assertEqual(self.verb("list", "-o", "json").result["charts"], [])
        self.verb("export", REF, code=3)
        self.verb("remove", REF, code=3)
        self.assertFalse(self.ocisync.cache.exists())
        self.ocisync.cache.mkdir()
        self.verb("list")
        self.assertEqual(list(self.ocisync.cache.iterdir()), [])
        self.verb("save", self.chart(), REF)
        before = {path: path.lstat().st_mtime_ns for path in self.ocisync.cache.rglob("*")}
        self.verb("list")
        self.verb("export", REF)
        self.assertEqual({path: path.lstat().st_mtime_ns for path in self.ocisync.cache.rglob("*")}, before)

    def test_what_the_sync_cached_is_listed_and_exported(self):
        registry = self.start_registry()
        push = self.pusher(registry)
        push.current("1.0.0")
        push.alpha("0.1.0")
        refs = [f"{registry.host}/charts/web:{tag}" for tag in ("0.1.0", "1.0.0")]
        self.ocisync.spec([{"name": f"c{i}", "ref": "oci://" + ref} for i, ref in enumerate(refs)])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual([chart["ref"] for chart in self.verb("list", "-o", "json").result["charts"]], refs)
        for i, ref in enumerate(refs):
            self.verb("export", ref, "-d", self.folder / f"out{i}", "-c", self.ocisync.spec_file)
            self.assert_same_directory(self.ocisync.export / f"c{i}", self.folder / f"out{i}" / "web")


class Alpha(Verbs):
    """A cache as Helm 3.0.0-alpha.1 wrote it, see what it holds: absolute links, no manifests."""

    def alpha_cache(self, root="/home/somebody/.helm/registry"):
        cache = self.ocisync.cache
        files = charts.chart_files("mychart", "2.7.0")
        files["Chart.yaml"] = b"apiVersion: v1\nname: '-'\nversion: 0.1.0\n"
        content, meta = charts.archive(files, top="-"), b'{"apiVersion":"v1"}'
        for data in (content, meta):
            blob = cache / "blobs/sha256" / charts.sha256(data)[7:]
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(data)
        (cache / "blobs/.build").mkdir()
        (cache / "config.json").write_text('{"auths":{}}')
        version = cache / "charts/mychart/versions/2.7.0"
        version.parent.mkdir(parents=True)
        version.write_bytes(b"-")
        self.tags().mkdir(parents=True)
        self.tags().joinpath("chart").symlink_to(f"{root}/charts/mychart/versions/2.7.0")
        self.tags().joinpath("meta").symlink_to(f"{root}/blobs/sha256/{charts.sha256(meta)[7:]}")
        self.tags().joinpath("content").symlink_to(f"{root}/blobs/sha256/{charts.sha256(content)[7:]}")
        then = time.time() - 2 * 3600 - 60
        os.utime(cache / "blobs/sha256" / charts.sha256(content)[7:], (then, then))
        return content, files

    def test_it_is_listed_exported_and_taken_over(self):
        content, files = self.alpha_cache()
        before = self.tree("refs")
        row = self.verb("list").stdout.splitlines()[1].split("\t")
        self.assertEqual([cell.strip() for cell in row], [REF, "mychart", "2.7.0", charts.sha256(content)[7:14],
                                                          f"{len(content)} B", "2 hours"])
        for link in self.tags().iterdir():
            self.assertFalse(os.path.isabs(os.readlink(link)))
        after = self.tree("refs")
        self.assertEqual({name: after[name] for name in before}, before)
        self.assertEqual(self.manifest()["layers"][1]["digest"], charts.sha256(content))
        self.verb("export", REF)
        exported = self.ocisync.folder / "mychart"
        for path, data in files.items():
            if path != "Chart.yaml":
                self.assertEqual((exported / path).read_bytes(), data)
        self.assertEqual(charts.Helm(self.folder / "helm").run("show", "chart", exported).stdout,
                         'apiVersion: v1\nname: mychart\nversion: 2.7.0\n\n')
        self.assertEqual(self.verb("list").stdout.splitlines()[1].split("\t")[-1], "2 hours")
        for blob in (self.ocisync.cache / "blobs/sha256").iterdir():
            os.utime(blob, (0, 0))
        self.assertEqual(self.other("gc", "--all").result["removedBlobs"], 0)

    def test_links_that_lead_outside_are_refused_and_left_alone(self):
        self.alpha_cache()
        content = self.tags().joinpath("content")
        content.unlink()
        content.symlink_to("/etc/passwd")
        run = self.verb("list", "-o", "json")
        self.assertEqual(run.result["charts"], [])
        self.assertIn("/etc/passwd", run.stderr)
        self.verb("export", REF, code=3)
        self.assertEqual(os.readlink(content), "/etc/passwd")

    def test_a_cache_that_may_only_be_read_is_read_as_it_is(self):
        self.alpha_cache()
        before = self.tree()
        out = self.folder / "out"
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        script = (f"mount --bind {self.ocisync.cache} {self.ocisync.cache} && "
                  f"mount -o remount,bind,ro {self.ocisync.cache} && "
                  f"'{self.ocisync.binary}' chart list -o json && '{self.ocisync.binary}' chart export {REF} -d {out}")
        done = subprocess.run(["unshare", "--mount", *user, "sh", "-c", script], text=True, capture_output=True,
                              env=self.ocisync.environment(OCISYNC_CACHE=self.ocisync.cache))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(REF, done.stdout)
        self.assertTrue((out / "mychart/values.yaml").exists())
        self.assertEqual(self.tree(), before)
