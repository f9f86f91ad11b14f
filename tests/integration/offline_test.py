"""Runs that need no registry, or no export: --offline opens no socket, --no-export fills the cache alone."""
import os
import shutil
import subprocess

from tests.support import charts
from tests.support.case import Case
from tests.support.trace import traced


class Offline(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)

    def ref(self, tag=None):
        return f"oci://{self.registry.host}/charts/web" + (f":{tag}" if tag else "")

    def fill_and_leave(self, *tags, **chart):
        """The cache holds these tags, the export nothing, and nobody answers."""
        digests = [self.push.current(tag) for tag in tags]
        self.ocisync.spec([{"name": f"v{i}", "ref": self.ref(tag), **chart} for i, tag in enumerate(tags)])
        self.assert_code(self.ocisync.sync(), 0)
        shutil.rmtree(self.ocisync.export)
        self.registry.stop()
        return digests

    def test_opens_no_socket_whatever_is_asked(self):
        digests = self.fill_and_leave("1.0.0", "1.1.0")
        cached = [{"name": "tag", "ref": self.ref("1.0.0")}, {"name": "range", "ref": self.ref(), "version": "^1"},
                  {"name": "both", "ref": f"{self.ref('1.0.0')}@{digests[0]}"}]
        missing = {"name": "gone", "ref": self.ref("9.9.9")}
        # In this order: the lock is there once `lock` has written it.
        for entries, *commands in ((cached, ("diff", 4), ("sync", 0), ("lock", 0), ("sync --locked", 0)),
                                   (cached + [{**missing, "required": False}], ("sync", 0)),
                                   (cached + [missing], ("diff", 3), ("sync", 3), ("lock", 3))):
            self.ocisync.spec(entries)
            for words, code in commands:
                with self.subTest(words, charts=len(entries), code=code):
                    command = [self.ocisync.binary, *words.split(), "-c", str(self.ocisync.spec_file), "--offline"]
                    run, seen = traced(self.ocisync, command, "network,execve")
                    self.assert_code(run, code)
                    self.assertEqual([call for call in seen if call[0] != "execve"], [], run.stderr)
                    self.assertEqual(len(seen), 1)  # itself: nobody was started to ask in its place
        # The same eyes do see a socket.
        command = [self.ocisync.binary, "diff", "--config", str(self.ocisync.spec_file)]
        self.assertIn("socket", [name for name, _ in traced(self.ocisync, command, "network")[1]])

    def test_tags_and_ranges_resolve_among_what_is_cached(self):
        digests = self.fill_and_leave("1.0.0", "1.1.0", "2.0.0-rc.1")
        cases = {"1.0.0": digests[0], "^1": digests[1], ">=2-0": digests[2], "": digests[1]}
        for version, digest in cases.items():
            with self.subTest(version):
                self.ocisync.spec([{"ref": self.ref(), **({"version": version} if version else {})}])
                run = self.assert_code(self.ocisync.sync("--offline"), 0)
                self.assertEqual((run.chart("web")["digest"], run.chart("web")["requests"]), (digest, 0))
        self.ocisync.spec([{"ref": self.ref(), "version": "^1", "tagFilter": r"1\.0\..*"}])
        self.assertEqual(self.assert_code(self.ocisync.sync("--offline"), 0).chart("web")["digest"], digests[0])
        self.assertEqual(self.ocisync.exported(), charts.chart_files("web", "1.0.0"))

    def test_what_is_missing_is_named(self):
        digests = self.fill_and_leave("1.0.0")
        unknown = charts.sha256(b"unknown")
        for entry, missing in (({"ref": self.ref("9.9.9")}, "charts/web:9.9.9"),
                               ({"ref": self.ref(), "version": "^7"}, "^7"),
                               ({"ref": f"{self.ref()}@{unknown}"}, unknown)):
            with self.subTest(missing):
                self.ocisync.spec([entry])
                chart = self.assert_code(self.ocisync.sync("--offline"), 3).chart("web")
                self.assertEqual((chart["state"], chart["reason"], chart["attempts"]), ("failed", "OfflineMiss", 1))
                self.assertIn(missing, chart["message"])
                self.assertIn("not in the cache", chart["message"])
        self.ocisync.spec([self.ref("1.0.0")])
        blob = self.ocisync.cache / "blobs/sha256" / charts.sha256(charts.archive(charts.chart_files())).split(":")[1]
        blob.write_bytes(b"damaged" + blob.read_bytes()[7:])
        chart = self.assert_code(self.ocisync.sync("--offline"), 3).chart("web")
        self.assertEqual((chart["reason"], chart["stage"]), ("OfflineMiss", "content"))
        self.assertIn(blob.name, chart["message"])
        self.assertEqual(len(digests), 1)

    def test_what_is_exported_stays_when_it_cannot_be_had_again(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref("1.0.0")])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(self.assert_code(self.ocisync.sync("--offline"), 0).chart("web")["state"], "unchanged")
        self.ocisync.spec([self.ref("2.0.0")])
        self.assert_code(self.ocisync.sync("--offline"), 3)
        self.assertEqual(self.ocisync.exported(), charts.chart_files("web", "1.0.0"))

    def test_a_lock_decides_offline_too(self):
        digests = self.fill_and_leave("1.0.0", "1.1.0")
        self.registry.start()
        self.ocisync.spec([{"ref": self.ref(), "version": "~1.0"}])
        lock = [self.ocisync.binary, "lock", "--config", str(self.ocisync.spec_file)]
        self.assert_code(self.ocisync.run(command=lock), 0)
        self.registry.stop()
        self.assertEqual(self.assert_code(self.ocisync.sync("--offline", "--locked"), 0).chart("web")["digest"],
                         digests[0])
        shutil.rmtree(self.ocisync.cache)
        chart = self.assert_code(self.ocisync.sync("--offline", "--locked"), 0).chart("web")
        self.assertEqual(chart["state"], "unchanged")
        shutil.rmtree(self.ocisync.export)
        chart = self.assert_code(self.ocisync.sync("--offline", "--locked"), 3).chart("web")
        self.assertEqual(chart["reason"], "OfflineMiss")
        self.assertIn(digests[0], chart["message"])

    def on_a_read_only_cache(self, *arguments):
        script = ('cache=$1; shift; mount --bind "$cache" "$cache" && mount -o remount,bind,ro "$cache" && exec "$@"')
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        return self.ocisync.run(command=["unshare", "--mount", *user, "sh", "-c", script, "sh", str(self.ocisync.cache),
                                         *self.ocisync.command(*arguments)])

    def test_a_cache_that_may_only_be_read_is_enough(self):
        digests = self.fill_and_leave("1.0.0", "1.1.0")
        self.registry.start()
        self.ocisync.spec([{"ref": self.ref(), "version": "^1"}])
        lock = [self.ocisync.binary, "lock", "--config", str(self.ocisync.spec_file)]
        self.assert_code(self.ocisync.run(command=lock), 0)
        self.assertIn("Read-only", self.assert_code(self.on_a_read_only_cache(), 2).stderr)
        self.registry.stop()
        before = {path: path.lstat().st_mtime_ns for path in self.ocisync.cache.rglob("*")}
        for arguments in (("--offline", "--locked"), ("--offline",), ("--offline", "--no-export")):
            with self.subTest(arguments):
                shutil.rmtree(self.ocisync.export, ignore_errors=True)
                run = self.assert_code(self.on_a_read_only_cache(*arguments), 0)
                self.assertEqual((run.chart("web")["digest"], run.events()[1:]), (digests[1], []), run.stderr)
        self.assert_code(self.on_a_read_only_cache("--offline"), 0)
        self.assertEqual(self.ocisync.exported(), charts.chart_files("web", "1.1.0"))
        self.assertEqual({path: path.lstat().st_mtime_ns for path in self.ocisync.cache.rglob("*")}, before)
        content = charts.sha256(charts.archive(charts.chart_files("web", "1.0.0")))
        (self.ocisync.cache / "blobs/sha256" / content.removeprefix("sha256:")).unlink()
        self.ocisync.spec([self.ref("1.0.0")])
        chart = self.assert_code(self.on_a_read_only_cache("--offline"), 3).chart("web")
        self.assertEqual(chart["reason"], "OfflineMiss")

    def test_no_export_fills_the_cache_and_nothing_else(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref("1.0.0")])
        run = self.assert_code(self.ocisync.sync("--no-export"), 0)
        chart = run.chart("web")
        self.assertEqual((chart["state"], chart["version"], chart["requests"]), ("updated", "1.0.0", 3))
        self.assertNotIn("exportPath", chart)
        self.assertFalse(self.ocisync.export.exists())
        self.registry.forget()
        chart = self.assert_code(self.ocisync.sync("--no-export"), 0).chart("web")
        self.assertEqual((chart["state"], chart["version"]), ("unchanged", "1.0.0"))
        self.assertEqual([r.method for r in self.registry.requests()], ["HEAD"])
        self.registry.stop()
        self.assert_code(self.ocisync.sync("--offline"), 0)
        self.assertEqual(self.ocisync.exported(), charts.chart_files("web", "1.0.0"))
        self.assertEqual(self.assert_code(self.ocisync.sync("--offline", "--no-export"), 0).chart("web")["state"],
                         "unchanged")

    def test_no_export_needs_no_export_path_and_agrees_with_no_other(self):
        self.push.current("1.0.0")
        self.ocisync.spec([self.ref("1.0.0")])
        text = self.ocisync.spec_file.read_text().replace(f'"path": "{self.ocisync.export}"', "")
        self.assertIn("no export directory", self.assert_code(self.piped(text), 2).stderr)
        self.assertFalse(self.ocisync.cache.exists())
        self.assert_code(self.piped(text, "--no-export"), 0)
        for flag in ("--export", "--status-file"):
            self.assertIn("--no-export", self.assert_code(self.piped(text, "--no-export", flag, "x"), 2).stderr)

    def piped(self, spec, *arguments):
        return self.ocisync.run(command=[self.ocisync.binary, "--config", "-", *arguments], input=spec)

    def test_no_export_refuses_what_could_not_be_exported(self):
        self.push.current("1.0.0", data=b"no archive")
        self.ocisync.spec([self.ref("1.0.0")])
        chart = self.assert_code(self.ocisync.sync("--no-export"), 3).chart("web")
        self.assertEqual((chart["reason"], chart["stage"]), ("ChartInvalid", "unpack"))

    def test_what_was_only_pulled_is_kept_from_a_sweep(self):
        self.push.current("1.0.0")
        self.ocisync.spec([{"ref": self.ref(), "version": "^1"}])
        self.assert_code(self.ocisync.sync("--no-export"), 0)
        subprocess.run(["find", self.ocisync.cache, "-exec", "touch", "-h", "-d", "@1000000000", "{}", "+"], check=True)
        gc = [self.ocisync.binary, "gc", "--config", str(self.ocisync.spec_file), "--all", "-o", "json"]
        self.assertEqual(self.assert_code(self.ocisync.run(command=gc), 0).result["removedBlobs"], 0)
