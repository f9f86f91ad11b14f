"""The plan of a pass: truthful, complete, and nothing on any volume changes while it is made."""
import os
import re
import shutil

from tests.support import charts
from tests.support.case import Case
from tests.support.proxy import FaultProxy, corrupt, header, status
from tests.support.trace import WRITING, traced, writes


class Diff(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)

    def ref(self, repository="web", tag="1.0.0"):
        return f"oci://{self.registry.host}/charts/{repository}:{tag}"

    def command(self, *arguments, output="json"):
        return [self.ocisync.binary, "diff", "--config", str(self.ocisync.spec_file), "-o", output, *arguments]

    def diff(self, *arguments, code, output="json"):
        return self.assert_code(self.ocisync.run(command=self.command(*arguments, output=output)), code)

    def everything(self):
        """All there is below the test's folder, with every time but that of the last reading."""
        seen = {}
        for path in sorted(self.ocisync.folder.rglob("*")):
            state = path.lstat()
            seen[str(path)] = (state.st_ino, state.st_size, state.st_mode, state.st_mtime_ns, state.st_ctime_ns,
                               os.readlink(path) if path.is_symlink() else "")
        return seen

    def test_tells_what_a_pass_then_does(self):
        for name in ("same", "moved", "broken", "left"):
            self.pusher(self.registry, f"charts/{name}").current("1.0.0", name=name)
        self.ocisync.spec([self.ref(name) for name in ("same", "moved", "broken", "left")])
        self.assert_code(self.ocisync.sync(), 0)
        old = self.ocisync.run(command=self.command()).chart("moved")["digest"]
        new = self.pusher(self.registry, "charts/moved").current(
            "1.0.0", charts.chart_files("moved", **{"NOTES.txt": "new"}), name="moved")
        (self.ocisync.export / "broken/values.yaml").unlink()
        self.push.current("1.0.0")
        (self.ocisync.export / "theirs").mkdir()
        self.ocisync.spec([self.ref("same"), self.ref("moved"), self.ref("broken"), self.ref(),
                           {"name": "theirs", "ref": self.ref(), "required": False},
                           {"name": "gone", "ref": self.ref(tag="9.9.9"), "required": False},
                           {"name": "asleep", "ref": self.ref(tag="9.9.9"), "suspend": True}])
        plan = self.diff(code=4)
        actions = {chart["name"]: chart["action"] for chart in plan.result["charts"]}
        self.assertEqual(actions, {"same": "unchanged", "moved": "update", "broken": "repair", "web": "create",
                                   "theirs": "blocked", "gone": "blocked", "asleep": "unchanged", "left": "remove"})
        moved = plan.chart("moved")
        self.assertEqual((moved["previousDigest"], moved["digest"]), (old, new))
        self.assertIn(old, moved["why"])
        self.assertIn(new, moved["why"])
        self.assertEqual(plan.chart("theirs")["reason"], "PathConflict")
        self.assertEqual((plan.chart("gone")["reason"], plan.chart("gone")["httpStatus"]), ("NotFound", 404))
        self.assertEqual(plan.chart("asleep")["requests"], 0)
        self.assertEqual(plan.result["kind"], "SyncPlan")
        self.assertEqual(plan.result["summary"],
                         {"create": 1, "update": 1, "repair": 1, "remove": 1, "unchanged": 2, "blocked": 2})

        done = self.assert_code(self.ocisync.sync(), 0)
        meaning = {"create": "updated", "update": "updated", "repair": "repaired", "remove": "removed",
                   "blocked": "failed", "unchanged": "unchanged"}
        expected = {name: meaning[action] for name, action in actions.items()}
        expected["asleep"] = "suspended"
        self.assertEqual({chart["name"]: chart["state"] for chart in done.result["charts"]}, expected)
        for name in ("moved", "web"):
            self.assertEqual(done.chart(name)["digest"], plan.chart(name)["digest"])

    def test_the_words_on_a_terminal_line_up_and_end_with_a_summary(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref(), {"name": "gone", "ref": self.ref(tag="9.9.9"), "required": False}])
        lines = self.diff(code=4, output="text").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["CHART", "ACTION", "VERSION", "DIGEST", "TO", "FETCH", "WHY"])
        self.assertEqual(lines[1].index("create"), lines[0].index("ACTION"))
        gone = next(line for line in lines if line.startswith("gone: "))
        for word in ("NotFound", "resolve", "404", "charts/web:9.9.9"):
            self.assertIn(word, gone)
        self.assertRegex(lines[-1], r"^2 charts: 1 create, 1 blocked; .* to fetch$")

    def test_nothing_to_do_is_one_question_a_chart_and_exit_0(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref()])
        self.assert_code(self.ocisync.sync(), 0)
        self.registry.forget()
        plan = self.diff(code=0)
        self.assertEqual(plan.result["bytes"], 0)
        self.assertEqual([(r.method, r.path) for r in self.registry.requests()],
                         [("HEAD", "/v2/charts/web/manifests/1.0.0")])

    def test_writes_nothing_at_all_not_even_a_directory(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref()])
        before = self.everything()
        run, seen = traced(self.ocisync, self.command("web"), WRITING)
        self.assert_code(run, 4)
        self.assertEqual(run.chart("web")["action"], "create")
        self.assertTrue(seen)
        self.assertEqual(writes(seen), [])
        self.assertEqual(self.everything(), before)
        self.assertFalse(self.ocisync.cache.exists() or self.ocisync.export.exists())

        self.assert_code(self.ocisync.sync(), 0)
        self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}))
        (self.ocisync.export / "web/values.yaml").write_text("altered: true\n")
        # Old enough for a pass to renew it.
        for blob in (self.ocisync.cache / "blobs/sha256").iterdir():
            os.utime(blob, (1e9, 1e9))
        before = self.everything()
        for arguments in ((), ("web",)):
            run, seen = traced(self.ocisync, self.command(*arguments), WRITING)
            self.assert_code(run, 4)
            self.assertEqual(run.chart("web")["action"], "update")
            self.assertEqual(writes(seen), [])
        self.assertEqual(self.everything(), before)
        # The same eyes do see what a pass writes.
        self.assertTrue(writes(traced(self.ocisync, self.ocisync.command(), WRITING)[1]))

    def test_a_chart_that_cannot_be_planned_has_the_exit_code_of_a_pass(self):
        self.ocisync.spec([self.ref(tag="9.9.9")])
        plan = self.diff(code=3)
        self.assertEqual((plan.chart("web")["action"], plan.chart("web")["reason"]), ("blocked", "NotFound"))
        self.assert_code(self.ocisync.sync(), 3)
        self.registry.stop()
        self.assertEqual(self.diff(code=1).chart("web")["reason"], "Unavailable")
        self.ocisync.spec([{"ref": self.ref(tag="9.9.9"), "required": False}])
        self.diff(code=0)

    def test_something_in_the_way_is_seen_before_anything_was_ever_exported(self):
        digest = self.push.current("1.0.0")
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web@{digest}"])
        for obstacle in ("directory", "link", "file"):
            with self.subTest(obstacle):
                place = self.ocisync.export / "web"
                shutil.rmtree(self.ocisync.export, ignore_errors=True)
                self.ocisync.export.mkdir()
                {"directory": place.mkdir, "link": lambda: place.symlink_to("/etc"), "file": place.touch}[obstacle]()
                self.registry.forget()
                chart = self.diff(code=3).chart("web")
                self.assertEqual((chart["action"], chart["reason"]), ("blocked", "PathConflict"))
                self.assertEqual(self.registry.requests(), [])
                self.assertEqual([path.name for path in self.ocisync.export.iterdir()], ["web"])

    def test_the_bytes_to_fetch_are_those_that_a_pass_fetches(self):
        shared = charts.chart_files()
        self.push.current("1.0.0", shared, provenance=b"signed")
        self.pusher(self.registry, "charts/twin").current("1.0.0", shared)
        self.ocisync.spec([self.ref(), self.ref("twin")])
        plan = self.diff(code=4)
        self.registry.forget()
        self.assert_code(self.ocisync.sync(), 0)
        blobs = {r.path.rsplit("/", 1)[1]: r.bytes for r in self.registry.requests() if "/blobs/" in r.path}
        manifests = sum(r.bytes for r in self.registry.requests() if "/manifests/" in r.path)
        self.assertEqual(plan.result["bytes"], sum(blobs.values()) + manifests)
        # Each chart by itself counts what the other would spare it.
        self.assertGreater(sum(chart["bytes"] for chart in plan.result["charts"]), plan.result["bytes"])
        self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}), provenance=b"signed")
        plan = self.diff(code=4)
        self.registry.forget()
        done = self.assert_code(self.ocisync.sync(), 0)
        fetched = sum(r.bytes for r in self.registry.requests() if r.method == "GET")
        self.assertEqual(plan.chart("web")["bytes"], fetched)
        self.assertEqual(done.chart("web")["bytes"], fetched)

    def test_shows_which_files_change_and_how(self):
        files = charts.chart_files(**{"old.txt": "x", "kept.txt": "k", "values.yaml": "a: 1\nb: 2\nc: 3\n"})
        for export_format in ("directory", "both", "archive"):
            with self.subTest(export_format):
                self.ocisync = self.new_ocisync(export_format)
                self.push.current("1.0.0", files)
                self.ocisync.spec([self.ref()], export={"format": export_format})
                self.assert_code(self.ocisync.sync(), 0)
                changed = {**files, "values.yaml": b"a: 1\nb: two\nc: 3\n", "new.txt": b"n",
                           "Chart.yaml": files["Chart.yaml"] + b"description: new\n"}
                del changed["old.txt"]
                self.push.current("1.0.0", changed)
                shown = self.diff("web", code=4).chart("web")["files"]
                self.assertEqual((shown["added"], shown["changed"], shown["removed"]),
                                 (["new.txt"], ["Chart.yaml", "values.yaml"], ["old.txt"]))
                self.assertEqual(shown["diffs"], {
                    "Chart.yaml": "@@ -1,3 +1,4 @@\n apiVersion: v2\n name: web\n version: 1.0.0\n+description: new\n",
                    "values.yaml": "@@ -1,3 +1,3 @@\n a: 1\n-b: 2\n+b: two\n c: 3\n"})
                text = self.diff("web", code=4, output="text").stdout
                for line in ("web: 1 files added, 2 changed, 1 removed", "  + new.txt", "  ~ values.yaml", "+description: new",
                             "  - old.txt", "--- web/values.yaml (exported)", "+++ web/values.yaml (wanted)",
                             "-b: 2", "+b: two"):
                    self.assertIn(line, text.splitlines())

    def test_what_was_altered_by_hand_is_what_would_be_put_back(self):
        self.push.current("1.0.0", charts.chart_files(**{"values.yaml": "a: 1\n"}))
        for layout in ("symlink", "directory"):
            with self.subTest(layout):
                self.ocisync = self.new_ocisync(layout)
                self.ocisync.spec([self.ref()], export={"layout": layout})
                self.assert_code(self.ocisync.sync(), 0)
                (self.ocisync.export / "web/values.yaml").write_text("a: 666\n")
                (self.ocisync.export / "web/stray.txt").write_text("mine")
                chart = self.diff("web", code=4).chart("web")
                self.assertEqual(chart["action"], "repair")
                self.assertEqual(chart["files"]["removed"], ["stray.txt"])
                self.assertEqual(chart["files"]["diffs"]["values.yaml"], "@@ -1 +1 @@\n-a: 666\n+a: 1\n")
                self.assertEqual(chart["bytes"], 0)

    def test_a_chart_of_the_first_formats_is_compared_too(self):
        self.push.alpha("1.0.0")
        self.ocisync.spec([self.ref()])
        self.assert_code(self.ocisync.sync(), 0)
        self.push.alpha("1.0.0", charts.chart_files(**{"values.yaml": "other: 1\n"}))
        shown = self.diff("web", code=4).chart("web")["files"]
        self.assertEqual((shown["added"], shown["changed"], shown["removed"]), ([], ["values.yaml"], []))

    def test_named_charts_are_asked_about_alone(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref(), {"name": "gone", "ref": self.ref(tag="9.9.9")}])
        for arguments in (("web",), ("--only", "web")):
            plan = self.diff(*arguments, code=4)
            self.assertEqual([chart["name"] for chart in plan.result["charts"]], ["web"])
        self.assertIn("no chart named 'nobody'", self.diff("nobody", code=2).stderr)

    def test_altered_bytes_are_no_basis_for_a_comparison(self):
        self.push.current("1.0.0")
        with FaultProxy(self.registry) as proxy:
            proxy.always("GET", "/blobs/", corrupt)
            self.ocisync.spec([f"oci://{proxy.host}/charts/web:1.0.0"], [{"host": proxy.host, "plainHTTP": True}])
            chart = self.diff("web", code=3).chart("web")
            self.assertEqual((chart["reason"], chart["stage"]), ("DigestMismatch", "content"))

    def test_hostile_text_stays_text(self):
        name = "templates/<img src=x onerror=alert(1)>|`@all` [a](b) _c_.yaml"
        values = "x: \x1b[2J\u202e\n```\n</details>\n| @all | <script>alert(1)</script>\n````\n"
        self.push.current("1.0.0", charts.chart_files(**{name: "x", "values.yaml": values}))
        self.ocisync.spec([self.ref()])
        for output in ("text", "json", "markdown"):
            text = self.diff("web", code=4, output=output).stdout
            self.assertFalse(re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text), output)
            self.assertIn("\\x1b", text)
        outside = re.sub(r"^(`{3,})diff\n.*?^\1$", "", text, flags=re.M | re.S)
        self.assertNotIn("script", outside)  # it is inside the fence, which nothing inside closes
        self.assertEqual(outside.count("</details>"), 1)
        self.assertNotIn("<img", outside)
        self.assertNotIn("@all", outside)
        self.assertNotIn("](", outside)
        for line in outside.splitlines():
            if line.startswith("| "):
                self.assertEqual(line.count("|"), 7, line)

    def test_the_markdown_is_a_table_with_old_and_new(self):
        old = self.push.current("1.0.0")
        self.ocisync.spec([self.ref()])
        self.assert_code(self.ocisync.sync(), 0)
        new = self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}))
        text = self.diff("web", code=4, output="markdown").stdout
        row = next(line for line in text.splitlines() if line.startswith("| <code>web"))
        self.assertIn("| update |", row)
        self.assertIn(old[7:19], row)
        self.assertIn(new[7:19], row)
        self.assertIn("- added <code>NOTES&#46;txt</code>", text)

    def test_an_unreliable_digest_header_changes_no_plan(self):
        self.push.current("1.0.0")
        with FaultProxy(self.registry) as proxy:
            self.ocisync.spec([f"oci://{proxy.host}/charts/web:1.0.0"], [{"host": proxy.host, "plainHTTP": True}])
            self.assert_code(self.ocisync.sync(), 0)
            proxy.always("HEAD", "/manifests/", header("Docker-Content-Digest", None))
            self.assertEqual(self.diff(code=0).chart("web")["action"], "unchanged")

    def test_time_runs_out_for_a_plan_too(self):
        with FaultProxy() as proxy:
            proxy.always("GET", "/manifests/", status(503, Retry_After="1"))
            self.ocisync.spec([f"oci://{proxy.host}/charts/web:1.0.0"], [{"host": proxy.host, "plainHTTP": True}])
            self.assertIn(self.diff("--timeout", "1ms", code=1).chart("web")["reason"], ("TimedOut", "RateLimited",
                                                                                        "Unavailable"))
            self.assertIn("--timeout", self.diff("--timeout", "0s", code=2).stderr)
