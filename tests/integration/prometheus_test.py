"""A real Prometheus scrapes a sidecar: what it then knows is what the registry saw."""
import collections
import subprocess

from tests.support.case import Case
from tests.support.prometheus import Prometheus
from tests.support.proxy import FaultProxy, status
from tests.support.sidecar import Sidecar, eventually

# All but what does not occur here: nothing is verified yet.
FAMILIES = """build_info config_last_reload_successful config_last_reload_success_timestamp_seconds config_reloads_total
syncs_total sync_failures_total sync_duration_seconds chart_info chart_ready chart_stalled chart_suspended
chart_interval_seconds chart_consecutive_failures chart_last_success_timestamp_seconds
chart_last_attempt_timestamp_seconds registry_requests_total registry_request_duration_seconds registry_retries_total
registry_blocked_until_timestamp_seconds transfer_bytes_total transfers_in_flight cache_hits_total cache_misses_total
cache_evictions_total cache_size_bytes cache_blobs credential_refreshes_total hook_runs_total
status_write_failures_total reconciler_heartbeat_timestamp_seconds""".split()
PROCESS = ["cpu_seconds_total", "open_fds", "max_fds", "virtual_memory_bytes", "resident_memory_bytes",
           "start_time_seconds"]


class Scraped(Case):
    def test_it_knows_every_family_and_what_the_registry_counted(self):
        registry = self.start_registry(htpasswd={"robot": "hare"})
        push = self.pusher(registry, user="robot", password="hare")
        push.current("1.0.0")
        (self.folder / "password").write_text("hare")
        credentials = {"username": "robot", "passwordFile": str(self.folder / "password")}
        (self.folder / "wrong").write_text("tortoise")
        wrong = {**credentials, "passwordFile": str(self.folder / "wrong")}
        with FaultProxy(registry) as flaky, FaultProxy(registry) as patient, FaultProxy(registry) as strict:
            flaky.once("GET", "/manifests/", status(503))
            patient.always("*", "/manifests/", status(429, Retry_After=3600))
            charts = [f"oci://{registry.host}/charts/web:1.0.0",
                      {"name": "gone", "ref": f"oci://{registry.host}/charts/web:9.9.9", "required": False},
                      {"name": "flaky", "ref": f"oci://{flaky.host}/charts/web:1.0.0"},
                      {"name": "patient", "ref": f"oci://{patient.host}/charts/web:1.0.0", "required": False},
                      {"name": "refused", "ref": f"oci://{strict.host}/charts/web:1.0.0", "required": False}]
            used = [(host, credentials) for host in (registry.host, flaky.host, patient.host)] + [(strict.host, wrong)]
            self.ocisync.spec(charts, [{"host": host, "credentials": each} for host, each in used], interval="1h",
                              hooks=[{"name": "mark", "touch": str(self.folder / "mark")}])
            registry.forget()
            sidecar = Sidecar(self.ocisync)
            self.addCleanup(sidecar.kill)
            sidecar.start()
            eventually(sidecar.is_ready, "ready")
            eventually(lambda: {event["chart"] for event in sidecar.events("ChartFailed")} == {"gone", "refused"},
                       "both failures")
            eventually(lambda: sidecar.metric("hook_runs_total", hook="mark"), "the hook")
            eventually(lambda: sidecar.metric("registry_blocked_until_timestamp_seconds"), "patience")
            prometheus = Prometheus(self.folder, sidecar.port)
            self.addCleanup(prometheus.stop)
            eventually(lambda: prometheus.samples("ocisync_build_info"), "the first scrape")
        text = sidecar.get("/metrics")[1]
        subprocess.run(["promtool", "check", "metrics"], input=text, text=True, check=True, capture_output=True)
        [target] = prometheus.ask("targets")["activeTargets"]
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        known = prometheus.ask("targets/metadata", match_target='{job="ocisync"}')
        types = {each["metric"]: each["type"] for each in known}
        self.assertEqual(set(types), {f"ocisync_{name}" for name in FAMILIES} | {f"process_{name}" for name in PROCESS})
        for each in known:
            self.assertTrue(each["help"], each)
            wanted = "counter" if each["metric"].endswith("_total") else \
                "histogram" if each["metric"].endswith("duration_seconds") else "gauge"
            self.assertEqual(each["type"], wanted, each["metric"])
        requests = registry.requests()
        direct = [r for r in requests if r.method != "PUT"]
        counted = collections.Counter()
        for labels, value in prometheus.samples("ocisync_registry_requests_total"):
            counted[labels["method"], labels["code"]] += value
        answered_for_it = {("GET", "503"): 1, ("GET", "429"): patient.count("GET", "/manifests/"),
                           ("HEAD", "429"): patient.count("HEAD", "/manifests/")}
        expected = collections.Counter((r.method, str(r.status)) for r in direct) + collections.Counter(answered_for_it)
        self.assertEqual(counted, expected)
        scraped = {labels["host"]: value
                   for labels, value in prometheus.samples('ocisync_transfer_bytes_total{direction="received"}')}
        self.assertEqual(sum(scraped.values()), sum(r.bytes for r in direct if r.method == "GET"))
        for query, value in (('ocisync_syncs_total{chart="web",result="updated"}', 1),
                             ('ocisync_sync_failures_total{chart="gone",reason="NotFound"}', 1),
                             ('ocisync_hook_runs_total{hook="mark",result="success"}', 1),
                             ('ocisync_chart_ready{chart="web"}', 1), ('ocisync_chart_stalled{chart="gone"}', 1),
                             (f'ocisync_credential_refreshes_total{{host="{strict.host}",result="failure"}}', 1),
                             (f'ocisync_registry_retries_total{{host="{flaky.host}"}}', 1)):
            self.assertEqual([found for _, found in prometheus.samples(query)], [value], query)
