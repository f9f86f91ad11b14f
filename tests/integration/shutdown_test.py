"""How it ends: at once, in good order, with the exports as they were."""
import os
import signal
import subprocess
import time

from tests.support.case import Case
from tests.support.charts import chart_files
from tests.support.ports import free_port
from tests.support.processes import kill, living
from tests.support.proxy import FaultProxy, delay, trickle
from tests.support.reader import Reader, look, revision_files
from tests.support.sidecar import Sidecar, eventually

AS_PROCESS_1 = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


class Ending(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)
        self.push.current("1.0.0")

    def start(self, charts, *arguments, prefix=(), **settings):
        self.ocisync.spec(charts, interval="1h", **settings)
        sidecar = Sidecar(self.ocisync, *arguments, prefix=prefix)
        self.addCleanup(sidecar.kill)
        return sidecar.start()

    def ref(self, host=None, tag="1.0.0"):
        return f"oci://{host or self.registry.host}/charts/web:{tag}"

    def test_idle(self):
        sidecar = self.start([self.ref()])
        eventually(sidecar.is_ready, "ready")
        before = self.ocisync.snapshot()
        self.assertEqual(sidecar.stop(), 0)
        self.assertEqual(self.ocisync.snapshot(), before)
        last = sidecar.events()[-1]
        self.assertEqual((last["event"], last["msg"]), ("Stopped", "ended in good order by signal 15"))

    def test_interrupt_is_the_same(self):
        sidecar = self.start([self.ref()])
        eventually(sidecar.is_ready, "ready")
        self.assertEqual(sidecar.stop(signal.SIGINT), 0)

    def test_in_the_middle_of_a_transfer(self):
        sidecar = self.start([self.ref()])
        eventually(sidecar.is_ready, "ready")
        self.assertEqual(sidecar.stop(), 0)
        before = self.ocisync.snapshot()
        self.push.current("1.0.0", files=chart_files(version="1.0.1", **{"big.bin": os.urandom(1 << 20)}))
        with FaultProxy(self.registry) as slow:
            slow.always("GET", "/blobs/", trickle(4096, 0.2))
            self.ocisync.spec([self.ref(slow.host)], interval="1h")
            sidecar = Sidecar(self.ocisync)
            self.addCleanup(sidecar.kill)
            sidecar.start()
            eventually(lambda: slow.count("GET", "/blobs/") > 0, "the transfer")
            self.assertEqual(sidecar.stop(), 0)
        self.assertIn("in good order", sidecar.events("Stopped")[-1]["msg"])
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_readiness_ends_at_once_and_metrics_answer_until_the_end(self):
        sidecar = self.start([self.ref()])
        eventually(sidecar.is_ready, "ready")
        with sidecar.frozen():  # so that the end does not come before it was looked at
            sidecar.send(signal.SIGTERM)
            eventually(lambda: sidecar.get("/readyz")[0] == 503, "no longer ready")
            self.assertIn("stopping", sidecar.get("/readyz?verbose")[1])
            self.assertEqual([sidecar.get(path)[0] for path in ("/metrics", "/livez")], [200, 200])
        self.assertEqual(sidecar.process.wait(timeout=60), 0)
        self.assertEqual(sidecar.events()[-1]["msg"], "ended in good order by signal 15")

    def test_a_second_signal_ends_it_at_once(self):
        for second in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(second=second):
                sidecar = self.start([self.ref()])
                eventually(sidecar.is_ready, "ready")
                before = self.ocisync.snapshot()
                with sidecar.frozen():
                    sidecar.send(signal.SIGTERM)
                    eventually(lambda: sidecar.get("/readyz")[0] == 503, "the first signal")
                    self.assertEqual(sidecar.stop(second), 128 + second)
                self.assertEqual(sidecar.events("Stopped"), [])
                self.assertEqual(self.ocisync.snapshot(), before)

    def test_one_shot_ends_with_the_signals_number(self):
        with FaultProxy(self.registry) as slow:
            slow.always("GET", "/manifests/", delay(3600))
            self.ocisync.spec([self.ref(slow.host)])
            process = self.ocisync.popen()
            eventually(lambda: slow.count("GET", "/manifests/") > 0, "the transfer")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 143)
            self.assertFalse((self.ocisync.export / "web").exists())

    def test_a_helper_that_hangs_keeps_nobody(self):
        group, helper = self.folder / "group", self.folder / "bin/docker-credential-hanging"
        helper.parent.mkdir()
        helper.write_text(f"#!/bin/sh\nsleep 3600 &\necho $$ > {group}.part; mv {group}.part {group}\nsleep 3600\n")
        helper.chmod(0o755)
        self.ocisync.spec([self.ref()], [{"host": self.registry.host, "credentials": {"helper": "hanging"}}])
        for more, code in (["--watch", "--listen", f"127.0.0.1:{free_port()}"], 0), ([], 143):
            with self.subTest(code=code):
                process = subprocess.Popen(
                    [self.ocisync.binary, "-c", self.ocisync.spec_file, *more], stderr=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=self.ocisync.environment(PATH=f"{helper.parent}:{os.environ['PATH']}"))
                self.addCleanup(process.kill)
                eventually(group.exists, "the helper")
                self.addCleanup(kill, int(group.read_text()))
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(timeout=20), code)
                eventually(lambda: not living(int(group.read_text())), "its end")
                group.unlink()

    def test_as_process_1_it_ends_and_reaps(self):
        sidecar = self.start([self.ref()], prefix=AS_PROCESS_1)
        eventually(sidecar.is_ready, "ready")
        inside = self.inside(sidecar)
        # Its grandchildren become ours when their parent ends.
        enter = ["nsenter", f"--target={inside}", "--pid", "--mount"]
        for _ in range(20):
            subprocess.run([*enter, "sh", "-c", "(sleep 0.05 &)"], check=True)
        eventually(lambda: self.children(inside) == [], "reaping")
        os.kill(inside, signal.SIGTERM)
        self.assertEqual(sidecar.process.wait(timeout=60), 0)

    def inside(self, sidecar):
        return int(self.children(sidecar.process.pid)[0])

    def children(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return file.read().split()

    def test_readers_have_whole_charts_to_the_very_end(self):
        """However near to a change of what they read the end comes."""
        manifests = [self.push.current(f"1.1.{i}", revision_files("web", i)) for i in range(12)]
        for layout in ("symlink", "directory"):
            with self.subTest(layout=layout):
                self.push.tag("stable", manifests[0])
                self.ocisync.spec([self.ref(tag="stable")], export={"layout": layout})
                self.assert_code(self.ocisync.sync(), 0)
                with Reader(self.ocisync.export / "web") as reader:
                    last = self.end_while_the_tag_moves(reader, manifests, layout)
                self.assertEqual(reader.wrong, [])
                self.assertEqual(reader.saw, [[revision] for revision in range(last + 1)])

    def end_while_the_tag_moves(self, reader, manifests, layout):
        """The revision that was read in the end."""
        for revision in range(1, len(manifests)):
            sidecar = self.start([self.ref(tag="stable")], export={"layout": layout})
            reader.wait_for([revision - 1])
            eventually(lambda: sidecar.syncs("unchanged") or sidecar.syncs("updated"), "the first check")
            self.push.tag("stable", manifests[revision])
            sidecar.send(signal.SIGUSR1)
            time.sleep(0.002 * revision)
            self.assertEqual(sidecar.stop(), 0)
            self.assertEqual(sidecar.events()[-1]["msg"], "ended in good order by signal 15")
            [last] = look(self.ocisync.export / "web", [""])
            self.assertIn(last, (revision - 1, revision))
            reader.wait_for([last])
        return last
