"""The lock file: what is reviewed is what is published, wherever the tags have gone since."""
import os
import re
import stat
import subprocess

from tests.support import charts
from tests.support.case import Case
from tests.support.proxy import FaultProxy, status
from tests.support.trace import WRITING, traced, writes


class Lock(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)
        self.lock_file = self.ocisync.folder / "charts.lock.yaml"

    def ref(self, repository="web", tag=None):
        return f"oci://{self.registry.host}/charts/{repository}" + (f":{tag}" if tag else "")

    def command(self, *arguments):
        return [self.ocisync.binary, "lock", "--config", str(self.ocisync.spec_file), *map(str, arguments)]

    def lock(self, *arguments, code=0, **environment):
        return self.assert_code(self.ocisync.run(command=self.command(*arguments), **environment), code)

    def three(self):
        """A tag, a range and a digest; returns their digests."""
        web = self.push.current("1.0.0")
        for tag in ("1.0.0", "1.2.0"):
            db = self.pusher(self.registry, "charts/db").current(tag, name="db")
        zed = self.pusher(self.registry, "charts/zed").alpha("3.0.0", name="zed")
        self.ocisync.spec([f"{self.ref('zed')}@{zed}", self.ref("web", "1.0.0"),
                           {"name": "db", "ref": self.ref("db"), "version": "^1"}])
        return web, db, zed

    def test_names_every_chart_by_its_digests_sorted_and_without_times(self):
        web, db, zed = self.three()
        self.lock()
        content = charts.archive(charts.chart_files("db", "1.2.0"), top="db")
        entry = (f'  - name: db\n    ref: "{self.ref("db")}"\n    version: "^1"\n    tag: "1.2.0"\n'
                 f'    digest: {db}\n    content:\n      digest: {charts.sha256(content)}\n'
                 f'      size: {len(content)}\n    chart:\n      name: db\n      version: "1.2.0"\n')
        text = self.lock_file.read_text()
        self.assertIn(entry, text)
        self.assertEqual(re.findall(r"- name: (\w+)", text), ["db", "web", "zed"])
        self.assertEqual(re.findall(r"\n    digest: (\S+)", text), [db, web, zed])
        self.assertNotRegex(text, r"20\d\d-\d\d")
        self.assertEqual(stat.S_IMODE(self.lock_file.stat().st_mode), 0o644)
        self.assertEqual(sorted(path.name for path in self.ocisync.folder.iterdir()),
                         ["charts.lock.yaml", "charts.yaml"])

    def locales(self, *names):
        """Makes locales; returns the folder for LOCPATH. Each takes effect, with its decimal comma."""
        folder = self.folder / "locales"
        folder.mkdir()
        for name in names:
            subprocess.run(["localedef", "-i", name, "-f", "UTF-8", folder / f"{name}.UTF-8"], check=True)
            environment = {**os.environ, "LOCPATH": str(folder), "LC_ALL": f"{name}.UTF-8"}
            point = subprocess.run(["locale", "decimal_point"], env=environment, check=True, capture_output=True)
            self.assertEqual(point.stdout, b",\n")
        return folder

    def test_equal_input_gives_equal_bytes_in_every_time_zone_and_locale(self):
        self.three()
        locales = self.locales("tr_TR", "de_DE")
        self.lock()
        first, written = self.lock_file.read_bytes(), self.lock_file.stat().st_mtime_ns
        self.lock(TZ="<+0545>-5:45", LC_ALL="tr_TR.UTF-8", LOCPATH=locales)
        self.assertEqual(self.lock_file.stat().st_mtime_ns, written)
        for zone, locale in (("<-0330>3:30", "de_DE.UTF-8"), ("UTC", "C")):
            self.lock_file.unlink()
            self.assert_code(self.ocisync.sync(), 0)  # with a cache as without
            self.lock(TZ=zone, LC_ALL=locale, LOCPATH=locales)
            self.assertEqual(self.lock_file.read_bytes(), first)

    def test_is_not_written_when_a_chart_fails(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref("web", "1.0.0"), {"name": "gone", "ref": self.ref("gone", "1"), "required": False}])
        run = self.lock(code=3)
        self.assertIn("gone: NotFound", run.stdout)
        self.assertFalse(self.lock_file.exists())
        self.lock_file.write_text("as it was\n")
        self.lock(code=3)
        self.assertEqual(self.lock_file.read_text(), "as it was\n")
        self.push.current("1.0.0", data=b"no archive")
        self.ocisync.spec([self.ref("web", "1.0.0")])
        self.assertIn("ChartInvalid", self.lock(code=3).stdout)

    def test_check_compares_and_names_what_differs(self):
        web, _, _ = self.three()
        self.assertIn("is not in the lock file", self.lock("--check", code=4).stdout)
        self.assertFalse(self.lock_file.exists())
        self.lock()
        before = self.lock_file.read_bytes()
        self.assertIn("up to date", self.lock("--check").stdout)
        self.registry.forget()
        self.assertEqual(self.lock("--check", "-o", "json").result["differences"], [])
        moved = self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}))
        run, seen = traced(self.ocisync, self.command("--check", "-o", "json"), WRITING)
        self.assert_code(run, 4)
        self.assertEqual(writes(seen), [])
        self.assertEqual((run.result["kind"], run.result["exitCode"], run.result["written"]), ("LockResult", 4, False))
        self.assertIn(f"web: digest {web} is now {moved}", run.result["differences"])
        self.assertTrue(all(line.startswith("web: ") for line in run.result["differences"]))
        self.assertEqual(self.lock_file.read_bytes(), before)
        self.lock_file.write_bytes(before.replace(b'name: db\n      version: "1.2.0"', b'name: db\n      version: "6.6.6"'))
        self.assertIn("db: chart version 6.6.6 is now 1.2.0", self.lock("--check", code=4).stdout)
        self.ocisync.spec([self.ref("web", "1.0.0")])
        self.assertIn("zed: is not in the spec", self.lock("--check", code=4).stdout)

    def test_only_changes_one_entry_and_leaves_the_bytes_of_the_others(self):
        self.three()
        self.lock()
        before = self.lock_file.read_text().split("  - ")
        self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}))
        self.pusher(self.registry, "charts/db").current("1.3.0", name="db")
        self.registry.forget()
        self.lock("--only", "db")
        self.assertFalse([r for r in self.registry.requests() if "charts/web" in r.path])
        after = self.lock_file.read_text().split("  - ")
        self.assertEqual([before[0], *before[2:]], [after[0], *after[2:]])
        self.assertIn('tag: "1.3.0"', after[1])
        self.lock_file.unlink()
        self.assertIn("no such lock file", self.lock("--only", "db", code=2).stderr)

    def test_may_be_anywhere_and_must_be_told_where_for_a_spec_from_a_pipe(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref("web", "1.0.0")])
        spec = self.ocisync.spec_file.read_text()
        piped = [self.ocisync.binary, "lock", "--config", "-"]
        self.assertIn("--lock-file", self.assert_code(self.ocisync.run(command=piped, input=spec), 2).stderr)
        sync = [self.ocisync.binary, "--config", "-", "--locked"]
        self.assertIn("--lock-file", self.assert_code(self.ocisync.run(command=sync, input=spec), 2).stderr)
        place = self.ocisync.folder / "elsewhere"
        place.mkdir()
        self.assert_code(self.ocisync.run(command=[*piped, "--lock-file", str(place / "my.lock")], input=spec), 0)
        self.assert_code(self.ocisync.run(command=[*sync, "--lock-file", str(place / "my.lock")], input=spec), 0)
        unwritable = [*piped, "--lock-file", "/proc/my.lock"]
        run = self.assert_code(self.ocisync.run(command=unwritable, input=spec), 2)
        self.assertRegex(run.stderr, r"^ocisync: /proc/my\.lock cannot be written: .*\n$")
        # A folder of specs has its lock inside, and does not take it for a spec.
        self.ocisync.spec_file.rename(place / "charts.yaml")
        self.ocisync.spec_file = place
        self.lock()
        self.assertTrue((place / "charts.lock.yaml").exists())
        self.lock("--check")
        self.assert_code(self.ocisync.sync("--locked"), 0)

    def test_locked_publishes_the_digests_and_asks_for_no_tag(self):
        web, db, zed = self.three()
        self.lock()
        self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}))
        self.pusher(self.registry, "charts/db").current("1.9.0", name="db")
        self.registry.forget()
        run = self.assert_code(self.ocisync.sync("--locked"), 0)
        self.assertEqual({chart["name"]: chart["digest"] for chart in run.result["charts"]},
                         {"web": web, "db": db, "zed": zed})
        self.assertTrue(run.chart("db")["ref"].endswith(":1.2.0"))
        self.assertNotIn("NOTES.txt", self.ocisync.exported("web"))
        asked = self.registry.requests()
        self.assertEqual(len(asked), 9)
        for request in asked:
            self.assertEqual(request.method, "GET")
            self.assertRegex(request.path, r"/(blobs|manifests)/sha256:")
        self.registry.forget()
        run = self.assert_code(self.ocisync.sync("--locked"), 0)
        self.assertEqual({chart["state"] for chart in run.result["charts"]}, {"unchanged"})
        self.assertEqual(self.registry.requests(), [])
        # Without --locked the lock is ignored, and with it again the old revisions come back.
        self.assertNotEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["digest"], web)
        self.registry.forget()
        self.assertEqual(self.assert_code(self.ocisync.sync("--locked"), 0).chart("web")["digest"], web)
        self.assertEqual(self.registry.requests(), [])

    def test_the_plan_under_a_lock_asks_for_no_tag_either(self):
        web, _, _ = self.three()
        self.lock()
        self.assert_code(self.ocisync.sync("--locked"), 0)
        self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}))
        self.registry.forget()
        command = [self.ocisync.binary, "diff", "--config", str(self.ocisync.spec_file), "-o", "json"]
        self.assert_code(self.ocisync.run(command=[*command, "--locked"]), 0)
        self.assertEqual(self.registry.requests(), [])
        self.assertEqual(self.assert_code(self.ocisync.run(command=command), 4).chart("web")["previousDigest"], web)

    def test_a_lock_that_does_not_fit_the_spec_is_refused_before_any_contact(self):
        self.three()
        for gone in (False, True):
            self.registry.forget()
            if not gone:
                self.assertIn("no such lock file", self.assert_code(self.ocisync.sync("--locked"), 2).stderr)
        self.lock()
        self.registry.forget()
        self.ocisync.spec([self.ref("web", "2.0.0"), {"name": "db", "ref": self.ref("db"), "version": "^2"},
                           {"name": "new", "ref": self.ref("web", "1.0.0")}])
        run = self.assert_code(self.ocisync.sync("--locked"), 2)
        lines = run.stderr.strip().splitlines()
        self.assertEqual(len(lines), 3, run.stderr)
        self.assertIn("web:2.0.0", lines[0])
        self.assertIn("web:1.0.0", lines[0])
        self.assertIn("^2", lines[1])
        self.assertIn("new: is not in the lock file", lines[2])
        self.assertEqual(run.stdout, "")
        self.assertEqual(self.registry.requests(), [])
        self.assertFalse(self.ocisync.cache.exists() or self.ocisync.export.exists())

    def test_a_lock_that_is_no_lock_is_refused_in_one_line_that_says_where(self):
        self.three()
        self.lock()
        good = self.lock_file.read_text()
        digest = re.search(r"    digest: (\S+)", good)[1]
        size = re.search(r"size: (\d+)", good)[0]
        broken = {
            "<<<<<<< ours\n" + good: (":1:1: ", "merge conflict"),
            good + "=======\n": ("merge conflict",),
            good.replace("\n", "\r\n"): (":1:1: ", "carriage return"),
            good.replace("v1alpha1", "v9"): ("apiVersion", "v9", "ocisync.dev/v1alpha1"),
            good.replace("ChartLock", "ChartSync"): ("kind", "ChartSync"),
            good.replace("kind: ChartLock\n", ""): ("kind", "missing"),
            good.replace("kind: ChartLock\n", "kind: ChartLock\nkind: ChartLock\n"): ("kind",),
            good.replace("    tag:", "    tags:", 1): (":8:5: ", "charts[0].tags"),
            good.replace(size, size + "\n      colour: red"): ("charts[0].content.colour",),
            good.replace(size, "size: many"): ("charts[0].content.size", "many"),
            good.replace(size, "size: -1"): ("charts[0].content.size",),
            good.replace(size, "size: 99999999999999999999"): ("charts[0].content.size",),
            good.replace(digest, "sha256:../../etc"): ("charts[0].digest",),
            good.replace('tag: "1.2.0"', 'tag: "../../x"'): ("charts[0].tag",),
            good.replace("name: web\n    ref", "name: db\n    ref"): ("charts[1].name", "twice"),
            good.replace("charts:\n", "charts: &a\n  - *a\n"): (),
            good.replace("name: db", "name: \x1b[2J\u202edb", 1): (),
            good.replace("name: db", "name: [db]", 1): ("charts[0].name",),
            "charts: " + "[" * 200_000: (),
            "\xff\xfe": (),
            "": ("not a lock file",),
            "just text": ("not a lock file",),
        }
        self.registry.forget()
        for text, words in broken.items():
            with self.subTest(text=text[:60], words=words):
                self.assertNotEqual(text, good)
                self.lock_file.write_bytes(text.encode("latin-1" if text == "\xff\xfe" else "utf-8"))
                run = self.assert_code(self.ocisync.sync("--locked"), 2)
                self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)
                self.assertFalse(re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", run.stderr))
                for word in ("charts.lock.yaml", "ocisync lock", *words):
                    self.assertIn(word, run.stderr)
        self.assertEqual(self.registry.requests(), [])
        # A new one is written over it.
        self.lock()
        self.assertEqual(self.lock_file.read_text(), good)

    def test_content_that_is_not_the_locked_one_is_refused(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref("web", "1.0.0")])
        self.lock()
        good = self.lock_file.read_text()
        content = re.search(r"content:\n      digest: (\S+)", good)[1]
        self.lock_file.write_text(good.replace(content, charts.sha256(b"other")))
        chart = self.assert_code(self.ocisync.sync("--locked"), 3).chart("web")
        self.assertEqual((chart["reason"], chart["stage"]), ("LockMismatch", "manifest"))
        self.assertIn("ocisync lock --only web", chart["hint"])
        self.assertFalse((self.ocisync.export / "web").exists())

    def test_a_locked_digest_that_the_registry_lost_fails_and_says_what_to_do(self):
        digest = self.push.current("1.0.0")
        self.ocisync.spec([self.ref("web", "1.0.0")])
        self.lock()
        self.push.delete(digest)
        self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}))
        self.registry.forget()
        chart = self.assert_code(self.ocisync.sync("--locked"), 3).chart("web")
        self.assertEqual((chart["reason"], chart["stage"]), ("NotFound", "manifest"))
        self.assertIn("ocisync lock --only web", chart["hint"])
        self.assertFalse([r for r in self.registry.requests() if r.path.endswith("/1.0.0")])

    def test_an_index_is_locked_by_its_own_digest(self):
        manifest = self.push.current("1.0.0-only")
        size = len(self.push.send("GET", f"{self.registry.url}/v2/charts/web/manifests/{manifest}",
                                  Accept=charts.MANIFEST).read())
        index = self.push.index("1.0.0", [{"mediaType": charts.MANIFEST, "digest": manifest, "size": size}])
        self.ocisync.spec([self.ref("web", "1.0.0")])
        self.lock()
        self.assertIn(f"    digest: {index}\n", self.lock_file.read_text())
        run = self.assert_code(self.ocisync.sync("--locked"), 0)
        self.assertEqual(run.chart("web")["digest"], manifest)

    def test_locked_content_is_kept_from_a_sweep(self):
        web, _, _ = self.three()
        self.lock()
        self.assert_code(self.ocisync.sync(), 0)
        spec = self.ocisync.spec_file.read_text().replace('"export": {', '"export": {"keepRevisions": 0, "keepFor": "0s", ')
        self.ocisync.spec_file.write_text(spec)
        self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}))
        self.assert_code(self.ocisync.sync(), 0)
        gc = [self.ocisync.binary, "gc", "--config", str(self.ocisync.spec_file), "--all", "-o", "json"]
        # One pass under the lock, not over the chart that moved: the lock still names its old content.
        for arguments, gone in ((("--locked", "--only", "db"), 0), (("--only", "db"), 2)):
            self.assert_code(self.ocisync.sync(*arguments), 0)
            for path in self.ocisync.cache.rglob("*"):
                os.utime(path, (1e9, 1e9), follow_symlinks=False)
            self.assertEqual(self.assert_code(self.ocisync.run(command=[*gc, "--dry-run"]), 0).result["removedBlobs"],
                             gone, arguments)
        self.assert_code(self.ocisync.sync("--locked", "--only", "db"), 0)
        self.assert_code(self.ocisync.run(command=gc), 0)
        self.registry.stop()
        self.assertEqual(self.assert_code(self.ocisync.sync("--locked"), 0).chart("web")["digest"], web)

    def test_a_lock_written_while_the_registry_is_away_stays_as_it_was(self):
        self.three()
        self.lock()
        before = self.lock_file.read_bytes()
        with FaultProxy() as proxy:
            proxy.always("GET", "/v2/", status(503))
            self.ocisync.spec([f"oci://{proxy.host}/charts/web:1.0.0"], [{"host": proxy.host, "plainHTTP": True}])
            self.assertIn("Unavailable", self.lock(code=1).stdout)
        self.assertEqual(self.lock_file.read_bytes(), before)
