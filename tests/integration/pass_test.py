"""One pass over many charts: which are worked on, what the exit code says, what is printed where."""
import json

from tests.support import charts
from tests.support.case import Case
from tests.support.proxy import FaultProxy, delay, status


class Pass(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)

    def ref(self, tag="1.0.0", repository="web", host=None):
        return f"oci://{host or self.registry.host}/charts/{repository}:{tag}"

    def states(self, run):
        return {chart["name"]: chart["state"] for chart in run.result["charts"]}

    def test_three_charts_on_empty_volumes_are_exported_and_told_of(self):
        for name in ("web", "db", "mail"):
            self.pusher(self.registry, f"charts/{name}").current("1.0.0", name=name)
        self.ocisync.spec([self.ref(repository=name) for name in ("web", "db", "mail")])
        command = [self.ocisync.binary, "--config", str(self.ocisync.spec_file)]
        run = self.assert_code(self.ocisync.run(command=command), 0)
        for name in ("web", "db", "mail"):
            self.assertEqual(self.ocisync.exported(name), charts.chart_files(name))
        self.assertEqual(sorted((event["chart"], event["msg"]) for event in run.events()
                                if event["event"] == "ChartUpdated"),
                         [(name, "there was no export yet") for name in ("db", "mail", "web")])
        self.assertRegex(run.stdout.splitlines()[-1], r"^3 charts: 3 updated in ")
        run = self.assert_code(self.ocisync.run(command=command), 0)
        self.assertEqual(run.events(), [])
        self.assertRegex(run.stdout.splitlines()[-1], r"^3 charts: 3 unchanged in ")

    def test_json_is_all_there_is_on_stdout_and_every_log_line_is_json(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref(), {"name": "gone", "ref": self.ref("9.9.9")}])
        run = self.assert_code(self.ocisync.sync(), 3)
        self.assertEqual((run.result["kind"], run.result["exitCode"]), ("SyncResult", 3))
        lines = run.stderr.splitlines()
        self.assertEqual(len([json.loads(line) for line in lines]), len(lines))
        self.assertTrue(lines)

    def test_the_exit_code_says_whether_trying_again_may_help(self):
        with FaultProxy(self.registry) as proxy:
            proxy.always("GET", "/charts/closed/", status(401))
            proxy.always("GET", "/charts/down/", status(503))
            plain = [{"host": proxy.host, "plainHTTP": True}]

            def code(expected, *repositories):
                self.ocisync.spec([{"name": f"{i}", "ref": self.ref(repository=repository, host=proxy.host)}
                                   for i, repository in enumerate(repositories)], plain)
                run = self.assert_code(self.ocisync.run("--timeout", "1s"), expected)
                return [chart["reason"] for chart in run.result["charts"]]

            self.assertEqual(code(3, "gone", "gone", "gone"), ["NotFound"] * 3)
            self.assertEqual(code(3, "closed", "closed"), ["Unauthorized"] * 2)
            self.assertEqual(code(3, "closed", "gone"), ["Unauthorized", "NotFound"])
            self.assertEqual(code(1, "closed", "down", "gone"), ["Unauthorized", "Unavailable", "NotFound"])

    def test_a_tag_list_that_fails_and_a_range_that_matches_nothing_fail_that_chart_alone(self):
        self.push.current("1.0.0")
        with FaultProxy(self.registry) as proxy:
            proxy.always("GET", "/charts/closed/tags/list", status(403))
            base = f"oci://{proxy.host}/charts"
            self.ocisync.spec([{"name": "closed", "ref": f"{base}/closed", "version": "^1"},
                               {"name": "none", "ref": f"{base}/web", "version": "^7"},
                               {"name": "filtered", "ref": f"{base}/web", "version": "*", "tagFilter": "v.*"},
                               {"name": "fine", "ref": f"{base}/web", "version": "*"}],
                              [{"host": proxy.host, "plainHTTP": True}])
            run = self.assert_code(self.ocisync.sync(), 3)
        self.assertEqual([(chart["state"], chart.get("reason"), chart.get("stage")) for chart in run.result["charts"]],
                         [("failed", "Unauthorized", "resolve"), ("failed", "NoMatchingVersion", "resolve"),
                          ("failed", "NoMatchingVersion", "resolve"), ("updated", None, None)])
        self.ocisync.spec([{"ref": f"{base}/web", "version": "^^1"}])
        self.assertIn("version", self.assert_code(self.ocisync.sync(), 2).stderr)

    def test_only_the_charts_that_are_named_are_worked_on(self):
        self.push.current("1.0.0")
        self.ocisync.spec([{"name": name, "ref": self.ref()} for name in ("a", "b", "c", "left")])
        self.assert_code(self.ocisync.sync(), 0)
        self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}))
        self.ocisync.spec([*({"name": name, "ref": self.ref()} for name in ("a", "b", "c")),
                           {"name": "gone", "ref": self.ref("9.9.9")}])
        for arguments, environment in ((("--only", "a", "--only", "b"), {}), (("--only", "a,b"), {}),
                                       ((), {"OCISYNC_ONLY": "a,b"})):
            run = self.assert_code(self.ocisync.sync(*arguments, **environment), 0)
            states = self.states(run)
            self.assertEqual({name: states[name] for name in ("c", "gone")}, {"c": "skipped", "gone": "skipped"})
            self.assertNotIn("left", states)
        self.assertIn("NOTES.txt", self.ocisync.exported("a"))
        self.assertNotIn("NOTES.txt", self.ocisync.exported("c"))
        self.assertTrue((self.ocisync.export / "left").exists())
        run = self.assert_code(self.ocisync.sync("--only", "nobody"), 2)
        self.assertIn("no chart named 'nobody'", run.stderr)

    def test_fail_fast_lets_finish_what_has_begun_and_begins_nothing_more(self):
        self.push.current("1.0.0")
        with FaultProxy(self.registry) as slow:
            slow.always("GET", "/blobs/", delay(0.5))
            self.ocisync.spec([{"name": "begun", "ref": self.ref(host=slow.host)},
                               {"name": "gone", "ref": self.ref("9.9.9")},
                               *({"name": f"later{i}", "ref": self.ref()} for i in range(3))],
                              [{"host": slow.host, "plainHTTP": True}], concurrency=2)
            # One that is optional stops nobody.
            text = self.ocisync.spec_file.read_text()
            self.ocisync.spec_file.write_text(text.replace('"name": "gone",', '"name": "gone", "required": false,'))
            states = self.states(self.assert_code(self.ocisync.sync("--fail-fast", "--no-export"), 0))
            self.assertEqual(set(states.values()), {"updated", "failed", "unchanged"})
            self.ocisync.spec_file.write_text(text)
            run = self.assert_code(self.ocisync.sync("--fail-fast"), 3)
            states = self.states(run)
            self.assertEqual((states["begun"], states["gone"]), ("updated", "failed"))
            self.assertIn("skipped", {states[f"later{i}"] for i in range(3)})
            self.assertNotIn("failed", {states[f"later{i}"] for i in range(3)})

    def test_a_suspended_chart_is_left_as_it_is(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref(), {"name": "left", "ref": self.ref()}])
        self.assert_code(self.ocisync.sync(), 0)
        self.push.current("1.0.0", charts.chart_files(**{"NOTES.txt": "new"}))
        before = self.ocisync.snapshot()
        for entry, settings in (({"suspend": True}, {"export": {"prune": False}}), ({}, {"suspend": True})):
            self.registry.forget()
            self.ocisync.spec([{"ref": self.ref(), **entry}], **settings)
            run = self.assert_code(self.ocisync.sync(), 0)
            self.assertEqual((run.chart("web")["state"], run.chart("web")["version"]), ("suspended", "1.0.0"))
            self.assertEqual(len(run.result["charts"]), 1)
            self.assertEqual(self.registry.requests(), [])
            self.assertEqual(self.ocisync.snapshot(), before)
        self.ocisync.spec([{"name": "new", "ref": self.ref("9.9.9"), "suspend": True}])
        self.assert_code(self.ocisync.sync(), 0)

    def test_the_time_limit_cuts_off_what_is_under_way_and_what_never_began(self):
        self.push.current("1.0.0")
        with FaultProxy(self.registry) as proxy:
            proxy.always("GET", "/manifests/", delay(30))
            self.ocisync.spec([{"name": f"w{i}", "ref": self.ref(host=proxy.host)} for i in range(3)],
                              [{"host": proxy.host, "plainHTTP": True}], concurrency=1)
            run = self.run_out_of_time(1)
        for chart in run.result["charts"]:
            self.assertEqual((chart["state"], chart["reason"]), ("failed", "TimedOut"))
            self.assertIn("--timeout 1s", chart["message"])
