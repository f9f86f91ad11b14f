"""deploy/monitoring: each rule fires when it should, and a real Prometheus answers every query that is written there."""
import json
import pathlib
import re
import subprocess

import yaml

from tests.support.case import Case
from tests.support.prometheus import Prometheus
from tests.support.proxy import FaultProxy, status
from tests.support.sidecar import Sidecar, eventually

TOP = pathlib.Path(__file__).resolve().parents[2]
HOME = TOP / "deploy/monitoring"
ALERTS = [rule for group in yaml.safe_load((HOME / "ocisync.rules.yaml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((HOME / "dashboard.json").read_text())
PANELS = DASHBOARD["panels"]
METRIC = re.compile(r"\b(?:ocisync|process)_[a-z_]+")


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
        cases = [(case["alertname"], int(case["eval_time"].removesuffix("m")), bool(case["exp_alerts"]))
                 for test in tests for case in test["alert_rule_test"]]
        fired = {name: minute for name, minute, fires in cases if fires}
        self.assertEqual(set(fired), {rule["alert"] for rule in ALERTS})
        # And not a minute before.
        self.assertEqual({(name, minute + 1) for name, minute, fires in cases if not fires}, set(fired.items()))

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
        push = self.pusher(registry)
        push.current("1.0.0")
        calm = self.folder / "calm"
        calm.touch()
        proxy = self.enterContext(FaultProxy(registry))
        charts = [f"oci://{proxy.host}/charts/web:1.0.0",
                  {"ref": f"oci://{proxy.host}/charts/paused:1.0.0", "suspend": True}]
        settings = {"interval": "1s", "hooks": [{"name": "calm", "exec": {"command": ["/usr/bin/test", "-e", str(calm)]}}]}
        self.ocisync.spec(charts, **settings)
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
            for name, number in (("Charts", 2), ("Not ready", 0)):
                (_, found), = prometheus.samples(next(query for title, query in queries() if title == name))
                self.assertEqual(found, number, name)
            offered = {name: prometheus.ask(f"label/{label}/values", **{"match[]": series})
                       for name, (series, label) in variables().items()}
            self.assertEqual(offered, {"job": ["ocisync"], "instance": [f"127.0.0.1:{sidecar.port}"]})
            # One failure of each kind: some panels have nothing to show before.
            calm.unlink()
            push.current("1.0.0", version="1.1.0")
            proxy.once("*", "/manifests/", status(500))
            self.ocisync.spec([*charts, {"ref": f"oci://{proxy.host}/charts/absent:1.0.0", "required": False}], **settings)
            for title, query in queries():
                found = eventually(lambda query=query: prometheus.samples(query), f"{title}: {query}")
                by = {label for labels in re.findall(r"\bby \(([^)]*)\)", query) for label in labels.split(", ")}
                self.assertLessEqual(by - {"le"}, {label for labels, _ in found for label in labels}, f"{title}: {query}")
