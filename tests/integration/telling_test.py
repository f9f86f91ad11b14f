"""What a run tells, and where: result, log, progress, termination message, status."""
import datetime
import hashlib
import json
import os
import random
import re
import subprocess
import time

import jsonschema

from tests.support import charts
from tests.support.case import Case
from tests.support.proxy import FaultProxy, delay, status, trickle
from tests.support.terminal import Terminal


class Telling(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)
        self.push.current("1.0.0")
        self.ref = f"oci://{self.registry.host}/charts/web:1.0.0"
        self.missing = {"name": "gone", "ref": f"oci://{self.registry.host}/charts/gone:1.0.0"}

    def run_ocisync(self, *arguments, **environment):
        return self.ocisync.run(command=[self.ocisync.binary, *map(str, arguments)], **environment)

    def run_text(self, *arguments, **environment):
        return self.run_ocisync("--config", self.ocisync.spec_file, "--timeout", "20s", *arguments, **environment)

    # The result.

    def schema(self):
        schema = json.loads(self.assert_code(self.run_ocisync("validate", "--print-result-schema"), 0).stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        return jsonschema.Draft202012Validator(schema)

    def test_every_state_of_the_result_document_fits_its_schema(self):
        schema = self.schema()
        seen = {}

        def sync(code, charts, *arguments, **settings):
            run = self.assert_code(self.ocisync.spec(charts, **settings).sync(*arguments), code)
            schema.validate(run.result)
            self.assertEqual(run.result["exitCode"], code)
            for chart in run.result["charts"]:
                seen.setdefault(chart["state"], chart)
                self.assertEqual(run.result["summary"][chart["state"]],
                                 sum(c["state"] == chart["state"] for c in run.result["charts"]))
            return run

        other = {"name": "other", "ref": self.ref}
        sync(3, [self.ref, other, self.missing])
        sync(0, [self.ref, other])
        (self.ocisync.export / "web").unlink()
        sync(0, [self.ref, {**other, "suspend": True}, {**self.missing, "required": False}])
        sync(0, [self.ref, other], "--only", "web")
        sync(0, [self.ref])
        self.assertEqual(sorted(seen), ["failed", "removed", "repaired", "skipped", "suspended", "unchanged", "updated"])
        failed = seen["failed"]
        self.assertEqual((failed["reason"], failed["stage"], failed["httpStatus"], failed["attempts"]),
                         ("NotFound", "resolve", 404, 1))
        self.assertNotIn("digest", failed)
        with self.assertRaises(jsonschema.ValidationError):
            schema.validate({"kind": "SyncResult"})

    def test_the_result_says_which_spec_it_is_of_when_it_began_and_where_the_charts_are(self):
        moved = {"name": "moved", "ref": self.ref, "export": {"path": "team/a"}}
        for layout, top in (("symlink", ""), ("directory", ""), ("snapshot", "current")):
            with self.subTest(layout=layout):
                self.ocisync = self.new_ocisync(layout).spec([self.ref, moved], export={"layout": layout})
                result = self.assert_code(self.ocisync.sync(), 0).result
                spec = self.ocisync.spec_file.read_bytes()
                self.assertEqual(result["specHash"], hashlib.sha256(spec).hexdigest())
                for chart, path in zip(result["charts"], ("web", "team/a")):
                    exported = self.ocisync.export / top / path
                    self.assertEqual(chart["exportPath"], str(exported))
                    self.assertTrue((exported / "Chart.yaml").is_file())

        def now():
            return datetime.datetime.now(datetime.timezone.utc)

        with FaultProxy(self.registry) as proxy:
            proxy.once("GET", "/manifests/", delay(1.5))  # told in whole seconds, the end must be another
            self.ocisync = self.new_ocisync("slow").spec([f"oci://{proxy.host}/charts/web:1.0.0"])
            before, result, after = now(), self.assert_code(self.ocisync.sync(), 0).result, now()
        self.assertRegex(result["startedAt"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        started = datetime.datetime.fromisoformat(result["startedAt"])
        self.assertGreaterEqual(started, before.replace(microsecond=0))
        self.assertLessEqual(started + datetime.timedelta(seconds=result["durationSeconds"]), after)

    def test_three_charts_from_nothing_and_again_for_one_request_each(self):
        refs = []
        for name in ("web", "db", "queue"):
            self.pusher(self.registry, f"charts/{name}").current("1.0.0", files=charts.chart_files(name=name), name=name)
            refs.append(f"oci://{self.registry.host}/charts/{name}:1.0.0")
        self.ocisync.spec(refs)
        first = self.assert_code(self.run_text(), 0)
        self.assertRegex(first.stdout, r"\n3 charts: 3 updated in \d+\.\d\ds\n$")
        for name in ("web", "db", "queue"):
            self.assertEqual(set(self.ocisync.exported(name)), set(charts.chart_files(name=name)))
        before = self.ocisync.snapshot()
        self.registry.forget()
        again = self.assert_code(self.run_text(), 0)
        self.assertRegex(again.stdout, r"\n3 charts: 3 unchanged in \d+\.\d\ds\n$")
        self.assertEqual([r.method for r in self.registry.requests() if r.path != "/v2/"], ["HEAD"] * 3)
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_the_exit_code_says_whether_a_retry_may_help(self):
        guarded = self.start_registry("guarded", htpasswd={"robot": "hush"})
        closed = {"name": "closed", "ref": f"oci://{guarded.host}/charts/web:1.0.0"}
        away = {"name": "away", "ref": "oci://127.0.0.1:9/charts/web:1.0.0"}
        optional = {"name": "optional", "ref": "oci://127.0.0.1:9/charts/other:1.0.0", "required": False}
        for code, specs in ((3, [self.missing, {**self.missing, "name": "lost"}]), (3, [closed]),
                            (3, [self.missing, closed]), (1, [away]), (1, [self.missing, closed, away]),
                            (0, [self.ref, optional]), (3, [self.ref, self.missing, optional])):
            with self.subTest(charts=[chart["name"] if isinstance(chart, dict) else "web" for chart in specs]):
                run = self.ocisync.spec(specs).run("--timeout", "300ms")
                self.assert_code(run, code)
                self.assertEqual(run.result["exitCode"], code)

    def test_a_tag_list_that_fails_or_holds_nothing_fails_its_chart_alone(self):
        with FaultProxy(self.registry) as proxy:
            proxy.always("GET", "/tags/list", status(403))
            ranged = {"ref": f"oci://{proxy.host}/charts/web", "version": "^1.0"}
            other = {"name": "other", "ref": f"oci://{self.registry.host}/charts/web", "version": "^1.0"}
            nothing = {**other, "name": "nothing", "tagFilter": "9\\..*"}
            run = self.assert_code(self.ocisync.spec([ranged, other, nothing]).sync(), 3)
            self.assertEqual([chart["state"] for chart in run.result["charts"]], ["failed", "updated", "failed"])
            self.assertEqual((run.chart("web")["reason"], run.chart("web")["httpStatus"]), ("Unauthorized", 403))
            self.assertEqual(run.chart("nothing")["reason"], "NoMatchingVersion")
        self.assert_code(self.ocisync.spec([{**other, "version": "^^1"}]).sync(), 2)

    def test_the_table_is_aligned_and_a_failure_is_one_line_that_says_all(self):
        run = self.assert_code(self.run_ocisync("--config", self.ocisync.spec([self.ref, self.missing]).spec_file), 3)
        table, failures, summary = run.stdout.split("\n\n")
        head, web, gone = table.splitlines()
        self.assertEqual(head.split(), ["CHART", "VERSION", "DIGEST", "STATE", "REQUESTS", "BYTES", "TIME"])
        for row in (web, gone):
            self.assertNotEqual(row[head.index("STATE")], " ")
            self.assertEqual(row[head.index("STATE") - 1], " ")
        self.assertRegex(failures, r"^gone: NotFound at resolve \(HTTP 404\): \S+/charts/gone:1.0.0: .+$")
        self.assertRegex(summary, r"^2 charts: 1 updated, 1 failed in \d+\.\d\ds\n$")

    def test_stdout_holds_the_result_alone_and_stderr_json_lines(self):
        run = self.assert_code(self.ocisync.spec([self.ref, self.missing]).sync(), 3)
        self.assertEqual(run.result["kind"], "SyncResult")
        for line in run.stderr.splitlines():
            self.assertIn("event", json.loads(line))
        self.assertNotRegex(run.stderr, "[\x00-\x09\x0b-\x1f\x7f]")

    def test_quiet_prints_errors_alone_and_of_a_pass_with_nothing_to_do_nothing(self):
        self.ocisync.spec([self.ref])
        for _ in range(2):
            run = self.assert_code(self.run_text("--quiet"), 0)
            self.assertEqual(run.stdout + run.stderr, "")
        self.ocisync.spec([self.ref, self.missing])
        run = self.assert_code(self.run_text("--quiet"), 3)
        self.assertEqual(run.stdout, "")
        self.assertEqual([event["event"] for event in run.events()], ["ChartFailed"])

    def test_a_closed_stdout_is_one_line_and_a_code_of_its_own(self):
        self.ocisync.spec([self.ref])
        for how in ("| true", ">&-", ">/dev/full"):
            with self.subTest(how=how):
                script = f'{{ sleep 0.2; "$0" -c "$1" --log-level error; echo $? >code; }} {how}'
                run = self.ocisync.run(command=["bash", "-c", script, self.ocisync.binary, str(self.ocisync.spec_file)]
                                       if how != ">&-" else
                                       ["bash", "-c", '"$0" -c "$1" --log-level error >&-; echo $? >code',
                                        self.ocisync.binary, str(self.ocisync.spec_file)])
                self.assertEqual((self.ocisync.folder / "code").read_text(), "1\n")
                self.assertRegex(run.stderr, r"^ocisync: .*standard output.*\n$")
        self.assertEqual(set(self.ocisync.exported()), set(charts.chart_files()))
        for file in self.ocisync.cache.rglob("*"):  # no file took the place of stdout
            if file.is_file() and not file.is_symlink():
                self.assertNotIn(b"CHART ", file.read_bytes())

    def test_closed_standard_descriptors_harm_no_file(self):
        self.ocisync.spec([self.ref, self.missing])
        run = self.ocisync.run(command=["bash", "-c", '"$0" -c "$1" <&- >&- 2>&-; echo $?', self.ocisync.binary,
                                        str(self.ocisync.spec_file)])
        self.assertEqual(run.stdout, "1\n")
        self.assert_code(self.ocisync.run(command=[self.ocisync.binary, "cache", "check", "--cache",
                                                   str(self.ocisync.cache)]), 0)

    def test_a_signal_ends_the_run_with_its_result(self):
        with FaultProxy(self.registry) as proxy:
            proxy.always("*", "/manifests/", delay(3))
            self.ocisync.spec([f"oci://{proxy.host}/charts/web:1.0.0"])
            process = self.ocisync.popen("--termination-log", self.folder / "message")
            while not proxy.seen:
                time.sleep(0.02)
            process.terminate()
            out, _ = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 143)
        document = json.loads(out)
        self.schema().validate(document)
        self.assertEqual(document["exitCode"], 143)
        self.assertIn("Cancelled", (self.folder / "message").read_text())

    # The termination message and the status.

    def test_the_termination_message_names_failed_charts_first_and_is_written_in_place(self):
        message = self.folder / "termination-log"
        message.write_text("older and longer " * 100)
        before = message.stat().st_ino
        self.ocisync.spec([self.ref, {**self.missing, "required": False}, {**self.missing, "name": "lost"}])
        self.assert_code(self.ocisync.sync("--termination-log", message), 3)
        lines = message.read_text().splitlines()
        self.assertTrue(lines[0].startswith("lost: NotFound at resolve (HTTP 404): "), lines)
        self.assertTrue(lines[1].startswith("gone (optional): NotFound"), lines)
        self.assertIn("1 updated, 2 failed", lines[2])
        digest = re.escape(os.readlink(self.ocisync.export / "web").rsplit("/sha256-")[-1])
        self.assertRegex(lines[3], f"^web 1.0.0 sha256:{digest}$")
        self.assertEqual(message.stat().st_ino, before)

        self.ocisync.spec([self.ref])
        self.assert_code(self.ocisync.sync("--termination-log", message), 0)
        self.assertRegex(message.read_text(), f"^1 chart: 1 unchanged in .*\nweb 1.0.0 sha256:{digest}$")

        self.ocisync.spec([{"name": f"gone-{i}", "ref": self.missing["ref"]} for i in range(60)])
        self.assert_code(self.ocisync.sync("--termination-log", message), 3)
        self.assertLessEqual(message.stat().st_size, 4096)
        self.assertTrue(message.read_text().endswith("…"))

        self.ocisync.spec([{"ref": self.ref, "bogus": 1}])
        self.assert_code(self.ocisync.sync("--termination-log", message), 2)
        self.assertIn("bogus: unknown key", message.read_text())

    def test_a_termination_log_that_cannot_be_written_changes_nothing_but_the_log(self):
        self.ocisync.spec([self.ref, self.missing])
        expected = self.assert_code(self.ocisync.sync(), 3)
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        for path in (self.folder, self.folder / "no" / "such", fifo, "/dev/full"):
            with self.subTest(path=path):
                run = self.assert_code(self.ocisync.sync("--termination-log", path), 3)
                self.assertEqual([c["reason"] for c in run.result["charts"] if c["state"] == "failed"], ["NotFound"])
                self.assertEqual(len(run.result["charts"]), len(expected.result["charts"]))
                self.assertIn("TerminationLogNotWritten", [event["event"] for event in run.events()])
        self.assertNotIn("Termination", self.assert_code(self.ocisync.sync(), 3).stderr)

    def test_the_status_file_is_replaced_and_what_fails_is_a_warning(self):
        status = self.folder / "status.json"
        self.ocisync.spec([self.ref])
        self.assert_code(self.ocisync.sync("--status-file", status), 0)
        first = status.stat().st_ino
        self.assertEqual(json.loads(status.read_text())["charts"][0]["name"], "web")
        self.assertFalse((self.ocisync.export / ".ocisync/status").exists())
        self.assert_code(self.ocisync.sync("--status-file", status), 0)
        self.assertNotEqual(status.stat().st_ino, first)
        # It is also what acceptStale is measured from.
        self.registry.stop()
        stale = ("--status-file", status, "--timeout", "1s")
        self.assert_code(self.ocisync.run(*stale, "--accept-stale", "1h"), 0)
        self.registry.start()
        for path in (self.folder / "no" / "such", self.folder):
            with self.subTest(path=path):
                run = self.assert_code(self.ocisync.sync("--status-file", path), 0)
                self.assertEqual([event["event"] for event in run.events()], ["StatusNotWritten"])

    def test_the_metrics_file_counts_as_the_registry_does_and_fits_its_format(self):
        file = self.folder / "ocisync.prom"
        self.ocisync.spec([self.ref, self.missing])
        self.registry.forget()
        self.assert_code(self.ocisync.sync("--metrics-file", file), 3)
        requests, text = self.registry.requests(), file.read_text()
        subprocess.run(["promtool", "check", "metrics"], input=text, text=True, check=True, capture_output=True)

        def total(name):
            return sum(float(value) for value in re.findall(rf"(?m)^ocisync_{name}(?:{{.*}})? (\S+)$", text))

        self.assertEqual(total("registry_requests_total"), len(requests))
        received = re.search(r'(?m)^ocisync_transfer_bytes_total{.*direction="received".*} (\S+)$', text)
        self.assertEqual(float(received[1]), sum(r.bytes for r in requests if r.method == "GET"))
        self.assertEqual(file.stat().st_mode & 0o777, 0o644)
        first = file.stat().st_ino
        self.assert_code(self.ocisync.sync("--metrics-file", file), 3)
        self.assertNotEqual(file.stat().st_ino, first)
        self.assertEqual([p.name for p in self.folder.glob("*ocisync.prom*")], [file.name])
        for path in (self.folder / "no" / "such", self.folder):
            with self.subTest(path=path):
                run = self.assert_code(self.ocisync.sync("--metrics-file", path), 3)
                self.assertIn("MetricsNotWritten", [event["event"] for event in run.events()])
        watching = self.run_text("--watch", "--metrics-file", file)
        self.assertEqual((watching.code, watching.stdout, watching.stderr.count("\n")), (2, "", 1))

    # Progress.

    def slow(self, proxy, count):
        for i in range(count):
            files = {**charts.chart_files(name=f"chart-{i}"), "noise.bin": random.Random(i).randbytes(60_000 * (1 + i % 3))}
            self.pusher(self.registry, f"charts/chart-{i}").current("1.0.0", files=files, name=f"chart-{i}")
        proxy.always("GET", "/blobs/", trickle(20_000, 0.15))
        return self.ocisync.spec([f"oci://{proxy.host}/charts/chart-{i}:1.0.0" for i in range(count)] + [self.missing])

    def watched(self, terminal, *arguments, on_frame=None, **extra):
        environment = {"TERM": "xterm", **self.ocisync.environment()}
        for name in ("CI", "NO_COLOR"):
            environment.pop(name, None)
        environment.update(extra)
        return terminal.run([self.ocisync.binary, "-c", str(self.ocisync.spec_file), *arguments], environment,
                            self.ocisync.folder, on_frame)

    def check_frames(self, terminal):
        """What holds for everything that was drawn."""
        moved = [int(number or 1) for number, letter in terminal.escapes() if letter == "A"]
        self.assertTrue(moved, "no bars were shown")
        self.assertLess(max(moved), terminal.rows)
        self.assertLessEqual({letter for _, letter in terminal.escapes()}, set("ABJKm"))  # nothing is hidden, nothing set
        self.assertEqual(terminal.text.count("\x1b"), len(terminal.escapes()))
        frames = [line for screen in terminal.screens for line in screen if re.match(r"(all|  chart-)", line)]
        self.assertTrue(any("/s" in line and "chart-" in line for line in frames), "no transfer was shown")
        return frames

    def test_bars_fit_the_window_and_leave_nothing_behind(self):
        for columns in (80, 200, 30):
            with self.subTest(columns=columns), FaultProxy(self.registry) as proxy:
                self.ocisync = self.new_ocisync(f"bars-{columns}")
                self.slow(proxy, 8)
                terminal = Terminal(columns)
                self.assertEqual(self.watched(terminal), 3)
                frames = self.check_frames(terminal)
                self.assertLessEqual(max(map(len, frames)), columns - 1)
                lines = terminal.lines()
                self.assertFalse([line for line in lines if re.match(r"all  |.*[KM]iB/s$", line)], "\n".join(lines))
                self.assertEqual("".join(lines).count("ChartUpdated"), 8)
                self.assertRegex("".join(lines[-2:]), "9 charts: 8 updated, 1 failed ?in [0-9.]+s$")

    def test_bars_follow_a_resize(self):
        with FaultProxy(self.registry) as proxy:
            self.slow(proxy, 6)
            terminal = Terminal(120)
            widths = []

            def shrink(seen):
                if any("chart-" in line and "/s" in line for line in seen.screens[-1]):
                    widths.append(len(seen.chunks))
                    if len(widths) == 3:
                        seen.resize(70)

            self.assertEqual(self.watched(terminal, on_frame=shrink), 3)
            self.check_frames(terminal)
            drawn = "".join(terminal.chunks[widths[2] + 2:])
            bars = [line for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[\d*[A-Z]", "", drawn)) if line.startswith(("all ", "  chart-"))]
            self.assertTrue(bars)
            self.assertLessEqual(max(map(len, bars)), 69)

    def test_at_most_ten_frames_a_second_and_one_write_each(self):
        with FaultProxy(self.registry) as proxy:
            self.slow(proxy, 4)
            trace = self.folder / "trace"
            terminal = Terminal()
            environment = {"TERM": "xterm", **self.ocisync.environment()}
            environment.pop("CI")
            terminal.run(["strace", "-f", "-ttt", "-e", "trace=write", "-e", "write=2", "-o", str(trace), self.ocisync.binary, "-c",
                          str(self.ocisync.spec_file), "--log-level", "error"], environment, self.ocisync.folder)
        frames = [float(line.split()[1]) for line in trace.read_text().splitlines()
                  if "write(2" in line and ("all " in line or "[K" in line) and "ChartFailed" not in line]
        self.assertGreater(len(frames), 3)
        for early, late in zip(frames, frames[1:-1]):  # the last one removes the bars
            self.assertGreaterEqual(late - early, 0.09)

    def test_progress_is_shown_where_somebody_watches_and_nowhere_else(self):
        with FaultProxy(self.registry) as proxy:
            self.slow(proxy, 3)
            text, machine = ["--log-format", "text"], ["--log-format", "json"]
            coloured = {"none": (["--progress", "none"], {}), "dumb": ([], {"TERM": "dumb"}),
                        "quiet": (["--quiet"], {})}
            plain = {"CI": ([], {"CI": "true"}), "CI text": (text, {"CI": "true"}), "json": (machine, {}),
                     "NO_COLOR": ([], {"NO_COLOR": "1"}), "NO_COLOR text": (text, {"NO_COLOR": "1"})}
            for name, (arguments, extra) in {**coloured, **plain}.items():
                with self.subTest(name):
                    self.ocisync.run(command=["rm", "-rf", str(self.ocisync.cache), str(self.ocisync.export)])
                    terminal = Terminal()
                    self.assertEqual(self.watched(terminal, *arguments, **extra), 3)
                    self.assertNotIn("all  ", terminal.text)
                    if name in plain:
                        self.assertNotIn("\x1b", terminal.text)
                    self.assertLessEqual({letter for _, letter in terminal.escapes()}, {"m"})
                    if name == "none":  # the same eyes do see colours
                        self.assertIn("\x1b", terminal.text)
                    log = [line for line in terminal.lines() if "ChartFailed" in line]
                    self.assertEqual([line.startswith("{") for line in log], [name in ("CI", "NO_COLOR", "json")], log)
        run = self.run_text("--progress", "bars")
        self.assert_code(run, 2)
        self.assertIn("auto", run.stderr)

    def test_plain_progress_is_a_line_of_the_log_every_ten_seconds(self):
        with FaultProxy(self.registry) as proxy:
            proxy.once("GET", "/blobs/", delay(21))
            self.ocisync.spec([f"oci://{proxy.host}/charts/web:1.0.0"])
            run = self.assert_code(self.ocisync.run("--progress", "plain", "--timeout", "60s"), 0)
        told = [event for event in run.events() if event["event"] == "Progress"]
        self.assertEqual([event["msg"] for event in told], ["0 of 1 charts"] * 2)
        first, second = [datetime.datetime.fromisoformat(event["ts"]) for event in told]
        self.assertGreaterEqual((second - first).total_seconds(), 9.9)
