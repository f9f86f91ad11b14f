"""deploy/monitoring: each rule fires when it should, and a real Prometheus answers every query that is written there."""
import json
import pathlib
import re
import subprocess

import yaml

from tests.support.case import Case
from tests.support.prometheus import Prometheus
from tests.support.sidecar import Sidecar, eventually

TOP = pathlib.Path(__file__).resolve().parents[2]
HOME = TOP / "deploy/monitoring"
ALERTS = [rule for group in yaml.safe_load((HOME / "ocisync.rules.yaml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((HOME / "dashboard.json").read_text())
PANELS = DASHBOARD["panels"]
METRIC = re.compile(r"\b(?:ocisync|process)_[a-z_]+")
# What has no series as long as nothing went wrong.
SILENT = {"Failures by reason", "Retries and hooks that failed"}


def queries():
    """(title, expression) of the dashboard, with every variable at All."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$job", ".*").replace("$instance", ".*").replace(
                "$__rate_interval", "1m")


def variables():
    """{name: (series, label)} of what the dashboard offers to choose from, with every variable at All."""
    found = {}
    for each in DASHBOARD["templating"]["list"]:
        if each["type"] == "query":
            series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", each["query"]).groups()
            found[each["name"]] = (series.replace("$job", ".*"), label)
    return found


class Monitoring(Case):
    def test_every_rule_is_sound_and_fires_when_it_should(self):
        for command in (["check", "rules", "--lint-fatal", "ocisync.rules.yaml"],
                        ["test", "rules", "ocisync.rules.test.yaml"]):
            done = subprocess.run(["promtool", *command], cwd=HOME, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        tests = yaml.safe_load((HOME / "ocisync.rules.test.yaml").read_text())["tests"]
        fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
        self.assertEqual(fired, {rule["alert"] for rule in ALERTS})

    def test_every_alert_has_its_section(self):
        sections = re.findall(r"^## (\w+)$", (HOME / "README.md").read_text(), re.MULTILINE)
        self.assertEqual(sections, [rule["alert"] for rule in ALERTS])
        for rule in ALERTS:
            self.assertEqual(rule["annotations"]["runbook"], f"deploy/monitoring/README.md#{rule['alert'].lower()}")

    def test_the_dashboard_takes_its_data_source_from_a_variable(self):
        self.assertEqual({each["name"]: each["type"] for each in DASHBOARD["templating"]["list"]},
                         {"datasource": "datasource", "job": "query", "instance": "query"})
        self.assertEqual([panel["id"] for panel in PANELS], list(range(1, len(PANELS) + 1)))
        for panel in PANELS:
            for each in (panel, *panel["targets"]):
                self.assertEqual(each["datasource"], {"type": "prometheus", "uid": "${datasource}"}, panel["title"])

    def test_every_metric_that_is_named_is_exported_and_the_other_way_round(self):
        source = "".join(file.read_text() for file in sorted((TOP / "src/observe").glob("*.cc")))
        exported = set(re.findall(r'"((?:ocisync|process)_[a-z_]+)"', source))
        histograms = {name + "_bucket" for name in exported if name.endswith("_duration_seconds")}
        page = (HOME / "README.md").read_text()
        text = page + "".join((HOME / name).read_text() for name in ("ocisync.rules.yaml", "dashboard.json"))
        self.assertEqual(set(METRIC.findall(text)) - exported - histograms, set())
        described = page.split("## What is measured\n")[1].split("\n## ")[0]
        self.assertEqual(exported - set(METRIC.findall(described)), set())

    def test_a_real_prometheus_answers_every_query(self):
        registry = self.start_registry()
        self.pusher(registry).current("1.0.0")
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0",
                           {"ref": f"oci://{registry.host}/charts/paused:1.0.0", "suspend": True}], interval="1s")
        with Sidecar(self.ocisync) as sidecar:
            eventually(sidecar.is_ready, "ready")
            prometheus = Prometheus(self.folder, sidecar.port, rules=[HOME / "ocisync.rules.yaml"])
            self.addCleanup(prometheus.stop)
            eventually(lambda: prometheus.samples("rate(ocisync_syncs_total[1m])"), "a second scrape")
            groups = eventually(lambda: prometheus.ask("rules")["groups"], "the rules")
            self.assertEqual([rule["name"] for group in groups for rule in group["rules"]],
                             [rule["alert"] for rule in ALERTS])
            for rule in ALERTS:
                self.assertEqual(prometheus.samples(rule["expr"]), [], rule["alert"])
            for title, query in queries():
                found = prometheus.samples(query)
                self.assertTrue(found or title in SILENT, f"{title}: {query}")
            for name, number in (("Charts", 2), ("Not ready", 0)):
                (_, charts), = prometheus.samples(next(query for title, query in queries() if title == name))
                self.assertEqual(charts, number, name)
            offered = {name: prometheus.ask(f"label/{label}/values", **{"match[]": series})
                       for name, (series, label) in variables().items()}
            self.assertEqual(offered, {"job": ["ocisync"], "instance": [f"127.0.0.1:{sidecar.port}"]})
