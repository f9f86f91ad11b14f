"""gc removes what nothing names, cache check finds and mends damage."""
import json
import os
import time

from tests.support import charts
from tests.support.case import Case


class Housekeeping(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)
        self.ref = f"oci://{self.registry.host}/charts/web:1.0.0"
        self.digests = []
        for number in range(3):
            self.digests.append(self.push.current("1.0.0", charts.chart_files("web", "1.0.0", n=str(number))))
            self.ocisync.spec([self.ref], export={"keepRevisions": 1, "keepFor": "0s"})
            self.assert_code(self.ocisync.sync(), 0)

    def command(self, *arguments):
        return self.ocisync.run(command=[self.ocisync.binary, *arguments, "-c", str(self.ocisync.spec_file),
                                         "-o", "json"])

    def blobs(self):
        return {file.name for file in (self.ocisync.cache / "blobs/sha256").iterdir()}

    def make_old(self, hours):
        then = time.time() - hours * 3600
        for file in (self.ocisync.cache / "blobs/sha256").iterdir():
            os.utime(file, (then, then))

    def test_gc_removes_what_nothing_names_once_it_is_old_enough(self):
        before = self.blobs()
        self.assertEqual(self.assert_code(self.command("gc"), 0).result["removedBlobs"], 0)
        self.make_old(2)
        self.assertEqual(self.assert_code(self.command("gc"), 0).result["removedBlobs"], 0)
        dry = self.assert_code(self.command("gc", "--all", "--dry-run"), 0).result
        self.assertEqual(self.blobs(), before)
        real = self.assert_code(self.command("gc", "--all"), 0).result
        self.assertEqual(dry["removedBlobs"], real["removedBlobs"])
        self.assertEqual(len(before) - len(self.blobs()), real["removedBlobs"])
        self.assertNotIn(self.digests[0][7:], self.blobs())
        for kept in self.digests[1:]:
            self.assertIn(kept[7:], self.blobs())

    def test_gc_takes_old_unnamed_content_without_being_pressed(self):
        self.make_old(25)
        self.assert_code(self.command("gc"), 0)
        self.assertNotIn(self.digests[0][7:], self.blobs())
        self.assertIn(self.digests[-1][7:], self.blobs())
        self.registry.forget()
        self.assertEqual(self.assert_code(self.ocisync.sync(), 0).chart("web")["state"], "unchanged")
        self.assertEqual([r.method for r in self.registry.requests()], ["HEAD"])

    def test_roots_that_cannot_be_read_keep_everything_and_are_told_of(self):
        [roots] = (self.ocisync.cache / ".ocisync/roots").glob("*.json")
        (roots.parent / "other.json").write_text("half a docu")
        before = self.blobs()
        self.make_old(25)
        run = self.assert_code(self.command("gc", "--all"), 0)
        self.assertEqual(self.blobs(), before)
        self.assertEqual([(event["event"], event["owner"]) for event in run.events()], [("RootsUnreadable", "other")])

    def test_a_range_that_cannot_be_asked_about_keeps_what_it_chose(self):
        self.ocisync.spec([{"name": "web", "ref": f"oci://{self.registry.host}/charts/web", "version": "^1"}])
        self.assert_code(self.ocisync.run("--no-export"), 0)
        self.registry.stop()
        self.assert_code(self.ocisync.run("--no-export", "--timeout", "1s"), 1)
        self.make_old(25)
        self.assert_code(self.command("gc", "--all"), 0)
        self.assert_code(self.ocisync.run("--no-export", "--offline"), 0)

    def test_cache_check_names_damage_and_repair_fetches_it_again(self):
        self.assertEqual(self.assert_code(self.command("cache", "check"), 0).result["damaged"], [])
        manifest = self.ocisync.cache / "blobs/sha256" / self.digests[-1][7:]
        document = json.loads(manifest.read_bytes())
        content = self.ocisync.cache / "blobs/sha256" / document["layers"][0]["digest"][7:]
        for blob in (manifest, content):
            data = blob.read_bytes()
            blob.unlink()
            blob.write_bytes(data[:-1] + b"?")
        found = self.assert_code(self.command("cache", "check"), 1).result["damaged"]
        self.assertEqual({entry["digest"][7:] for entry in found}, {manifest.name, content.name})
        self.assertTrue(all(self.ref[6:] in entry["references"] for entry in found), found)
        repaired = self.assert_code(self.command("cache", "check", "--repair"), 0).result["damaged"]
        self.assertTrue(all(entry["repaired"] for entry in repaired), repaired)
        self.assertEqual(charts.sha256(content.read_bytes()), document["layers"][0]["digest"])
        self.assertEqual(self.assert_code(self.command("cache", "check"), 0).result["damaged"], [])

    def test_what_a_pass_supersedes_is_swept_when_it_is_too_much(self):
        self.make_old(2)
        self.push.current("1.0.0", charts.chart_files("web", "1.0.0", n="last"))
        self.ocisync.spec([self.ref], export={"keepRevisions": 0, "keepFor": "0s"},
                          cache={"path": str(self.ocisync.cache), "maxSize": "1Ki"})
        self.assert_code(self.ocisync.sync(), 0)
        for gone in self.digests:
            self.assertNotIn(gone[7:], self.blobs())
