"""A real Prometheus that scrapes one sidecar every second."""
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from .ports import free_port


class Prometheus:
    def __init__(self, folder, target, rules=()):
        """`folder` holds its data; `target` is the port of the sidecar."""
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(file) for file in rules],
            "scrape_configs": [{"job_name": "ocisync", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}]}))
        self.url = f"http://127.0.0.1:{free_port()}"
        with (folder / "prometheus.log").open("wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
                 f"--web.listen-address={self.url.removeprefix('http://')}"], stdout=subprocess.DEVNULL, stderr=log)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def ask(self, path, **query):
        """The data of an answer; None while it starts. A refused query raises HTTPError."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
                return json.load(answer)["data"]
        except OSError as failure:
            if isinstance(failure, urllib.error.HTTPError) and failure.code != 503:
                raise
            return None

    def samples(self, query):
        """[(labels, value)] of an instant query."""
        found = self.ask("query", query=query)
        return [(each["metric"], float(each["value"][1])) for each in found["result"]] if found else []
