"""`ocisync status` and `ocisync probe`, asking a server or looking at a volume."""
import json
import subprocess
import threading

from tests.support.board import BoardServer
from tests.support.case import Case
from tests.support.ports import free_port


class AskingTest(Case):
    def setUp(self):
        super().setUp()
        self.server = BoardServer()
        self.addCleanup(self.server.end)
        self.server.do("want", "web", "database", "optional-cache", "suspended-one")
        self.server.do("ok", "web")
        self.server.do("fail", "database", "NotFound", "no tag \x1b[31m9.9.9")
        self.volume = self.folder / "charts"

    def ask(self, *arguments, **environment):
        return self.ocisync.run(command=[self.ocisync.binary, *map(str, arguments)], **environment)

    def leave_on_volume(self, name="platform", text=None):
        folder = self.volume / ".ocisync/status"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(self.server.get("/status") if text is None else text)

    def test_the_table_is_the_same_from_a_sidecar_and_from_its_volume(self):
        self.leave_on_volume()
        asked = self.assert_code(self.ask("status", "--url", self.server.url), 0)
        self.assertEqual(self.assert_code(self.ask("status", "--export", self.volume), 0).stdout, asked.stdout)
        lines = asked.stdout.splitlines()
        self.assertEqual(lines[0].split("  ")[0], "CHART")
        self.assertRegex(lines[1], r"^web +updated +True +1\.10\.3 +20\d\d-")
        self.assertRegex(lines[2], r"^database +failed +False +NotFound: no tag \\x1b\[31m9\.9\.9$")
        self.assertRegex(lines[4], r"^suspended-one +suspended")
        self.assertEqual(lines[5], "platform: 4 charts, 1 ready, 1 failing, 1 stalled, 1 suspended")
        wide = self.ask("status", "--url", self.server.url, "-o", "wide").stdout
        self.assertIn("oci://registry.example.com:5000/charts/web ^1.2", wide)
        self.assertIn("/charts/web", wide)

    def test_json_is_the_document_and_of_several_owners_a_list(self):
        self.leave_on_volume()
        asked = json.loads(self.ask("status", "--url", self.server.url + "/", "-o", "json").stdout)
        self.assertEqual(asked, json.loads(self.server.get("/status")))
        self.assertEqual(asked, json.loads(self.ask("status", "--export", self.volume, "-o", "json").stdout))
        self.leave_on_volume("another")
        both = json.loads(self.ask("status", "--export", self.volume, "-o", "json").stdout)
        self.assertEqual(both["kind"], "SyncStatusList")
        self.assertEqual(both["items"], [asked, asked])
        table = self.ask("status", "--export", self.volume).stdout
        self.assertEqual(table.count("platform: 4 charts"), 2)

    def test_what_cannot_be_had_is_said_in_one_line(self):
        port = free_port()
        gone = self.assert_code(self.ask("status", "--url", f"http://127.0.0.1:{port}"), 1)
        self.assertEqual(len(gone.stderr.splitlines()), 1, gone.stderr)
        self.assertIn(str(port), gone.stderr)
        empty = self.assert_code(self.ask("status", "--export", self.volume), 1)
        self.assertIn("no pass has ended", empty.stderr)
        self.leave_on_volume(text=self.server.get("/status")[:500])
        damaged = self.ask("status", "--export", self.volume)
        self.assertNotEqual(damaged.code, 0)
        self.assertIn("platform.json", damaged.stderr)
        for wrong in (["status", "--url", "ftp://x"], ["probe"], ["probe", "--live", "--ready"],
                      ["probe", "--live", "--export", self.volume], ["status", "-o", "yaml"]):
            self.assert_code(self.ask(*wrong), 2)

    def test_a_probe_is_the_endpoint_as_an_exit_code(self):
        url = ["--url", self.server.url]
        self.assertEqual(self.assert_code(self.ask("probe", "--live", *url), 0).stdout, "ok\n")
        refused = self.assert_code(self.ask("probe", "--startup", *url), 1)
        self.assertEqual(refused.stderr, "ocisync: HTTP 503: not ok: database: no export yet: NotFound\n")
        self.assertEqual(refused.stdout, "")
        self.server.do("ok", "database")
        self.assert_code(self.ask("probe", "--startup", *url), 0)
        self.assert_code(self.ask("probe", "--ready", *url), 0)
        self.server.do("vanish")
        self.assert_code(self.ask("probe", "--live", *url), 1)

    def test_a_probe_finds_the_sidecar_of_its_own_environment(self):
        port = self.server.url.rsplit(":", 1)[1]
        for listen in (f"[::]:{port}", f":{port}", f"127.0.0.1:{port}"):
            self.assert_code(self.ask("probe", "--live", OCISYNC_LISTEN=listen, OCISYNC_EXPORT="/nowhere"), 0)

    def test_a_probe_can_look_at_a_volume(self):
        volume = ["--export", self.volume]
        self.assert_code(self.ask("probe", "--ready", *volume), 1)
        self.leave_on_volume()
        self.assertIn("database: NotFound", self.assert_code(self.ask("probe", "--ready", *volume), 1).stderr)
        self.server.do("ok", "database")
        self.leave_on_volume()
        self.assert_code(self.ask("probe", "--ready", *volume), 0)
        self.assert_code(self.ask("probe", "--startup", *volume), 0)
        self.server.do("fail", "optional-cache", "NotFound", "gone")
        self.leave_on_volume()
        self.assert_code(self.ask("probe", "--ready", *volume), 0)

    def test_waiting_ends_as_soon_as_it_is_so(self):
        waiting = subprocess.Popen([self.ocisync.binary, "probe", "--ready", "--wait", "60s", "--url", self.server.url],
                                   env=self.ocisync.environment(), stdout=subprocess.PIPE, text=True)
        threading.Timer(1, self.server.do, ["ok", "database"]).start()
        self.assertEqual(waiting.communicate(timeout=50)[0], "ok\n")
        self.assertEqual(waiting.returncode, 0)
        never = self.assert_code(self.ask("probe", "--ready", "--wait", "1s", "--export", self.volume), 1)
        self.assertEqual(len(never.stderr.splitlines()), 1)

    def test_waiting_ends_with_a_signal(self):
        waiting = subprocess.Popen([self.ocisync.binary, "probe", "--ready", "--wait", "60s", "--url", self.server.url],
                                   env=self.ocisync.environment(), stderr=subprocess.PIPE, text=True)
        threading.Timer(1, waiting.terminate).start()
        waiting.communicate(timeout=50)
        self.assertEqual(waiting.returncode, 143)
