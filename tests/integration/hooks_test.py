"""Hooks: programs, calls and marks around a publication, with a veto before and patience after."""
import http.server
import json
import os
import signal
import threading

from tests.support.case import Case
from tests.support.ports import free_port
from tests.support.sidecar import Sidecar, eventually


class Listener:
    """A server that a hook calls; answers with `status` and remembers what came."""

    def __init__(self):
        self.calls, self.status = [], 200
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                listener.calls.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(listener.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/reload"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Hooks(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)
        self.digest = self.push.current("stable", version="1.0.0")
        self.ref = f"oci://{self.registry.host}/charts/web:stable"
        self.calls = self.folder / "calls"
        self.calls.mkdir()

    def script(self, body="", name="hook"):
        """A program that writes its stdin and environment down, one folder entry a call."""
        file = self.folder / name
        file.write_text(f"#!/bin/sh\nn=$(mktemp -d {self.calls}/XXXXXX)\ncat > $n/stdin\nenv > $n/env.part\n"
                        f"mv $n/env.part $n/env\n{body}\n")
        file.chmod(0o755)
        return [str(file)]

    def heard(self):
        """[(document, environment)] of every call that was made whole."""
        found = []
        for call in self.calls.iterdir():
            if (call / "env").exists():
                lines = (call / "env").read_text().splitlines()
                found.append((json.loads((call / "stdin").read_text()),
                              dict(line.split("=", 1) for line in lines if "=" in line)))
        return found

    def spec(self, hooks, charts=None, **settings):
        self.ocisync.spec(charts or [self.ref], hooks=hooks, interval="1h", **settings)

    def watch(self, hooks, charts=None, prefix=(), environment=None, **settings):
        self.spec(hooks, charts, **settings)
        sidecar = Sidecar(self.ocisync, prefix=prefix, **(environment or {}))
        self.addCleanup(sidecar.kill)
        return sidecar.start()

    def test_a_program_is_told_what_was_published(self):
        self.spec([{"name": "tell", "per": "chart", "exec": {"command": self.script()}}])
        self.assert_code(self.ocisync.sync(SECRET_TOKEN="hush-hush"), 0)
        [(document, environment)] = self.heard()
        self.assertEqual(document["kind"], "HookCall")
        self.assertEqual(document["when"], "published")
        [chart] = document["charts"]
        self.assertEqual((chart["name"], chart["version"], chart["digest"]), ("web", "1.0.0", self.digest))
        self.assertEqual(chart["path"], str(self.ocisync.export / "web"))
        self.assertEqual(environment["OCISYNC_HOOK_CHART"], "web")
        self.assertEqual(environment["OCISYNC_HOOK_VERSION"], "1.0.0")
        self.assertEqual(environment["OCISYNC_HOOK_DIGEST"], self.digest)
        self.assertEqual(environment["OCISYNC_HOOK_PREVIOUS_DIGEST"], "")
        self.assertEqual(environment["OCISYNC_HOOK_PATH"], str(self.ocisync.export / "web"))
        self.assertNotIn("SECRET_TOKEN", environment)
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(len(self.heard()), 1)
        second = self.push.current("stable", version="1.0.1")
        self.assert_code(self.ocisync.sync(), 0)
        newest = next(d for d, _ in self.heard() if d["charts"][0]["digest"] == second)
        self.assertEqual(newest["charts"][0]["previousDigest"], self.digest)

    def test_a_pass_is_one_call_and_a_chart_one_each(self):
        charts = [{"name": f"chart{i}", "ref": self.ref} for i in range(3)]
        self.spec([{"name": "once", "exec": {"command": self.script()}}], charts)
        self.assert_code(self.ocisync.sync(), 0)
        [(document, environment)] = self.heard()
        self.assertEqual([chart["name"] for chart in document["charts"]], ["chart0", "chart1", "chart2"])
        self.assertEqual(environment["OCISYNC_HOOK_CHARTS"], "chart0,chart1,chart2")

    def test_a_moved_tag_calls_once(self):
        sidecar = self.watch([{"name": "tell", "exec": {"command": self.script()}}])
        eventually(lambda: len(self.heard()) == 1, "the first call")
        self.push.current("stable", version="1.0.1")
        sidecar.send(signal.SIGUSR1)
        eventually(lambda: len(self.heard()) == 2, "the second call")
        sidecar.send(signal.SIGUSR1)
        sidecar.next_check()
        self.assertEqual(len(self.heard()), 2)
        self.assertEqual(sidecar.metric("hook_runs_total", hook="tell", result="success"), 2)

    def test_a_gate_that_refuses_keeps_the_old_revision(self):
        self.spec([])
        self.assert_code(self.ocisync.sync(), 0)
        second = self.push.current("stable", version="1.0.1")
        gate = self.script("grep -q 1.0.1 \"$OCISYNC_HOOK_PATH/values.yaml\" && echo no such luck >&2 && exit 1")
        self.spec([{"name": "judge", "when": "gate", "exec": {"command": gate}}])
        run = self.ocisync.sync()
        self.assert_code(run, 3)
        chart = run.chart("web")
        self.assertEqual((chart["state"], chart["reason"]), ("failed", "VerificationFailed"))
        self.assertIn("judge", chart["message"])
        self.assertIn("no such luck", chart["message"])
        self.assertIn(b"1.0.0", self.ocisync.exported("web")["values.yaml"])
        [(document, _)] = self.heard()
        self.assertEqual((document["when"], document["charts"][0]["digest"]), ("gate", second))
        self.spec([{"name": "judge", "when": "gate", "exec": {"command": self.script("exit 0")}}])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertIn(b"1.0.1", self.ocisync.exported("web")["values.yaml"])

    def test_a_gate_that_takes_too_long_is_ended(self):
        self.spec([{"name": "judge", "when": "gate", "exec": {"command": self.script("sleep 3600"), "timeout": "100ms"}}])
        run = self.ocisync.run("--timeout", "1s")
        self.assert_code(run, 1)
        self.assertFalse((self.ocisync.export / "web").exists())

    def test_a_failing_hook_leaves_the_new_revision_and_the_code_says_so(self):
        self.spec([{"name": "tell", "exec": {"command": self.script("exit 7")}}])
        run = self.ocisync.run("--timeout", "1s")
        self.assert_code(run, 1)
        self.assertTrue((self.ocisync.export / "web/Chart.yaml").exists())
        failed = [event for event in run.events() if event["event"] == "HookFailed"]
        self.assertIn("exit code 7", failed[0]["msg"])
        self.spec([{"name": "tell", "exec": {"command": self.script()}}])
        before = len(self.heard())
        self.assert_code(self.ocisync.sync(), 0)  # what is owed is paid by the next run
        self.assertEqual(len(self.heard()), before + 1)
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(len(self.heard()), before + 1)

    def test_a_failing_hook_is_called_again_until_it_works(self):
        flag = self.folder / "works"
        sidecar = self.watch([{"name": "tell", "exec": {"command": self.script(f"test -e {flag}")}}],
                             retry={"min": "20ms", "max": "50ms"})
        sidecar.await_event("HookFailed", 3)
        flag.touch()
        sidecar.await_event("HookRecovered")
        self.assertEqual(sidecar.metric("hook_runs_total", hook="tell", result="success"), 1)
        self.assertTrue(sidecar.is_ready())

    def test_a_call_owed_when_the_process_was_killed_is_made_by_the_next(self):
        sidecar = self.watch([{"name": "tell", "exec": {"command": self.script("sleep 3600")}}])
        eventually(lambda: len(self.heard()) == 1, "the call")
        sidecar.kill()
        sidecar = self.watch([{"name": "tell", "exec": {"command": self.script()}}])
        eventually(lambda: len(self.heard()) == 2, "the call again")
        self.assertEqual([d["charts"][0]["digest"] for d, _ in self.heard()], [self.digest] * 2)

    def test_a_server_is_called_with_the_headers_of_a_file(self):
        listener = Listener()
        self.addCleanup(listener.stop)
        headers = self.folder / "headers"
        headers.write_text("Authorization: Bearer let-me-in\n")
        sidecar = self.watch([{"name": "tell", "http": {"url": listener.url, "headersFile": str(headers)}}])
        eventually(lambda: listener.calls, "the call")
        path, sent, body = listener.calls[0]
        self.assertEqual((path, sent["Authorization"]), ("/reload", "Bearer let-me-in"))
        self.assertEqual(body["charts"][0]["digest"], self.digest)
        eventually(lambda: sidecar.metric("hook_runs_total", hook="tell", result="success") == 1, "the count")
        self.assertNotIn("let-me-in", sidecar.log() + sidecar.get("/metrics")[1])

    def test_a_server_that_answers_otherwise_is_called_again(self):
        listener = Listener()
        self.addCleanup(listener.stop)
        listener.status = 503
        sidecar = self.watch([{"name": "tell", "http": {"url": listener.url}}], retry={"min": "20ms", "max": "50ms"})
        self.assertIn("503", sidecar.await_event("HookFailed")[0]["msg"])
        listener.status = 200
        sidecar.await_event("HookRecovered")

    def test_a_file_is_touched(self):
        mark = self.folder / "updated"
        self.spec([{"name": "mark", "touch": str(mark)}])
        self.assert_code(self.ocisync.sync(), 0)
        os.utime(mark, (1, 1))
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(mark.stat().st_mtime, 1)
        self.push.current("stable", version="1.0.1")
        self.assert_code(self.ocisync.sync(), 0)
        self.assertGreater(mark.stat().st_mtime, 1)

    def test_a_signal_inside_a_hook_ends_its_program_too(self):
        pid = self.folder / "pid"
        sidecar = self.watch([{"name": "tell", "exec": {"command": self.script(f"echo $$ > {pid}; exec sleep 3600")}}])
        eventually(lambda: pid.exists() and pid.read_text().strip(), "the hook")
        child = int(pid.read_text())
        self.assertEqual(sidecar.stop(), 0)
        self.assertFalse(os.path.exists(f"/proc/{child}"))

    def test_hooks_as_process_1_leave_no_zombies(self):
        sidecar = self.watch([{"name": "tell", "per": "chart", "exec": {"command": self.script("(sleep 0.05 &)")}}],
                             [{"name": f"chart{i}", "ref": self.ref} for i in range(20)],
                             prefix=["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
        eventually(lambda: len(self.heard()) == 20, "twenty calls")
        with open(f"/proc/{sidecar.process.pid}/task/{sidecar.process.pid}/children") as file:
            inside = int(file.read().split()[0])

        def children():
            with open(f"/proc/{inside}/task/{inside}/children") as file:
                return file.read().split()

        eventually(lambda: children() == [], "no child left")

    def test_what_is_wrong_with_a_hook_is_said_before_anything_happens(self):
        self.spec([{"name": "a", "exec": {"command": ["true"]}, "touch": "/x"}, {"name": "b"},
                   {"name": "c", "when": "gate", "per": "pass", "touch": "/x"}, {"name": "c", "touch": "/x"}])
        run = self.ocisync.sync()
        self.assert_code(run, 2)
        for text in ("spec.hooks[0]", "spec.hooks[1]", "spec.hooks[2]", "called c"):
            self.assertIn(text, run.stderr)
        self.assertEqual(self.registry.requests()[-1].method, "PUT")
