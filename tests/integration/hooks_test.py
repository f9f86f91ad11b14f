"""Hooks: programs, calls and marks around a publication, with a veto before and patience after."""
import http.server
import json
import os
import random
import signal
import threading
import time

from tests.support.case import Case
from tests.support.ports import free_port
from tests.support.processes import kill, living
from tests.support.proxy import FaultProxy, delay
from tests.support.sidecar import Sidecar, eventually


class Listener:
    """A server that a hook calls; answers with `status` and remembers what came."""

    def __init__(self):
        self.calls, self.methods, self.status = [], [], 200
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                listener.calls.append((self.path, dict(self.headers), json.loads(body) if body else None))
                listener.methods.append(self.command)
                self.send_response(listener.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_any

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
        """[(document, environment)] of every call that was made whole: who calls may be killed meanwhile."""
        found = []
        for call in self.calls.iterdir():
            if (call / "env").exists() and (call / "stdin").stat().st_size > 0:
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
        eventually(lambda: sidecar.syncs("updated") == 2, "the second update")
        sidecar.send(signal.SIGUSR1)
        eventually(lambda: sidecar.syncs("unchanged") == 1, "another check")
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

    def test_a_gate_that_prints_a_lot_still_decides(self):
        for code in (1, 0):
            gate = self.script(f"head -c 1000000 /dev/zero\nexit {code}")
            self.spec([{"name": "judge", "when": "gate", "exec": {"command": gate}}])
            self.assert_code(self.ocisync.sync(), 3 if code else 0)
            self.assertEqual((self.ocisync.export / "web").exists(), code == 0)

    def test_a_gate_that_cannot_be_reached_has_not_judged(self):
        listener = Listener()
        self.addCleanup(listener.stop)
        self.spec([{"name": "judge", "when": "gate", "http": {"url": listener.url}}])
        for status, code, reason in ((503, 1, "Unavailable"), (403, 3, "VerificationFailed"), (200, 0, None)):
            listener.status = status
            run = self.ocisync.run("--timeout", "1s")
            self.assert_code(run, code)
            self.assertEqual(run.chart("web").get("reason"), reason)
            self.assertEqual((self.ocisync.export / "web").exists(), code == 0)
        self.push.current("stable", version="1.0.1")
        listener.stop()
        run = self.ocisync.run("--timeout", "1s")
        self.assert_code(run, 1)
        self.assertEqual(run.chart("web")["reason"], "Unavailable")
        self.assertIn(b"1.0.0", self.ocisync.exported("web")["values.yaml"])

    def passes(self, when="gate", body="", name="judge"):
        return {"name": name, "when": when, "per": "pass", "exec": {"command": self.script(body, name)}}

    def versions(self, charts):
        return [self.ocisync.exported(chart)["values.yaml"].decode().split("version: ")[1].strip() for chart in charts]

    def test_a_gate_for_a_pass_is_asked_once_about_everything_that_is_ready(self):
        names = [f"chart{i}" for i in range(12)]
        charts = [{"name": name, "ref": self.ref} for name in names]
        missing = {"name": "missing", "ref": self.ref.replace(":stable", ":gone"), "required": False}
        self.spec([self.passes()], [*charts, missing], concurrency=2)
        self.registry.forget()
        self.assert_code(self.ocisync.sync(), 0)
        [(document, environment)] = self.heard()
        self.assertEqual((document["when"], document["hook"]), ("gate", "judge"))
        self.assertEqual(sorted(chart["name"] for chart in document["charts"]), sorted(names))
        for chart in document["charts"]:
            self.assertEqual((chart["action"], chart["digest"]), ("create", self.digest))
            self.assertTrue(chart["path"].startswith(str(self.ocisync.export / ".ocisync")), chart["path"])
        self.assertEqual(set(environment["OCISYNC_HOOK_CHARTS"].split(",")), set(names))
        self.assertEqual(self.versions(names), ["1.0.0"] * 12)
        before = self.ocisync.snapshot()
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual((len(self.heard()), self.ocisync.snapshot()), (1, before))  # nothing new, nobody asked

    def test_a_gate_for_a_pass_that_refuses_keeps_every_old_revision(self):
        other = self.pusher(self.registry, "charts/other")
        other.current("stable", version="1.0.0", name="other")
        charts = [self.ref, self.ref.replace("charts/web", "charts/other")]
        self.spec([], charts)
        self.assert_code(self.ocisync.sync(), 0)
        self.push.current("stable", version="1.0.1")
        other.current("stable", version="1.0.1", name="other")
        self.spec([self.passes(body="echo not today >&2; exit 1")], charts)
        before = self.ocisync.snapshot(".ocisync/trees")
        run = self.assert_code(self.ocisync.sync(), 3)
        for name in ("web", "other"):
            chart = run.chart(name)
            self.assertEqual((chart["state"], chart["reason"], chart["stage"]), ("failed", "VerificationFailed", "verify"))
            self.assertIn("the gate judge refused a pass of 2 charts", chart["message"])
            self.assertIn("not today", chart["message"])
        self.assertEqual(self.ocisync.snapshot(".ocisync/trees"), before)
        self.assertEqual(len(self.heard()), 1)
        self.spec([self.passes()], charts)
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(self.versions(["web", "other"]), ["1.0.1", "1.0.1"])

    def test_a_gate_for_a_pass_hears_of_what_one_signal_moved(self):
        names = [f"chart{i}" for i in range(5)]
        sidecar = self.watch([self.passes()], [{"name": name, "ref": self.ref} for name in names])
        eventually(sidecar.is_ready, "ready")
        second = self.push.current("stable", version="1.0.1")
        sidecar.send(signal.SIGUSR1)
        eventually(lambda: all(c["digest"] == second for c in sidecar.status()["charts"]), "the update")
        calls = [[chart["previousDigest"] for chart in document["charts"]] for document, _ in self.heard()
                 if document["charts"][0]["action"] == "update"]
        self.assertEqual(calls, [[self.digest] * 5])
        self.assertEqual(sidecar.metric("hook_runs_total", hook="judge", result="success"), 2)

    def test_who_waits_at_a_gate_for_a_pass_waits_for_no_hanging_registry(self):
        with FaultProxy(self.registry) as hangs:
            hangs.always("*", "/v2/charts/", delay(3600))
            charts = [self.ref, {"name": "stuck", "ref": f"oci://{hangs.host}/charts/web:stable", "required": False}]
            sidecar = self.watch([self.passes()], charts, timeout="2s")
            eventually(sidecar.is_ready, "ready")
            self.assertEqual([chart["name"] for chart in self.heard()[0][0]["charts"]], ["web"])

    def test_a_spec_that_comes_while_a_gate_for_a_pass_is_asked_is_followed(self):
        go = self.folder / "go"
        sidecar = self.watch([self.passes(body=f"while ! test -e {go}; do sleep 0.02; done")])
        eventually(lambda: len(self.heard()) == 1, "the question")
        self.push.current("next", version="2.0.0")
        self.spec([self.passes()], [self.ref.replace(":stable", ":next")])
        sidecar.send(signal.SIGHUP)
        sidecar.await_event("SpecReloaded")
        go.touch()
        eventually(sidecar.is_ready, "ready")
        self.assertEqual(self.versions(["web"]), ["2.0.0"])
        self.assertEqual(len(self.heard()), 2)
        self.assertEqual(sidecar.stop(), 0)

    def test_a_signal_at_a_gate_for_a_pass_publishes_nothing(self):
        sidecar = self.watch([self.passes(body="exec sleep 3600")])
        eventually(lambda: len(self.heard()) == 1, "the question")
        self.assertEqual(sidecar.stop(), 0)
        self.assertEqual(sidecar.events()[-1]["msg"], "ended in good order by signal 15")
        self.assertFalse((self.ocisync.export / "web").exists())

    def test_repairs_and_withdrawals_are_told_and_no_gate_is_asked(self):
        hooks = [{"name": "tell", "per": "chart", "exec": {"command": self.script()}}]
        self.spec(hooks, [self.ref, {"name": "other", "ref": self.ref}])
        self.assert_code(self.ocisync.sync(), 0)
        told = len(self.heard())
        hooks.append({"name": "judge", "when": "gate", "exec": {"command": self.script("exit 1", "judge")}})
        (self.ocisync.export / "web").unlink()
        self.spec(hooks, [self.ref])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(len(self.heard()), told + 2)
        new = {document["charts"][0]["action"]: (document["charts"][0], environment)
               for document, environment in self.heard() if document["charts"][0]["action"] != "create"}
        repaired, _ = new["repair"]
        self.assertEqual((repaired["name"], repaired["digest"], repaired["previousDigest"]),
                         ("web", self.digest, self.digest))
        removed, environment = new["remove"]
        self.assertEqual((removed["name"], removed["version"], removed["previousDigest"], removed["path"]),
                         ("other", "1.0.0", self.digest, str(self.ocisync.export / "other")))
        self.assertNotIn("digest", removed)
        self.assertEqual((environment["OCISYNC_HOOK_ACTION"], environment["OCISYNC_HOOK_DIGEST"]), ("remove", ""))

    def test_a_withdrawal_that_was_not_told_is_told_by_the_next_process(self):
        self.spec([], [self.ref, {"name": "other", "ref": self.ref}])
        self.assert_code(self.ocisync.sync(), 0)
        self.spec([{"name": "tell", "exec": {"command": self.script("exit 1")}}])
        self.assert_code(self.ocisync.run("--timeout", "1s"), 1)
        asked = len(self.heard())
        self.spec([{"name": "tell", "exec": {"command": self.script()}}])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(len(self.heard()), asked + 1)
        self.assertEqual([(c["name"], c["action"]) for c in self.heard()[0][0]["charts"]], [("other", "remove")])
        self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(len(self.heard()), asked + 1)

    def test_a_chart_that_moves_to_another_path_is_told_of_at_both(self):
        self.spec([])
        self.assert_code(self.ocisync.sync(), 0)
        self.spec([{"name": "tell", "exec": {"command": self.script()}}],
                  [{"ref": self.ref, "export": {"path": "elsewhere/web"}}])
        self.assert_code(self.ocisync.sync(), 0)
        [(document, _)] = self.heard()
        self.assertEqual({chart["path"]: chart["action"] for chart in document["charts"]},
                         {str(self.ocisync.export / "web"): "remove",
                          str(self.ocisync.export / "elsewhere/web"): "create"})

    def endless(self):
        """A program that does not end, nor does what it starts; and a file that is to hold its process group."""
        group = self.folder / "group"
        return self.script(f"sleep 3600 &\necho $$ > {group}.part\nmv {group}.part {group}\nsleep 3600"), group

    def group_of(self, file):
        eventually(file.exists, "the hook")
        group = int(file.read_text())
        self.addCleanup(kill, group)
        return group

    def test_a_gate_that_takes_too_long_is_ended_with_all_that_it_started(self):
        command, group = self.endless()
        self.spec([{"name": "judge", "when": "gate", "exec": {"command": command, "timeout": "500ms"}}])
        run = self.ocisync.run("--timeout", "1s")
        self.assert_code(run, 1)
        self.assertEqual(run.chart("web")["reason"], "TimedOut")
        self.assertFalse((self.ocisync.export / "web").exists())
        ended = self.group_of(group)
        eventually(lambda: not living(ended), "its end")

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

    def test_a_chart_whose_call_fails_holds_up_no_other(self):
        names = [f"chart{i}" for i in range(3)]
        command = self.script("test $OCISYNC_HOOK_CHART != chart0")
        sidecar = self.watch([{"name": "tell", "per": "chart", "exec": {"command": command}}],
                             [{"name": name, "ref": self.ref} for name in names], retry={"min": "20ms", "max": "50ms"})
        eventually(lambda: self.told() == {(name, self.digest) for name in names}, "a call for each chart")
        self.assertIn("chart0: exit code 1", sidecar.await_event("HookFailed", 2)[-1]["msg"])
        eventually(lambda: sidecar.metric("hook_runs_total", hook="tell", result="success") == 2, "the others' success")

    def test_a_call_owed_when_the_process_was_killed_is_made_by_the_next(self):
        command, group = self.endless()
        sidecar = self.watch([{"name": "tell", "exec": {"command": command}}])
        self.group_of(group)
        sidecar.kill()  # and nobody is left to end the program, unless ocisync was process 1
        sidecar = self.watch([{"name": "tell", "exec": {"command": self.script()}}])
        eventually(lambda: len(self.heard()) == 2, "the call again")
        self.assertEqual([d["charts"][0]["digest"] for d, _ in self.heard()], [self.digest] * 2)

    def told(self):
        """(chart, digest) of everything that was told."""
        return {(chart["name"], chart["digest"]) for document, _ in self.heard() for chart in document["charts"]}

    def test_killed_at_any_moment_what_became_visible_is_told_in_the_end(self):
        names = [f"chart{i}" for i in range(3)]
        self.spec([{"name": "tell", "per": "chart", "exec": {"command": self.script()}}],
                  [{"name": name, "ref": self.ref} for name in names])
        started = time.monotonic()
        self.assert_code(self.ocisync.sync(), 0)
        took = time.monotonic() - started
        for round_number in range(int(os.environ.get("OCISYNC_KILL_ROUNDS", "8"))):
            old = os.readlink(self.ocisync.export / names[0])
            digest = self.push.current("stable", version=f"1.1.{round_number}")
            process = self.ocisync.popen()
            if round_number % 2:
                time.sleep(random.random() * took)
            else:  # before the call that is owed for it
                eventually(lambda: os.readlink(self.ocisync.export / names[0]) != old, "the change")
            process.kill()
            process.communicate()
            self.assert_code(self.ocisync.sync(), 0)
            self.assertEqual({(name, digest) for name in names} - self.told(), set(), f"round {round_number}")

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

    def test_a_server_is_called_by_the_method_and_for_the_status_of_the_spec(self):
        listener = Listener()
        self.addCleanup(listener.stop)
        sidecar = self.watch([{"name": method, "http": {"url": listener.url, "method": method, "successStatus": 204}}
                              for method in ("PUT", "GET")], retry={"min": "20ms", "max": "50ms"})
        self.assertIn("200 instead of 204", sidecar.await_event("HookFailed")[0]["msg"])
        listener.status = 204
        for method in ("PUT", "GET"):
            eventually(lambda: sidecar.metric("hook_runs_total", hook=method, result="success") == 1, method)
        self.assertEqual(set(listener.methods), {"PUT", "GET"})
        bodies = dict(zip(listener.methods, (body for _, _, body in listener.calls)))
        self.assertEqual((bodies["PUT"]["hook"], bodies["GET"]), ("PUT", None))

    def test_a_server_that_does_not_answer_is_given_up(self):
        with FaultProxy() as silent:
            silent.always("POST", "", delay(3600))
            sidecar = self.watch([{"name": "tell", "http": {"url": silent.url, "timeout": "100ms"}}],
                                 retry={"min": "20ms", "max": "50ms"})
            sidecar.await_event("HookFailed", 2)
        self.assertTrue(sidecar.is_ready())
        self.assertEqual(sidecar.stop(), 0)

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

    def test_a_pipe_in_the_place_of_the_file_holds_up_nothing(self):
        mark = self.folder / "updated"
        os.mkfifo(mark)
        sidecar = self.watch([{"name": "mark", "touch": str(mark)}], retry={"min": "20ms", "max": "50ms"})
        self.assertEqual(sidecar.await_event("HookFailed")[0]["msg"], f"{mark} is not a regular file")
        mark.unlink()
        sidecar.await_event("HookRecovered")
        self.assertEqual(sidecar.stop(), 0)

    def inside_a_hook(self):
        command, file = self.endless()
        sidecar = self.watch([{"name": "tell", "exec": {"command": command}}])
        group = self.group_of(file)
        self.assertTrue(living(group))
        return sidecar, group

    def test_a_signal_inside_a_hook_ends_all_that_it_started(self):
        sidecar, group = self.inside_a_hook()
        self.assertEqual(sidecar.stop(), 0)
        self.assertEqual(sidecar.events()[-1]["msg"], "ended in good order by signal 15")
        eventually(lambda: not living(group), "its end")

    def test_a_second_signal_inside_a_hook_ends_all_that_it_started(self):
        sidecar, group = self.inside_a_hook()
        with sidecar.frozen():
            sidecar.send(signal.SIGTERM)
            eventually(lambda: sidecar.get("/readyz")[0] == 503, "the first signal")
            self.assertEqual(sidecar.stop(), 143)
        eventually(lambda: not living(group), "its end")

    def test_who_does_not_end_in_time_leaves_nothing_that_a_hook_started(self):
        sidecar, group = self.inside_a_hook()
        with sidecar.frozen():
            self.assertEqual(sidecar.stop(), 0)
        self.assertIn("work was cut off", [event["msg"] for event in sidecar.events()])
        eventually(lambda: not living(group), "its end")

    def test_hooks_as_process_1_leave_no_zombies(self):
        sidecar = self.watch([{"name": "tell", "per": "chart", "exec": {"command": self.script("(sleep 0.05 &)")}}],
                             [{"name": f"chart{i}", "ref": self.ref} for i in range(100)],
                             prefix=["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
        eventually(lambda: len(self.heard()) == 100, "a hundred calls")
        with open(f"/proc/{sidecar.process.pid}/task/{sidecar.process.pid}/children") as file:
            inside = int(file.read().split()[0])

        def children():
            with open(f"/proc/{inside}/task/{inside}/children") as file:
                return file.read().split()

        eventually(lambda: children() == [], "no child left")

    def test_what_is_wrong_with_a_hook_is_said_before_anything_happens(self):
        self.spec([{"name": "a", "exec": {"command": ["true"]}, "touch": "/x"}, {"name": "b"},
                   {"name": "c", "when": "gates", "touch": "/x"}, {"name": "c", "touch": "/x"}])
        run = self.ocisync.sync()
        self.assert_code(run, 2)
        for text in ("spec.hooks[0]", "spec.hooks[1]", "spec.hooks[2]", "called c"):
            self.assertIn(text, run.stderr)
        self.assertEqual(self.registry.requests()[-1].method, "PUT")
