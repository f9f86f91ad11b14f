"""Which tag a version means: literal tags, ranges, build metadata, pagination."""
import json

from tests.support import charts
from tests.support.case import Case
from tests.support.proxy import FaultProxy, status

TAGS = ["0.0.0", "0.0.5", "0.1.0", "0.2.0", "1.0.0", "1.2.3", "1.2.9", "1.3.0", "2.0.0-rc.1", "2.0.0",
        "2.5.0-beta.2", "3.0.0-alpha"]


class Versions(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)

    def resolve(self, version, code=0, host=None, **chart):
        entry = {"ref": f"oci://{host or self.registry.host}/charts/web", **chart}
        if version is not None:
            entry["version"] = version
        registries = [{"host": host, "plainHTTP": True}] if host else []
        self.ocisync.spec([entry], registries)
        return self.assert_code(self.ocisync.sync(), code).chart("web")

    def test_ranges_choose_what_helm_chooses(self):
        for tag in TAGS:
            self.push.current(tag)
        for decoy in ("latest", "v9.9.9", "sha256-abc.sig", "9.9", "09.1.2"):
            self.push.current(decoy, version="9.9.9")
        vectors = {"*": "2.0.0", "^*": "0.0.0", "^0": "0.2.0", "~0.0.1": "0.0.5", "<1.3": "1.2.9",
                   ">=1.0.0-0 <2.5.0": "2.5.0-beta.2", ">=2.1-0": "3.0.0-alpha", "1.2.3 - 2": "2.0.0",
                   "!=2.x": "1.3.0", "1.x.x": "1.3.0", "=v1.2.3": "1.2.3", "^2-0": "2.5.0-beta.2"}
        for version, expected in vectors.items():
            with self.subTest(version=version):
                self.assertEqual(self.resolve(version)["version"], expected)
        self.assertEqual(self.resolve(None)["version"], "2.0.0")
        self.assertEqual(self.resolve(">=9", 3)["reason"], "NoMatchingVersion")
        self.assertEqual(self.resolve("*", tagFilter=r"1\.2\..*")["version"], "1.2.9")

    def test_prereleases_alone_are_no_version_unless_the_range_takes_them(self):
        self.push.current("1.0.0-rc.1")
        self.push.current("1.0.0-rc.2")
        for version in (None, "*"):
            self.assertEqual(self.resolve(version, 3)["reason"], "NoMatchingVersion")
        self.assertEqual(self.resolve(">=0-0")["version"], "1.0.0-rc.2")

    def test_a_complete_version_is_a_tag_and_needs_no_tag_list(self):
        self.push.current("1.2.3")
        self.registry.forget()
        self.assertEqual(self.resolve("1.2.3")["requests"], 3)
        self.assertFalse([r for r in self.registry.requests() if "tags/list" in r.path])
        with FaultProxy(self.registry) as proxy:
            proxy.always("GET", "tags/list", status(403))
            self.resolve("1.2.3", host=proxy.host)
            self.assertEqual(self.resolve("^1", 3, host=proxy.host)["reason"], "Unauthorized")

    def test_build_metadata_is_an_underscore_in_the_tag(self):
        self.push.current("1.2.3_build.1", charts.chart_files("web", "1.2.3+build.1"), version="1.2.3+build.1")
        for tag in ("1.2.3_build.1", "1.2.3+build.1"):
            self.ocisync.spec([f"oci://{self.registry.host}/charts/web:{tag}"])
            self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["version"], "1.2.3+build.1")
        self.assertEqual(self.resolve("1.2.3+build.1")["version"], "1.2.3+build.1")
        self.assertEqual(self.resolve("^1")["version"], "1.2.3+build.1")

    def test_a_tag_list_in_pages_is_read_to_the_end(self):
        for tag in TAGS:
            self.push.current(tag)

        with FaultProxy(self.registry) as proxy:
            pages = [TAGS[:5], TAGS[5:9], TAGS[9:]]

            def page(number):
                link = {"Link": f'</v2/charts/web/tags/list?last=p{number + 1}&n=5>; rel="next"'} if number < 2 else {}
                return status(200, json.dumps({"name": "charts/web", "tags": pages[number]}).encode(),
                              Content_Type="application/json", **link)

            proxy.always("GET", r"tags/list\?last=p1", page(1))
            proxy.always("GET", r"tags/list\?last=p2", page(2))
            proxy.always("GET", r"tags/list", page(0))
            self.assertEqual(self.resolve("*", host=proxy.host)["version"], "2.0.0")
            self.assertEqual(proxy.count("GET", "tags/list"), 3)

    def test_a_digest_beside_a_tag_decides_and_a_moved_tag_is_a_warning(self):
        first = self.push.current("1.0.0")
        self.push.current("1.0.0", charts.chart_files("web", "1.0.0", **{"new": "new"}))
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0@{first}"])
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(run.chart("web")["digest"], first)
        self.assertIn("TagMoved", [event["event"] for event in run.events()])
        self.registry.forget()
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual([r.method for r in self.registry.requests()], ["HEAD"])
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:absent@{first}"])
        self.assertEqual([event["event"] for event in self.assert_code(self.ocisync.sync(), 0).events()
                          if event["level"] == "warning"], [])
        with FaultProxy(self.registry) as proxy:
            proxy.always("HEAD", "/manifests/", status(503))
            self.ocisync.spec([f"oci://{proxy.host}/charts/web:1.0.0@{first}"])
            self.assertIn("TagUnchecked", [event["event"] for event in self.assert_code(self.ocisync.sync(), 0).events()])
