"""What goes wrong on the way: the sync recovers or fails with a reason, and the old export stays."""
import email.utils
import http.server
import os
import threading
import time

from tests.support import charts
from tests.support.case import Case
from tests.support.proxy import (FaultProxy, corrupt, cut, delay, header, hold, replace, status, trickle)


class Faults(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)
        self.push.current("1.0.0")
        self.proxy = FaultProxy(self.registry)
        self.proxy.__enter__()
        self.addCleanup(self.proxy.__exit__)
        self.ref = f"oci://{self.proxy.host}/charts/web:1.0.0"
        self.ocisync.spec([self.ref])

    def blob(self, data):
        return f"/blobs/{charts.sha256(data)}"

    def test_two_server_errors_are_ridden_out_within_the_attempt(self):
        self.proxy.times(2, "GET", "/manifests/", status(500))
        chart = self.assert_code(self.ocisync.sync(), 0).chart("web")
        self.assertEqual((chart["attempts"], chart["requests"]), (1, 5))

    def test_the_status_of_an_error_page_counts_however_long_the_page_is(self):
        page = b"<html>" + b"x" * 300_000
        self.proxy.times(2, "GET", "/manifests/", status(503, page))
        chart = self.assert_code(self.ocisync.sync(), 0).chart("web")
        self.assertEqual((chart["attempts"], chart["requests"]), (1, 5))
        ocisync = self.new_ocisync("missing").spec([self.ref])
        self.proxy.always("GET", "/manifests/", status(404, page))
        self.assertEqual(self.assert_code(ocisync.sync(), 3).chart("web")["reason"], "NotFound")

    def test_retry_after_is_obeyed_in_seconds_and_as_a_date(self):
        in_two_seconds = lambda: email.utils.formatdate(time.time() + 2, usegmt=True)
        for form, value in (("seconds", lambda: "1"), ("date", in_two_seconds)):
            with self.subTest(form=form):
                ocisync = self.new_ocisync(form).spec([self.ref])
                self.proxy.seen.clear()
                self.proxy.once("GET", "/manifests/", status(429, Retry_After=value()))
                self.assert_code(ocisync.sync(), 0)
                first, second = [seen.time for seen in self.proxy.seen if "/manifests/" in seen.path][:2]
                self.assertGreaterEqual(second - first, 0.5)

    def test_three_refusals_for_quota_are_waited_out_one_by_one(self):
        self.proxy.times(3, "*", "/manifests/", status(429, Retry_After="1"))
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(run.chart("web")["state"], "updated")
        asked = [seen.time for seen in self.proxy.seen if "/manifests/" in seen.path]
        self.assertEqual(len(asked), 4)
        for early, late in zip(asked, asked[1:]):
            self.assertGreaterEqual(late - early, 0.99)

    def test_a_registry_that_asks_for_patience_again_and_again_is_told_of_once(self):
        self.proxy.times(3, "*", "/manifests/", status(429, Retry_After="3"))
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual(run.chart("web")["attempts"], 4)
        told = [event for event in run.events() if "retryInSeconds" in event]
        self.assertEqual([(event["event"], event["reason"]) for event in told], [("ChartRetry", "RateLimited")])

    def test_a_wait_beyond_the_time_limit_fails_at_once_and_names_it(self):
        self.proxy.always("GET", "/manifests/", status(429, Retry_After="3600"))
        chart = self.assert_code(self.ocisync.sync(), 1).chart("web")
        self.assertEqual((chart["reason"], chart["attempts"]), ("RateLimited", 1))
        self.assertIn("--timeout 20s", chart["message"])
        self.assertEqual(self.proxy.count("GET", "/manifests/"), 1)

    def test_a_blocked_registry_is_left_alone_by_all_its_charts_but_others_go_on(self):
        other = self.start_registry("other")
        self.pusher(other).current("1.0.0")
        self.proxy.always("*", "/manifests/", status(429, Retry_After="3600"))
        self.ocisync.spec([self.ref] + [{"name": f"w{i}", "ref": self.ref} for i in range(5)] +
                          [{"name": "fine", "ref": f"oci://{other.host}/charts/web:1.0.0"}], concurrency=1)
        run = self.assert_code(self.ocisync.sync(), 1)
        self.assertEqual(run.chart("fine")["state"], "updated")
        self.assertEqual(len(self.proxy.seen), 1)

    def test_forbidden_and_missing_are_not_retried(self):
        for code, reason in ((403, "Unauthorized"), (404, "NotFound")):
            with self.subTest(status=code):
                self.proxy.rules.clear()
                self.proxy.seen.clear()
                self.proxy.always("GET", "/manifests/", status(code))
                chart = self.assert_code(self.new_ocisync(f"r{code}").spec([self.ref]).sync(), 3).chart("web")
                self.assertEqual((chart["reason"], chart["httpStatus"]), (reason, code))
                self.assertEqual(self.proxy.count("GET", "/manifests/"), 1)

    def test_a_body_that_is_cut_resumes_by_range(self):
        big = charts.archive(charts.chart_files(**{"noise": os.urandom(3 << 20)}))
        self.push.current("2.0.0", data=big)
        self.proxy.once("GET", self.blob(big), cut(1 << 20))
        self.ocisync.spec([f"oci://{self.proxy.host}/charts/web:2.0.0"])
        self.assert_code(self.ocisync.sync(), 0)
        ranges = [seen.headers.get("Range") for seen in self.proxy.seen if self.blob(big) in seen.path]
        self.assertEqual(len(ranges), 2)
        self.assertIsNone(ranges[0])
        self.assertRegex(ranges[1], r"^bytes=\d+-$")
        self.assertGreater(int(ranges[1][6:-1]), 0)

    def test_a_small_body_that_is_cut_is_fetched_again(self):
        self.proxy.once("GET", "/blobs/", cut(10))
        self.assert_code(self.ocisync.sync(), 0)

    def test_altered_bytes_are_refused_and_the_next_good_ones_taken(self):
        data = charts.archive(charts.chart_files("web", "1.0.0"))
        self.proxy.always("GET", self.blob(data), corrupt)
        chart = self.assert_code(self.ocisync.sync(), 3).chart("web")
        self.assertEqual((chart["reason"], chart["stage"]), ("DigestMismatch", "content"))
        self.assertFalse((self.ocisync.export / "web").exists())
        self.assertFalse((self.ocisync.cache / "blobs/sha256" / charts.sha256(data)[7:]).exists())
        self.assertEqual(list((self.ocisync.cache / ".ocisync/staging").iterdir()), [])
        self.proxy.rules.clear()
        self.assert_code(self.ocisync.sync(), 0)

    def test_a_manifest_that_is_not_what_its_digest_says_is_refused(self):
        digest = self.push.current("1.0.0")
        self.ocisync.spec([f"oci://{self.proxy.host}/charts/web@{digest}"])
        self.proxy.always("GET", "/manifests/", corrupt)
        self.assertEqual(self.assert_code(self.ocisync.sync(), 3).chart("web")["reason"], "DigestMismatch")

    def test_short_and_long_bodies_are_refused(self):
        data = charts.archive(charts.chart_files("web", "1.0.0"))
        for name, body in {"short": data[:-1], "long": data + b"x"}.items():
            with self.subTest(body=name):
                self.proxy.rules.clear()
                self.proxy.always("GET", self.blob(data), replace(body))
                chart = self.assert_code(self.new_ocisync(name).spec([self.ref]).sync(), 3).chart("web")
                self.assertIn(chart["reason"], ("DigestMismatch", "ProtocolViolation"))

    def test_a_manifest_above_the_limit_is_not_swallowed(self):
        self.proxy.always("GET", "/manifests/", replace(b" " * (5 << 20)))
        chart = self.assert_code(self.ocisync.sync(), 3).chart("web")
        self.assertEqual(chart["reason"], "LimitExceeded")

    def test_a_missing_or_lying_digest_header(self):
        self.proxy.always("*", "/manifests/", header("Docker-Content-Digest", None))
        self.assert_code(self.ocisync.sync(), 0)
        self.assert_code(self.ocisync.sync(), 0)
        self.proxy.rules.clear()
        self.proxy.always("GET", "/manifests/", header("Docker-Content-Digest", "sha256:" + "0" * 64))
        chart = self.assert_code(self.new_ocisync("lying").spec([self.ref]).sync(), 3).chart("web")
        self.assertEqual(chart["reason"], "DigestMismatch")

    def test_a_page_for_people_is_recognised(self):
        self.proxy.always("GET", "/manifests/", status(200, b"<html>please log in</html>", Content_Type="text/html"))
        chart = self.assert_code(self.ocisync.sync(), 3).chart("web")
        self.assertEqual((chart["reason"], chart["stage"]), ("ProtocolViolation", "resolve"))

    def test_an_optional_chart_never_changes_the_exit_code(self):
        self.ocisync.spec([self.ref, {"name": "gone", "ref": f"oci://{self.proxy.host}/charts/web:9.9.9",
                                      "required": False}])
        run = self.assert_code(self.ocisync.sync(), 0)
        self.assertEqual((run.chart("gone")["state"], run.chart("web")["state"]), ("failed", "updated"))

    def test_a_chart_that_cannot_be_checked_may_be_stale_for_a_while(self):
        self.ocisync.spec([self.ref], acceptStale="1h")
        self.assert_code(self.ocisync.sync(), 0)
        self.proxy.always("*", "/manifests/", status(503))
        self.proxy.always("HEAD", "/manifests/", status(503))
        run = self.assert_code(self.ocisync.run("--timeout", "1s"), 0)
        self.assertEqual(run.chart("web")["state"], "failed")
        self.ocisync.spec([self.ref], acceptStale="1ms")
        self.assert_code(self.ocisync.run("--timeout", "1s"), 1)

    def test_a_registry_that_comes_up_late_is_waited_for(self):
        self.registry.stop()
        process = self.ocisync.popen("--timeout", "20s")
        time.sleep(1)
        self.registry.start()
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, out + err)

    def test_a_long_back_off_gives_no_time_away(self):
        self.registry.stop()
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"], retry={"min": "1m", "max": "5m"})
        run = self.assert_code(self.ocisync.run("--timeout", "3s"), 1)
        chart = run.chart("web")
        self.assertEqual((chart["reason"], chart["attempts"]), ("Unavailable", 2))
        self.assertIn("no further try fits into --timeout 3s", chart["message"])
        self.assertGreaterEqual(run.result["durationSeconds"], 2)  # the last try is made a second before the end
        process = self.ocisync.popen("--timeout", "10s")
        time.sleep(1)
        self.registry.start()
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, out + err)

    def test_a_registry_that_never_comes_up_ends_with_the_time_limit(self):
        self.registry.stop()
        self.ocisync.spec([f"oci://{self.registry.host}/charts/web:1.0.0"])
        chart = self.run_out_of_time().chart("web")
        self.assertEqual(chart["reason"], "Unavailable")
        self.assertGreater(chart["attempts"], 1)

    def test_the_time_limit_cuts_off_a_body_that_comes_slowly(self):
        data = charts.archive(charts.chart_files(**{"noise": os.urandom(1 << 20)}))
        self.push.current("3.0.0", data=data)
        self.proxy.always("GET", self.blob(data), trickle(2048, 0.1))
        self.ocisync.spec([f"oci://{self.proxy.host}/charts/web:3.0.0"])
        chart = self.run_out_of_time().chart("web")
        self.assertEqual((chart["reason"], chart["stage"], chart["attempts"]), ("TimedOut", "content", 1))
        self.assertIn("--timeout 3s", chart["message"])

    def test_a_silent_server_is_given_up_by_the_step_timeout(self):
        self.proxy.always("GET", "/manifests/", delay(30))
        self.ocisync.spec([self.ref], timeout="300ms")
        run = self.assert_code(self.ocisync.run("--timeout", "3s"), 1)
        self.assertEqual(run.chart("web")["reason"], "TimedOut")

    def test_slow_but_steady_is_never_cut_and_a_stall_is(self):
        data = charts.archive(charts.chart_files(**{"noise": os.urandom(24 << 10)}))
        self.push.current("3.0.0", data=data)
        ref = f"oci://{self.proxy.host}/charts/web:3.0.0"
        self.proxy.always("GET", self.blob(data), trickle(2048, 0.2))
        self.ocisync.spec([ref], timeout="500ms", stallTimeout="1s")
        self.assert_code(self.ocisync.sync(), 0)
        self.proxy.rules.clear()
        self.proxy.times(3, "GET", self.blob(data), trickle(100, 3))
        stalled = self.new_ocisync("stalled").spec([ref], stallTimeout="1s")
        run = self.assert_code(stalled.run("--timeout", "60s"), 0)
        told = [event for event in run.events() if event["event"] == "ChartRetry"]
        self.assertEqual([event["reason"] for event in told], ["TimedOut"], run.stderr)
        self.assertIn("slower than 1 KiB/s for 1 s", told[0]["msg"])

    def test_a_body_that_stalls_is_cut_and_resumed(self):
        data = charts.archive(charts.chart_files(**{"noise": os.urandom(3 << 20)}))
        self.push.current("3.0.0", data=data)
        self.ocisync.spec([f"oci://{self.proxy.host}/charts/web:3.0.0"], stallTimeout="1s")
        reached, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)
        self.proxy.once("GET", self.blob(data), hold(1 << 20, reached, release))
        run = self.assert_code(self.ocisync.run("--timeout", "60s"), 0)
        self.assertTrue(reached.is_set())
        ranges = [seen.headers.get("Range") for seen in self.proxy.seen if self.blob(data) in seen.path]
        self.assertEqual(ranges, [None, f"bytes={1 << 20}-"], run.stderr)

    def test_a_redirect_carries_no_credentials_to_another_host(self):
        data = charts.archive(charts.chart_files("web", "1.0.0"))
        secured = self.start_registry("secured", htpasswd={"robot": "secret"})
        self.pusher(secured, user="robot", password="secret").current("1.0.0")
        with FaultProxy(None) as storage, FaultProxy(secured) as front:
            storage.always("GET", "/bucket", status(200, data))
            front.always("GET", self.blob(data), status(307, Location=storage.url + "/bucket?signature=abc123"))
            self.ocisync.spec([f"oci://{front.host}/charts/web:1.0.0"],
                              [{"host": front.host, "credentials": {"username": "robot", "passwordEnv": "P"}}])
            run = self.assert_code(self.ocisync.sync("--log-level", "debug", P="secret"), 0)
            self.assertEqual(len(storage.seen), 1)
            self.assertNotIn("Authorization", storage.seen[0].headers)
            self.assertNotIn("abc123", run.stderr + run.stdout)

    def test_redirects_that_lead_astray_are_refused(self):
        data = charts.archive(charts.chart_files("web", "1.0.0"))
        for name, location in {"loop": f"{self.proxy.url}/v2/charts/web/blobs/{charts.sha256(data)}",
                               "file": "file:///etc/passwd", "userinfo": f"http://u:p@{self.proxy.host}/x",
                               "gopher": "gopher://127.0.0.1/"}.items():
            with self.subTest(location=name):
                self.proxy.rules.clear()
                self.proxy.always("GET", self.blob(data), status(307, Location=location))
                chart = self.assert_code(self.new_ocisync(name).spec([self.ref]).sync(), 3).chart("web")
                self.assertIn(chart["reason"], ("PolicyRefused", "ProtocolViolation"), chart)

    def test_inward_redirects_need_permission(self):
        data = charts.archive(charts.chart_files("web", "1.0.0"))
        self.proxy.always("GET", self.blob(data), status(307, Location="http://127.0.0.1:9/latest/meta-data"))
        self.ocisync.spec([self.ref], [{"host": self.proxy.host, "allowPrivateRedirects": False}])
        chart = self.assert_code(self.ocisync.sync(), 3).chart("web")
        self.assertEqual(chart["reason"], "PolicyRefused")

    def test_a_mirror_serves_the_bytes_and_the_origin_the_tags(self):
        with FaultProxy(self.registry) as mirror:
            self.ocisync.spec([self.ref], [{"host": self.proxy.host, "mirrors": [{"host": mirror.host}]}])
            self.assert_code(self.ocisync.sync(), 0)
            self.assertEqual((self.proxy.count("GET", "/blobs/"), mirror.count("GET", "/blobs/")), (0, 2))
            self.assertEqual((self.proxy.count("GET", "/manifests/1.0.0"), mirror.count("GET", "/manifests/1.0.0")), (1, 0))
        broken = self.new_ocisync("broken").spec(
            [self.ref], [{"host": self.proxy.host, "mirrors": [{"host": "127.0.0.1:9"}]}])
        self.assert_code(broken.sync(), 0)

    def test_a_mirror_that_never_answers_is_waited_for_once(self):
        for repository in ("charts/a", "charts/b"):
            self.pusher(self.registry, repository).current("1.0.0")
        with FaultProxy(self.registry) as mirror:
            mirror.always("*", "/", delay(30))
            self.ocisync.spec([{"name": name, "ref": f"oci://{self.proxy.host}/charts/{name}:1.0.0"} for name in "ab"],
                              [{"host": self.proxy.host, "mirrors": [{"host": mirror.host}]}],
                              timeout="1s", concurrency=1)
            self.assert_code(self.ocisync.sync(), 0)
            self.assertEqual(len(mirror.seen), 1)

    def test_a_proxy_is_used_for_what_is_not_loopback(self):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_error(502)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        self.ocisync.spec(["oci://registry.invalid/charts/web:1.0.0"],
                          [{"host": "registry.invalid", "plainHTTP": True}])
        proxy = f"http://127.0.0.1:{server.server_port}"
        self.ocisync.run("--timeout", "2s", HTTP_PROXY=proxy)
        self.assertTrue(asked and asked[0].startswith("http://registry.invalid/v2/"), asked)
        asked.clear()
        self.ocisync.run("--timeout", "1s", HTTP_PROXY=proxy, NO_PROXY="registry.invalid")
        self.assertEqual(asked, [])
