"""The sidecar: charts follow their registry, and what a reader sees is always whole."""
import collections
import datetime
import os
import shutil
import signal
import subprocess
import threading
import time

from tests.support.case import Case
from tests.support.charts import chart_files
from tests.support.ports import free_port
from tests.support.proxy import FaultProxy, delay, hold, status
from tests.support.sidecar import Sidecar, eventually
from tests.support.tls import Authority
from tests.support.token_service import TokenService


class Following(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)

    def sidecar(self, *arguments, prefix=(), **environment):
        made = Sidecar(self.ocisync, *arguments, prefix=prefix, **environment)
        self.addCleanup(made.kill)
        return made.start()

    def watch(self, charts, registries=(), interval="1s", **settings):
        self.ocisync.spec(charts, registries, interval=interval, **settings)
        return self.sidecar()

    def ref(self, tag="1.0.0", repository="charts/web"):
        return f"oci://{self.registry.host}/{repository}:{tag}"

    def exported_version(self):
        return self.ocisync.exported("web")["values.yaml"].decode().split("version: ")[1].strip()

    def test_a_moved_tag_is_followed_and_back_again_from_the_cache(self):
        first = self.push.current("stable", version="1.0.0")
        sidecar = self.watch([self.ref("stable")])
        eventually(sidecar.is_ready, "ready")
        second = self.push.current("stable", version="1.1.0")
        eventually(lambda: sidecar.chart()["digest"] == second, "the update")
        self.assertEqual(self.exported_version(), "1.1.0")
        self.assertEqual(sidecar.syncs("updated"), 2)
        self.registry.forget()
        self.push.current("stable", version="1.0.0")
        eventually(lambda: sidecar.chart()["digest"] == first, "the way back")
        self.assertEqual(self.exported_version(), "1.0.0")
        blobs = [r for r in self.registry.requests() if r.method == "GET" and "/blobs/" in r.path]
        self.assertEqual(blobs, [])

    def test_unrelated_tags_change_nothing(self):
        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()])
        eventually(sidecar.is_ready, "ready")
        before = self.ocisync.snapshot()
        self.push.current("1.0.1")
        sidecar.next_check(times=2)
        self.assertEqual(self.ocisync.snapshot(), before)
        self.assertEqual(sidecar.syncs("updated"), 1)
        self.assertGreaterEqual(sidecar.syncs("unchanged"), 2)

    def test_a_range_moves_to_what_satisfies_it_only(self):
        self.push.current("1.0.0")
        sidecar = self.watch([{"ref": f"oci://{self.registry.host}/charts/web", "version": "^1.0"}])
        eventually(sidecar.is_ready, "ready")
        self.push.current("2.0.0")
        self.push.current("1.2.0-rc.1")
        self.push.current("1.1.0")
        eventually(lambda: sidecar.chart()["version"] == "1.1.0", "1.1.0")
        sidecar.next_check(times=2)
        self.assertEqual(sidecar.chart()["version"], "1.1.0")

    def test_a_pinned_digest_is_not_asked_for_again_but_heals(self):
        digest = self.push.current("1.0.0")
        sidecar = self.watch([f"oci://{self.registry.host}/charts/web@{digest}"])
        eventually(sidecar.is_ready, "ready")
        self.registry.forget()
        shutil.rmtree(self.ocisync.export / ".ocisync/trees")
        eventually(lambda: sidecar.syncs("repaired") == 1, "the repair")
        self.assertEqual(self.exported_version(), "1.0.0")
        self.assertEqual(self.registry.requests(), [])

    def test_an_immutable_chart_is_not_asked_for_again_and_stays_when_its_tag_moves(self):
        self.push.current("1.0.0")
        sidecar = self.watch([{"ref": self.ref(), "immutable": True}])
        eventually(sidecar.is_ready, "ready")
        self.push.current("1.0.0", version="1.0.1")
        before = self.ocisync.snapshot()
        self.registry.forget()
        sidecar.next_check(times=2)
        sidecar.check_now()
        self.assertEqual(sidecar.stop(), 0)
        sidecar = self.sidecar()
        sidecar.next_check(times=2)
        self.assertEqual(sidecar.syncs("updated"), 0)
        self.assertEqual(self.ocisync.snapshot(), before)
        self.assertEqual(self.exported_version(), "1.0.0")
        self.assertEqual(self.registry.requests(), [])

    def test_what_was_altered_or_deleted_is_restored_from_the_cache(self):
        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()], export={"layout": "directory"})
        eventually(sidecar.is_ready, "ready")
        original = self.ocisync.exported("web")
        self.registry.forget()
        (self.ocisync.export / "web/values.yaml").write_text("tampered: true\n")
        eventually(lambda: self.ocisync.exported("web") == original, "the repair of an altered file")
        (self.ocisync.export / "web/Chart.yaml").unlink()
        eventually(lambda: self.ocisync.exported("web") == original, "the repair of a deleted file")
        shutil.rmtree(self.ocisync.export / "web")
        eventually(lambda: (self.ocisync.export / "web").exists() and self.ocisync.exported("web") == original,
                   "the repair of the whole export")
        eventually(lambda: sidecar.syncs("repaired") == 3, "the count")
        self.assertEqual([r.path for r in self.registry.requests() if "/blobs/" in r.path], [])
        self.assertEqual(len(sidecar.events("ChartRepaired")), 3)

    def test_a_hanging_registry_delays_nobody_else(self):
        self.push.current("1.0.0")
        others = [{"name": f"chart{i}", "ref": self.ref()} for i in range(5)]
        with FaultProxy(self.registry) as hangs:
            hangs.always("*", "/v2/charts/", delay(3600))
            stuck = [{"name": f"stuck{i}", "ref": f"oci://{hangs.host}/charts/web:1.0.0", "required": False}
                     for i in range(20)]
            sidecar = self.watch(stuck + others, concurrency=4)
            eventually(sidecar.is_ready, "ready")
            for chart in others:
                sidecar.next_check(chart["name"], times=2)
            self.assertIsNone(sidecar.chart("stuck0").get("lastSuccess"))

    def test_a_restart_without_the_registry_is_ready_and_says_it_is_stale(self):
        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()])
        eventually(sidecar.is_ready, "ready")
        self.assertEqual(sidecar.stop(), 0)
        self.registry.stop()
        sidecar = self.sidecar()
        eventually(sidecar.is_ready, "ready")
        said = sidecar.await_event("ChartRetry")[0]
        self.assertIn("1.0.0 (stale, confirmed at ", said["exported"])
        self.assertEqual(sidecar.condition("Ready")["status"], "False")
        self.assertEqual(sidecar.condition("Stalled")["status"], "False")
        self.assertEqual(sidecar.get("/livez")[0], 200)
        self.registry.start()
        eventually(lambda: sidecar.condition("Ready")["status"] == "True", "recovery")
        sidecar.await_event("ChartRecovered")

    def test_a_suspended_chart_is_left_alone(self):
        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()])
        eventually(sidecar.is_ready, "ready")
        self.assertEqual(sidecar.stop(), 0)
        self.registry.forget()
        self.push.current("1.0.0", version="1.0.1")
        self.pusher(self.registry, "charts/other").current("1.0.0", name="other")
        self.ocisync.spec([{"ref": self.ref(), "suspend": True}, self.ref(repository="charts/other")], interval="1s")
        pushes = len(self.registry.requests())
        sidecar = self.sidecar()
        eventually(sidecar.is_ready, "ready")
        sidecar.next_check("other", times=2)
        self.assertEqual(self.exported_version(), "1.0.0")
        asked = [request.path for request in self.registry.requests()[pushes:]]
        self.assertEqual([path for path in asked if "/charts/web/" in path], [])
        self.assertTrue(sidecar.chart()["suspended"])
        self.assertEqual(sidecar.chart()["version"], "1.0.0")
        self.assertEqual(sidecar.condition("Reconciling")["reason"], "Suspended")
        self.assertEqual(sidecar.metric("chart_suspended", chart="web"), 1)

    def test_sigusr1_syncs_now(self):
        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()], interval="1h")
        eventually(sidecar.is_ready, "ready")
        second = self.push.current("1.0.0", version="1.0.1")
        sidecar.send(signal.SIGUSR1)
        eventually(lambda: sidecar.chart()["digest"] == second, "the update")

    def test_before_and_after_the_first_success(self):
        sidecar = self.watch([self.ref()], retry={"min": "100ms", "max": "200ms"})
        self.assertEqual([sidecar.get(path)[0] for path in ("/livez", "/startupz", "/readyz")], [200, 503, 503])
        self.assertIn("web", sidecar.get("/readyz?verbose")[1])
        self.assertEqual(sidecar.syncs("updated"), 0)
        self.push.current("1.0.0")
        eventually(sidecar.is_ready, "ready")
        self.assertEqual([sidecar.get(path)[0] for path in ("/livez", "/startupz", "/readyz")], [200, 200, 200])
        self.assertEqual(sidecar.metric("chart_ready", chart="web"), 1)

    def test_staleness_ends_readiness_only_when_asked_to(self):
        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()], http={"maxStaleness": "3s"})
        eventually(sidecar.is_ready, "ready")
        self.registry.stop()
        eventually(lambda: not sidecar.is_ready(), "staleness")
        self.assertIn("web: stale", sidecar.get("/readyz?verbose")[1])
        self.assertEqual(sidecar.get("/livez")[0], 200)
        self.registry.start()
        eventually(sidecar.is_ready, "ready again")

    def test_transfers_are_counted_as_the_registry_counts_them(self):
        self.push.current("1.0.0")
        self.registry.forget()
        sidecar = self.watch([self.ref()], interval="1h")
        eventually(sidecar.is_ready, "ready")
        requests = self.registry.requests()
        counted = {(labels["method"], labels["code"]): value for name, labels, value in sidecar.metrics()
                   if name == "ocisync_registry_requests_total"}
        self.assertEqual(counted, collections.Counter((r.method, str(r.status)) for r in requests))
        received = sum(r.bytes for r in requests if r.method == "GET")
        self.assertEqual(sidecar.metric("transfer_bytes_total", direction="received"), received)
        self.assertEqual(sidecar.metric("transfer_bytes_total", direction="sent"), 0)
        self.assertEqual(sidecar.metric("transfers_in_flight", host=self.registry.host), 0)

    def test_what_is_sent_to_a_token_service_is_counted_for_the_registry(self):
        with TokenService(self.folder / "tokens", {"robot": "pw"}, identity="refresh-me") as service:
            registry = self.start_registry("guarded", token=service.registry_options())
            token = service.token("robot", ["repository:charts/web:pull,push"])
            push = self.pusher(registry)
            push.headers["Authorization"] = "Bearer " + token
            push.current("1.0.0")
            (self.folder / "identity").write_text("refresh-me\n")
            sidecar = self.watch([f"oci://{registry.host}/charts/web:1.0.0"],
                                 [{"host": registry.host,
                                   "credentials": {"identityTokenFile": str(self.folder / "identity")}}], interval="1h")
            eventually(sidecar.is_ready, "ready")
            posted = [int(seen.headers["Content-Length"]) for seen in service.seen if seen.method == "POST"]
            self.assertEqual(len(posted), 1)
            self.assertEqual(sidecar.metric("transfer_bytes_total", host=registry.host, direction="sent"), posted[0])

    def test_one_series_a_chart_however_often_its_tag_moves(self):
        self.push.current("stable", version="1.0.0")
        sidecar = self.watch([self.ref("stable")], interval="1h")
        eventually(sidecar.is_ready, "ready")
        for i in range(1, 6):
            if i == 2:
                before = len(sidecar.metrics())  # by now every kind of request was made
            digest = self.push.current("stable", version=f"1.0.{i}")
            sidecar.send(signal.SIGUSR1)
            eventually(lambda d=digest: sidecar.chart()["digest"] == d, "the update")
        info = [labels for name, labels, _ in sidecar.metrics() if name == "ocisync_chart_info"]
        self.assertEqual([labels["version"] for labels in info], ["1.0.5"])
        self.assertEqual(len(sidecar.metrics()), before)

    def test_a_busy_address_is_named_and_nobody_asked(self):
        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()])
        self.registry.forget()
        run = self.ocisync.run(command=[self.ocisync.binary, "--config", self.ocisync.spec_file, "--watch",
                                        "--listen", f"127.0.0.1:{sidecar.port}", "--export", self.folder / "other"])
        self.assert_code(run, 2)
        self.assertIn(f"127.0.0.1:{sidecar.port}", run.stderr)
        self.assertEqual(run.stdout, "")

    def test_a_probe_finds_a_sidecar_that_speaks_tls_by_its_spec_alone(self):
        self.push.current("1.0.0")
        authority = Authority(self.folder / "authority")
        certificate = authority.issue("sidecar")
        port = free_port()
        self.ocisync.spec([self.ref()], http={
            "listen": f"[::]:{port}", "tls": {"certFile": str(certificate.cert), "keyFile": str(certificate.key)}})
        binary, spec = self.ocisync.binary, str(self.ocisync.spec_file)
        process = subprocess.Popen([binary, "--watch"], env=self.ocisync.environment(OCISYNC_CONFIG=spec),
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def ask(*arguments, **environment):
            return self.ocisync.run(command=[binary, *map(str, arguments)], **environment)

        self.assert_code(ask("probe", "--ready", "--wait", "60s", "--config", spec), 0)
        self.assert_code(ask("probe", "--live", OCISYNC_CONFIG=spec), 0)
        self.assert_code(ask("probe", "--live", OCISYNC_LISTEN=f":{port}"), 0)
        self.assertIn("web", self.assert_code(ask("status", "--config", spec), 0).stdout)
        good = self.ocisync.spec_file.read_text()
        self.ocisync.spec_file.write_text(good.replace('"retry"', '"retries"'))  # the sidecar keeps the old spec
        self.assert_code(ask("validate", "--config", spec), 2)
        self.assert_code(ask("probe", "--live", "--config", spec), 0)
        self.ocisync.spec_file.write_text(good)
        url = ["--url", f"https://127.0.0.1:{port}"]
        self.assertIn("certificate", self.assert_code(ask("probe", "--live", *url), 1).stderr)
        self.assert_code(ask("probe", "--live", *url, "--ca-file", authority.cert), 0)
        self.assert_code(ask("probe", "--live", *url, "--insecure-skip-tls-verify"), 0)
        other = Authority(self.folder / "other")
        self.assert_code(ask("probe", "--live", *url, "--ca-file", other.cert), 1)
        self.assert_code(ask("probe", "--live", "--config", spec, "--ca-file", other.cert), 1)
        process.terminate()
        self.assertEqual(process.wait(timeout=60), 0)
        self.assert_code(ask("probe", "--live", "--config", spec), 1)

    def test_timeout_contradicts_watch(self):
        self.ocisync.spec([self.ref()])
        run = self.ocisync.run(command=[self.ocisync.binary, "--config", self.ocisync.spec_file, "--watch",
                                        "--timeout", "5s"])
        self.assert_code(run, 2)
        self.assertIn("--timeout", run.stderr)

    def test_what_is_said_of_no_config_is_said_of_a_watch_too(self):
        for words in (["--watch"], ["--watch", "--locked"], ["--watch", "--config", ""]):
            run = self.ocisync.run(command=[self.ocisync.binary, "sync", *words])
            self.assert_code(run, 2)
            self.assertIn("--config is missing" if "--config" not in words else "is empty", run.stderr)

    def test_a_transfer_that_stands_still_leaves_the_endpoints_answering(self):
        first = self.push.current("1.0.0")
        reached, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)
        with FaultProxy(self.registry) as proxy:
            sidecar = self.watch([f"oci://{proxy.host}/charts/web:1.0.0"], interval="1h", stallTimeout="5m")
            eventually(sidecar.is_ready, "ready")
            files = chart_files(version="1.0.1", **{"big.bin": os.urandom(1 << 20)})
            second = self.push.current("1.0.0", version="1.0.1", files=files)
            proxy.always("GET", "/blobs/", hold(1 << 19, reached, release))
            sidecar.send(signal.SIGUSR1)
            self.assertTrue(reached.wait(60))
            eventually(lambda: sidecar.metric("transfers_in_flight", host=proxy.host) == 1, "the config beside it")
            sidecar.await_beat()  # liveness ends half a minute after the last
            for path in ("/livez", "/readyz", "/startupz", "/metrics", "/status", "/"):
                self.assertEqual(sidecar.get(path)[0], 200, path)
            self.assertEqual(sidecar.metric("transfers_in_flight", host=proxy.host), 1)
            self.assertEqual(sidecar.condition("Reconciling")["status"], "True")
            self.assertEqual(sidecar.chart()["digest"], first)
            release.set()
            eventually(lambda: sidecar.chart()["digest"] == second, "the update")

    def test_registries_that_all_stand_still_leave_the_endpoints_answering(self):
        other = self.start_registry("other")
        pushers = {"web": self.push, "other": self.pusher(other, "charts/web")}
        for push in pushers.values():
            push.current("1.0.0")
        sidecar = self.watch([self.ref(), {"name": "other", "ref": f"oci://{other.host}/charts/web:1.0.0"}], interval="1h")
        eventually(sidecar.is_ready, "ready")
        wanted = {name: push.current("1.0.0", version="1.0.1") for name, push in pushers.items()}
        for registry in (self.registry, other):
            registry.process.send_signal(signal.SIGSTOP)
        sidecar.send(signal.SIGUSR1)
        for name in pushers:
            eventually(lambda n=name: sidecar.condition("Reconciling", n)["status"] == "True", "the question")
        sidecar.await_beat()
        for path in ("/livez", "/readyz", "/startupz", "/metrics", "/status", "/"):
            self.assertEqual(sidecar.get(path)[0], 200, path)
        for registry in (self.registry, other):
            registry.process.send_signal(signal.SIGCONT)
        eventually(lambda: {name: sidecar.chart(name)["digest"] for name in pushers} == wanted, "the updates")

    def test_a_reconciler_that_hangs_is_not_alive_though_the_server_answers(self):
        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()])
        eventually(sidecar.is_ready, "ready")
        with sidecar.frozen():
            eventually(lambda: sidecar.get("/livez")[0] == 503, "the end of liveness")
            self.assertEqual([sidecar.get(path)[0] for path in ("/healthz", "/metrics", "/readyz")], [503, 200, 200])
        eventually(lambda: sidecar.get("/livez")[0] == 200, "life again")
        sidecar.next_check()

    def test_equal_intervals_are_spread(self):
        self.push.current("1.0.0")
        charts = [{"name": f"chart{i}", "ref": self.ref()} for i in range(50)]
        sidecar = self.watch(charts, interval="1h", jitter="50%")
        eventually(sidecar.is_ready, "ready")
        planned = [datetime.datetime.fromisoformat(c["nextAttempt"].rstrip("Z")) for c in sidecar.status()["charts"]]
        self.assertGreater(max(planned) - min(planned), datetime.timedelta(minutes=10))  # of thirty
        self.assertGreater(len(set(planned)), 25)

    def test_a_hundred_charts_that_move_on_and_on_leave_nothing_behind(self):
        pushers = [self.pusher(self.registry, f"charts/chart{i}") for i in range(100)]

        def push(version):
            return {f"chart{i}": push.current("stable", version=version, name=f"chart{i}", files=chart_files(
                f"chart{i}", version, **{"data.bin": os.urandom(1 << (10 + i % 9))})) for i, push in enumerate(pushers)}

        wanted = push("1.0.0")
        sidecar = self.watch([self.ref("stable", f"charts/{name}") for name in wanted], interval="1h",
                             export={"keepRevisions": 0, "keepFor": "0s"}, cache={"path": str(self.ocisync.cache)})
        seen = []
        for round in range(1, 6):
            eventually(lambda: {c["name"]: c.get("digest") for c in sidecar.status()["charts"]} == wanted,
                       f"round {round}", 120)
            seen.append((sidecar.descriptors(), sidecar.threads()))
            wanted = push(f"1.0.{round}")
            sidecar.send(signal.SIGUSR1)
        self.assertLessEqual(seen[-1][0], seen[1][0] + 8)  # connections that the registry keeps open
        self.assertEqual(seen[-1][1], seen[1][1])
        self.assertLessEqual(sidecar.peak_kib(), 48 * 1024)
        self.assertEqual([e for e in sidecar.events() if e["level"] in ("warning", "error")], [])

    def test_a_frozen_sidecar_recovers(self):
        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()])
        eventually(sidecar.is_ready, "ready")
        sidecar.send(signal.SIGSTOP)
        second = self.push.current("1.0.0", version="1.0.1")
        time.sleep(31)  # no heartbeat of before counts any more
        sidecar.send(signal.SIGCONT)
        eventually(lambda: sidecar.get("/livez")[0] == 200, "life again", seconds=10)
        eventually(lambda: sidecar.chart()["digest"] == second, "the update", seconds=10)
        sidecar.next_check()

    def test_backoff_grows_and_a_signal_cuts_it_short(self):
        with FaultProxy(self.registry) as proxy:
            proxy.always("GET", "/manifests/", status(404))
            proxy.always("HEAD", "/v2/", status(500))
            self.push.current("1.0.0")
            sidecar = self.watch([f"oci://{proxy.host}/charts/web:1.0.0"], retry={"min": "1h", "max": "1h"},
                                 interval="1h")
            sidecar.await_event("ChartFailed")
            self.assertEqual(sidecar.condition("Stalled")["status"], "True")
            proxy.rules.clear()
            sidecar.send(signal.SIGUSR1)
            eventually(sidecar.is_ready, "ready")

    def test_a_failing_chart_is_told_of_ever_less_often(self):
        self.registry.stop()
        sidecar = self.watch([self.ref()], retry={"min": "10ms", "max": "10ms"})
        eventually(lambda: (sidecar.chart() or {}).get("consecutiveFailures", 0) >= 9, "nine failures")
        told = [event["attempt"] for event in sidecar.events("ChartRetry")]
        self.assertEqual(told[:4], [1, 2, 4, 8])

    def test_retry_after_is_kept_by_every_chart_of_the_registry(self):
        self.push.current("1.0.0")
        with FaultProxy(self.registry) as proxy:
            proxy.once("GET", "/manifests/", status(429, Retry_After=3600))
            charts = [{"name": f"chart{i}", "ref": f"oci://{proxy.host}/charts/web:1.0.0"} for i in range(3)]
            sidecar = self.watch(charts, retry={"min": "10ms", "max": "20ms"}, concurrency=1)
            for chart in charts:
                eventually(lambda c=chart: (sidecar.chart(c["name"]) or {}).get("reason") == "RateLimited", "patience")
            asked = proxy.count("*", "")
            sidecar.send(signal.SIGUSR1)
            time.sleep(0.3)  # nothing must come; there is nothing to wait for
            self.assertEqual(proxy.count("*", ""), asked)
            self.assertGreater(sidecar.metric("registry_blocked_until_timestamp_seconds"), time.time() + 3000)

    def test_content_that_was_superseded_leaves_the_cache_when_it_is_old_and_too_much(self):
        first = self.push.current("1.0.0")
        sidecar = self.watch([self.ref()], interval="1h", export={"keepRevisions": 0, "keepFor": "0s"},
                             cache={"path": str(self.ocisync.cache), "maxSize": "1Ki"})
        eventually(sidecar.is_ready, "ready")
        old = time.time() - 2 * 3600
        for blob in (self.ocisync.cache / "blobs/sha256").iterdir():
            os.utime(blob, (old, old))
        second = self.push.current("1.0.0", version="1.0.1", files=chart_files(version="1.0.1", noise=os.urandom(4096)))
        sidecar.send(signal.SIGUSR1)
        eventually(lambda: sidecar.metric("cache_evictions_total") == 3, "manifest, config and content gone")
        blobs = {blob.name for blob in (self.ocisync.cache / "blobs/sha256").iterdir()}
        self.assertNotIn(first[7:], blobs)
        self.assertIn(second[7:], blobs)
        eventually(lambda: sidecar.metric("cache_blobs") == len(blobs), "the count")

    def test_what_nothing_names_leaves_the_cache_once_it_is_old_enough(self):
        settings = {"interval": "1h", "export": {"keepRevisions": 0, "keepFor": "0s"}}
        blobs, added = self.ocisync.cache / "blobs/sha256", []
        for version in ("1.0.0", "1.0.1", "1.0.2"):
            before = set(blobs.iterdir()) if blobs.exists() else set()
            self.push.current("1.0.0", version=version)
            self.ocisync.spec([self.ref()], **settings)
            self.assert_code(self.ocisync.sync(), 0)
            added.append(set(blobs.iterdir()) - before)
        old, young, named = added
        then = time.time() - 25 * 3600
        for blob in old | named:
            os.utime(blob, (then, then))
        sidecar = self.sidecar()
        eventually(lambda: sidecar.metric("cache_evictions_total") == len(old), "manifest, config and content gone")
        self.assertEqual(set(blobs.iterdir()), young | named)
        eventually(lambda: sidecar.metric("cache_blobs") == len(young | named), "the count")
        self.assertEqual(sidecar.syncs("unchanged"), 1)

    def test_the_status_file_is_whole_at_every_moment(self):
        import json

        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()])
        eventually(sidecar.is_ready, "ready")
        file = self.ocisync.export / ".ocisync/status/test.json"
        eventually(file.exists, "the file")
        seen = set()

        def several():
            seen.add(json.loads(file.read_text())["updatedAt"])
            return len(seen) >= 3

        eventually(several, "three versions of the file")

    def test_every_log_line_is_json_with_the_fixed_keys(self):
        self.push.current("1.0.0", annotations={"note": "a\x1b[31mred\nline"})
        sidecar = self.watch([self.ref(), {"name": "gone", "ref": self.ref("9.9.9"), "required": False}],
                             retry={"min": "10ms", "max": "10ms"})
        eventually(sidecar.is_ready, "ready")
        sidecar.await_event("ChartFailed")
        self.assertEqual(sidecar.stop(), 0)
        self.assertEqual(sidecar.process.stdout.read(), b"")
        for event in sidecar.events():
            self.assertEqual(list(event)[:4], ["ts", "level", "event", "msg"])
        self.assertEqual(sidecar.events()[-1]["event"], "Stopped")

    def test_idle_it_costs_nothing_and_keeps_nothing(self):
        self.push.current("1.0.0")
        sidecar = self.watch([self.ref()])
        eventually(sidecar.is_ready, "ready")
        sidecar.next_check(times=2)
        before = (sidecar.descriptors(), sidecar.threads())
        said = [event["event"] for event in sidecar.events()]
        self.assertEqual(said, ["Started", "ChartUpdated"])
        sidecar.next_check(times=5)
        self.assertEqual([event["event"] for event in sidecar.events()], said)
        self.assertLessEqual(sidecar.descriptors(), before[0] + 1)  # the request that asks is one itself
        self.assertEqual(sidecar.threads(), before[1])
