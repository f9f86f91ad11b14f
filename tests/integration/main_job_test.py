"""The main job: charts pushed by the real helm become directories, and stay untouched when nothing moved."""
import os
import subprocess

from tests.support import charts
from tests.support.case import Case


class MainJob(Case):
    def test_exports_what_helm_pushed_as_helm_itself_would_untar_it(self):
        registry = self.start_registry()
        for major in (3, 4):
            with self.subTest(helm=major):
                helm = charts.Helm(self.folder / f"helm{major}", major)
                name = f"web{major}"
                package = helm.package(charts.chart_files(name, "1.2.3"), name)
                helm.push(package, registry)
                ocisync = self.new_ocisync(name).spec([f"oci://{registry.host}/charts/{name}:1.2.3"])
                run = self.assert_code(ocisync.sync(), 0)
                self.assertEqual(run.chart(name)["state"], "updated")
                self.assertEqual(run.chart(name)["version"], "1.2.3")
                oracle = charts.Helm(self.folder / "oracle", 4)
                oracle.pull(f"{registry.host}/charts/{name}", "1.2.3", self.folder / "oracle")
                done = subprocess.run(["diff", "-r", self.folder / "oracle" / name, ocisync.export / name],
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_exports_the_archive_that_helm_pulls(self):
        registry = self.start_registry()
        helm = charts.Helm(self.folder / "helm")
        helm.push(helm.package(charts.chart_files("web", "1.2.3")), registry)
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.2.3"], export={"format": "archive"})
        self.assert_code(self.ocisync.sync(), 0)
        (self.folder / "oracle").mkdir()
        helm.run("pull", f"oci://{registry.host}/charts/web", "--version", "1.2.3", "-d", self.folder / "oracle", *helm.plain())
        self.assertEqual(self.ocisync.exported(),
                         {"web-1.2.3.tgz": (self.folder / "oracle/web-1.2.3.tgz").read_bytes()})

    def test_one_archive_pushed_by_either_helm_is_one_blob_named_by_its_digest(self):
        registry = self.start_registry()
        helms = [charts.Helm(self.folder / f"helm{major}", major) for major in (3, 4)]
        package = helms[0].package(charts.chart_files(), "web")
        for helm in helms:
            helm.push(package, registry, f"team{helm.major}")
        self.ocisync.spec([{"name": f"web{major}", "ref": f"oci://{registry.host}/team{major}/web:1.0.0"}
                           for major in (3, 4)])
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertNotEqual(run.chart("web3")["digest"], run.chart("web4")["digest"], "two manifests")
        data = package.read_bytes()
        blobs = [path.name for path in (self.ocisync.cache / "blobs/sha256").iterdir() if path.read_bytes() == data]
        self.assertEqual(blobs, [charts.sha256(data)[7:]])
        self.assertEqual(self.ocisync.exported("web3"), self.ocisync.exported("web4"))

    def test_three_requests_a_chart_cold_and_one_head_when_nothing_changed(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.pusher(registry, "charts/db").current("2.0.0", name="db")
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0", f"oci://{registry.host}/charts/db:2.0.0"])
        registry.forget()
        run = self.assert_code(self.ocisync.sync(), 0)
        requests = registry.requests()
        self.assertEqual(sorted(r.method for r in requests), ["GET"] * 6, requests)
        self.assertEqual(sum("/manifests/" in r.path for r in requests), 2)
        self.assertEqual([chart["requests"] for chart in run.result["charts"]], [3, 3])
        self.assertEqual(self.ocisync.exported(), charts.chart_files("web", "1.0.0"))

        before = self.ocisync.snapshot()
        registry.forget()
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(sorted((r.method, r.path) for r in registry.requests()),
                         [("HEAD", "/v2/charts/db/manifests/2.0.0"), ("HEAD", "/v2/charts/web/manifests/1.0.0")])
        self.assertEqual({chart["state"] for chart in run.result["charts"]}, {"unchanged"})
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_a_moved_tag_is_followed_and_back_again_from_the_cache(self):
        registry = self.start_registry()
        pusher = self.pusher(registry)
        first = pusher.current("1.0.0")
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0"])
        self.assert_code(self.ocisync.sync(), 0)
        second = pusher.current("1.0.0", charts.chart_files("web", "1.0.0", **{"NOTES.txt": "new"}))
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(run.chart("web")["digest"], second)
        self.assertEqual(run.chart("web")["previousDigest"], first)
        self.assertIn("NOTES.txt", self.ocisync.exported())
        pusher.current("1.0.0")
        registry.forget()
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(run.chart("web")["digest"], first)
        self.assertFalse([r for r in registry.requests() if "/blobs/" in r.path])
        self.assertNotIn("NOTES.txt", self.ocisync.exported())

    def test_a_digest_needs_no_request_once_it_is_cached(self):
        registry = self.start_registry()
        digest = self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://{registry.host}/charts/web@{digest}"])
        self.assert_code(self.ocisync.sync(), 0)
        registry.forget()
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["state"], "unchanged")
        self.assertEqual(registry.requests(), [])

    def test_an_immutable_tag_is_never_asked_again(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([{"ref": f"oci://{registry.host}/charts/web:1.0.0", "immutable": True}])
        self.assert_code(self.ocisync.sync(), 0)
        registry.forget()
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["state"], "unchanged")
        self.assertEqual(registry.requests(), [])

    def test_an_immutable_chart_stays_when_somebody_else_moves_its_tag_in_the_cache(self):
        registry = self.start_registry()
        push = self.pusher(registry)
        push.current("1.0.0")
        ref = f"{registry.host}/charts/web:1.0.0"
        self.ocisync.spec([{"ref": f"oci://{ref}", "immutable": True}])
        before = self.assert_code(self.ocisync.sync(), 0).chart("web")["digest"]
        push.current("1.0.0", version="1.0.1")
        self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "chart", "pull", ref, "--plain-http",
                                                   "--cache", self.ocisync.cache]), 0)
        chart = self.assert_code(self.ocisync.sync(), 0).chart("web")
        self.assertEqual((chart["state"], chart["digest"]), ("unchanged", before))

    def test_a_full_cache_fills_an_empty_export_without_a_blob_request(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0"])
        self.assert_code(self.ocisync.sync(), 0)
        subprocess.run(["rm", "-rf", self.ocisync.export], check=True)
        registry.forget()
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["state"], "updated")
        self.assertEqual([r.method for r in registry.requests()], ["HEAD"])
        self.assertEqual(self.ocisync.exported(), charts.chart_files("web", "1.0.0"))

    def test_the_link_is_relative_and_names_the_digest(self):
        registry = self.start_registry()
        digest = self.pusher(registry).current("1.0.0")
        self.ocisync.spec([{"ref": f"oci://{registry.host}/charts/web:1.0.0", "export": {"path": "team-a/web"}}])
        self.assert_code(self.ocisync.sync(), 0)
        target = os.readlink(self.ocisync.export / "team-a/web")
        self.assertEqual(target, f"../.ocisync/trees/directory/{digest.replace(':', '-')}")
        moved = self.folder / "mounted-elsewhere"
        self.ocisync.export.rename(moved)
        self.assertEqual((moved / "team-a/web/values.yaml").read_bytes(), charts.chart_files()["values.yaml"])

    def test_one_bad_chart_fails_alone_with_one_line_that_says_all(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0",
                           {"name": "gone", "ref": f"oci://{registry.host}/charts/web:9.9.9"}])
        run = self.assert_code(self.ocisync.sync(), 3)
        self.assertEqual(run.chart("web")["state"], "updated")
        gone = run.chart("gone")
        self.assertEqual((gone["state"], gone["reason"], gone["stage"], gone["httpStatus"]),
                         ("failed", "NotFound", "resolve", 404))
        self.assertIn("9.9.9", gone["ref"])
        self.assertNotIn("\n", gone["message"])
        run = self.ocisync.run(command=[word for word in self.ocisync.command() if word not in ("-o", "json")])
        line = next(line for line in run.stdout.splitlines() if line.startswith("gone:"))
        for word in ("NotFound", "resolve", "404", "charts/web:9.9.9"):
            self.assertIn(word, line)

    def test_spec_errors_are_all_reported_before_any_contact(self):
        registry = self.start_registry()
        registry.forget()
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0", {"ref": "oci://UPPER/Case:1"},
                           {"ref": f"oci://{registry.host}/charts/web", "versoin": "1"}], interval="soon")
        run = self.assert_code(self.ocisync.sync(), 2)
        for word in ("versoin", "version", "interval", "charts[1].ref"):
            self.assertIn(word, run.stderr)
        self.assertEqual(run.stdout, "")
        self.assertEqual(registry.requests(), [])
        self.assertFalse(self.ocisync.export.exists())
        self.assertFalse(self.ocisync.cache.exists())
