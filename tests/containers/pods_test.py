"""The image in the pods of manifests/: as an init container, as a sidecar, under the users and rules of clusters."""
import os
import pathlib
import signal
import stat
import threading
import urllib.request

from tests.support.case import Case
from tests.support.charts import chart_files
from tests.support.podman import DEBUG, Podman
from tests.support.pods import Pod
from tests.support.proxy import FaultProxy, hold
from tests.support.sidecar import eventually


class Pods(Case):
    def setUp(self):
        super().setUp()
        self.podman = Podman()
        self.registry = self.start_registry(htpasswd={"robot": "change-me"})
        self.web = self.login("charts/web")
        self.digest = self.web.current("1.2.3")
        self.login("charts/db").current("4.2.0", name="db")

    def login(self, repository):
        return self.pusher(self.registry, repository, user="robot", password="change-me")

    def pod(self, manifests, owner="Deployment/portal", registry=None, **volumes):
        folder = self.folder / f"pod-{len(os.listdir(self.folder))}"
        made = Pod(self.podman, folder, registry or self.registry, manifests, owner)
        for name, path in volumes.items():
            made.mount(name, path)
        self.addCleanup(made.remove)
        return made

    def sidecar(self, interval="1s", registry=None, hooks=(), **volumes):
        pod = self.pod("native-sidecar", registry=registry, **volumes)
        pod.spec["spec"].update(interval=interval, hooks=list(hooks))
        pod.write_spec()
        return pod

    def start(self, pod):
        pod.play()
        eventually(pod.probe, "ready")
        return pod

    def volumes(self, owner=65532, group=65532, mode=0o755):
        """Volumes that outlive their pod."""
        made = {"charts": self.ocisync.export, "cache": self.ocisync.cache}
        for path in made.values():
            path.mkdir()
            os.chown(path, owner, group)
            path.chmod(mode)
        return made

    def read(self, pod, path):
        """What the consumer of the pod serves."""
        def answer():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{pod.consumer_port}/{path}", timeout=10) as found:
                    return found.read()
            except OSError:
                return None

        return eventually(answer, f"{path} being served")

    # As an init container.

    def test_an_init_container_fills_the_volume_and_the_app_reads_it(self):
        self.login("charts/queue").current("0.3.1", name="queue")
        pod = self.pod("init-container")
        pod.spec["spec"]["charts"].append({"ref": f"oci://{self.registry.host}/charts/queue:0.3.1"})
        pod.write_spec()
        pod.play()
        for chart, name, version in (("web", "web", "1.2.3"), ("database", "db", "4.2.0"), ("queue", "queue", "0.3.1")):
            for path, data in chart_files(name, version).items():
                self.assertEqual(self.read(pod, f"{chart}/{path}"), data)

    def test_run_again_on_the_same_volumes_it_asks_and_touches_nothing(self):
        volumes = self.volumes()
        self.pod("init-container", **volumes).play()
        before = self.ocisync.snapshot()
        self.registry.forget()
        self.pod("init-container", **volumes).play()
        asked = {request.method for request in self.registry.requests() if "/v2/charts/" in request.path}
        self.assertLessEqual(asked, {"HEAD", "GET"})
        self.assertEqual([r for r in self.registry.requests() if "/blobs/" in r.path], [])
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_a_failing_init_container_keeps_the_app_from_starting_and_says_why(self):
        pod = self.pod("init-container")
        pod.chart("database").update(version="9.9.9")
        pod.write_spec()
        message = self.termination_log(pod)
        self.assertNotEqual(pod.play(check=False).returncode, 0)
        self.assertEqual(pod.state()["ExitCode"], 3)
        self.assertEqual(pod.state("portal")["Status"], "created")
        for told in (message.read_text(), pod.log()):
            self.assertIn("database", told)
            self.assertIn("answered 404 to the manifest charts/db:9.9.9", told)
        self.assertLessEqual(message.stat().st_size, 4096)

    def test_the_termination_message_of_a_success_names_the_digests(self):
        pod = self.pod("init-container")
        message = self.termination_log(pod)
        pod.play()
        self.assertIn(self.digest.removeprefix("sha256:")[:12], message.read_text())

    def termination_log(self, pod):
        """/dev/termination-log of the ocisync container, as the kubelet mounts it."""
        file = self.folder / "termination-log"
        file.touch()
        file.chmod(0o666)
        pod.mount("termination", file, kind="File")
        pod.container()["volumeMounts"].append({"name": "termination", "mountPath": "/dev/termination-log"})
        return file

    # As all other things in manifests/.

    def test_a_job_tests_with_the_charts_it_fetched(self):
        pod = self.pod("ci-job", owner="Job/chart-test")
        pod.play()
        self.assertEqual(pod.ended("test"), 0)
        self.assertIn("/charts/database/Chart.yaml:version: 4.2.0", pod.log("test"))

    def test_a_pass_of_a_cron_job_and_a_consumer_of_the_claim(self):
        claim = self.volumes()["charts"]
        filling = self.pod("cronjob", owner="CronJob/ocisync", charts=claim)
        filling.play()
        self.assertEqual(filling.ended(), 0)
        reading = self.pod("cronjob", charts=claim)
        reading.play()
        self.assertEqual(self.read(reading, "web/values.yaml"), chart_files(version="1.2.3")["values.yaml"])

    def test_a_consumer_of_a_shared_claim_waits_for_the_first_fill(self):
        claim = self.volumes()["charts"]
        reading = self.pod("deployment", charts=claim)
        waiting = threading.Thread(target=reading.play)
        waiting.start()
        self.addCleanup(waiting.join)
        eventually(lambda: reading.runs("charts-ready"), "the wait")
        filling = self.pod("deployment", owner="Deployment/ocisync", charts=claim)
        self.start(filling)
        waiting.join()
        self.assertEqual(self.read(reading, "web/values.yaml"), chart_files(version="1.2.3")["values.yaml"])

    def test_a_node_takes_care_of_its_directory_by_itself_and_its_consumers_read_it(self):
        directory = self.volumes(owner=0, group=0)["charts"]
        self.start(self.pod("daemonset", owner="DaemonSet/ocisync", charts=directory))
        self.assertIn("Chart.yaml", self.ocisync.exported("web"))
        reading = self.pod("daemonset/consumer", charts=directory)
        reading.play()
        self.assertEqual(self.read(reading, "web/values.yaml"), chart_files(version="1.2.3")["values.yaml"])

    # Under the users and rules of clusters.

    def test_an_arbitrary_user_of_group_0_and_then_another(self):
        volumes = self.volumes(owner=0, group=0, mode=0o2775)
        for user in (1000650000, 1000660000):
            pod = self.pod("init-container", **volumes)
            self.group_write(pod)
            self.run_as(pod, user, 0)
            pod.play()
            self.assertEqual(pod.state()["ExitCode"], 0)
            self.web.current("1.2.3", files=chart_files(version="1.2.3", note=str(user)))
        self.assert_group_may_write(group=0)

    def test_the_group_of_the_volume_is_that_of_its_files(self):
        pod = self.pod("init-container", **self.volumes(owner=0, group=4242, mode=0o2775))
        self.group_write(pod)
        self.run_as(pod, 65532, 65532, 4242)
        pod.play()
        self.assert_group_may_write(group=4242)

    def group_write(self, pod):
        pod.spec["spec"].setdefault("cache", {})["groupWrite"] = True
        pod.spec["spec"]["export"]["groupWrite"] = True
        pod.write_spec()

    def run_as(self, pod, user, group, *more):
        security = pod.template["securityContext"]
        security.update(runAsUser=user, runAsGroup=group,
                        supplementalGroups=[*security["supplementalGroups"], *more])

    def assert_group_may_write(self, group):
        files = [path for path in (self.ocisync.export / ".ocisync/trees").rglob("*") if not path.is_symlink()]
        self.assertGreater(len(files), 8)
        for path in files:
            status = path.lstat()
            self.assertEqual(status.st_gid, group, path)
            self.assertTrue(status.st_mode & stat.S_IWGRP, path)

    def test_a_secret_that_only_its_group_may_read(self):
        pod = self.pod("init-container")
        for file in (pod.folder / "secret/..data").iterdir():
            file.chmod(0o640)
            self.assertEqual((file.stat().st_uid, file.stat().st_gid), (0, 65532))
        self.termination_log(pod)
        pod.play()
        self.assertNotIn('"level":"warning"', pod.log())

    def test_nothing_but_the_volumes_is_written_and_no_right_is_left(self):
        pod = self.start(self.sidecar())
        settings = self.podman.inspect(pod.id())
        self.assertTrue(settings["HostConfig"]["ReadonlyRootfs"])
        status = dict(line.split(":\t", 1) for line in open(f"/proc/{settings['State']['Pid']}/status") if ":\t" in line)
        self.assertEqual({status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
                         {"0000000000000000"})
        self.assertEqual((status["NoNewPrivs"].strip(), status["Seccomp"].strip()), ("1", "2"))
        self.assertEqual(status["Uid"].split(), ["65532"] * 4)
        self.assertNotIn("Read-only file system", pod.log())
        self.assertNotIn("Permission denied", pod.log())

    # As a sidecar.

    def test_a_moved_tag_reaches_the_app(self):
        pod = self.start(self.sidecar())
        self.assertEqual(self.read(pod, "web/values.yaml"), chart_files(version="1.2.3")["values.yaml"])
        self.web.current("1.2.3", files=chart_files(version="1.2.3", news="new"))
        eventually(lambda: self.read(pod, "web/news") == b"new", "the update")

    def test_a_swapped_config_map_is_followed(self):
        pod = self.start(self.sidecar(interval="1h"))
        pod.chart("database").update(name="postgres")
        pod.write_spec()
        eventually(lambda: self.read(pod, "postgres/Chart.yaml"), "the new name")

    def test_sigterm_to_process_1_ends_it_in_good_order(self):
        pod = self.start(self.sidecar(**self.volumes()))
        before = self.ocisync.snapshot()
        self.assertEqual(pod.stop(seconds=5), 0)
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_sigterm_in_the_middle_of_a_transfer(self):
        reached, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)
        with FaultProxy(self.registry) as held:
            pod = self.start(self.sidecar(registry=held, **self.volumes()))
            before = self.ocisync.snapshot()
            held.always("GET", "/blobs/", hold(4096, reached, release))
            self.web.current("1.2.3", files=chart_files(version="1.2.3", **{"big.bin": os.urandom(1 << 20)}))
            self.assertTrue(reached.wait(60))
            self.assertEqual(pod.stop(seconds=5), 0)
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_sigterm_inside_a_hook_ends_its_program_too(self):
        pod = self.sidecar(hooks=[{"name": "tell", "exec": {"command": ["/bin/sleep", "3600"]}}], **self.volumes())
        pod.container()["image"] = DEBUG
        self.start(pod)
        hook, = eventually(lambda: self.children(pod), "the hook")
        before = self.ocisync.snapshot()
        self.assertEqual(pod.stop(seconds=5), 0)
        self.assertFalse(os.path.exists(f"/proc/{hook}"))
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_process_1_reaps(self):
        pod = self.sidecar()
        pod.container()["image"] = DEBUG
        self.start(pod)
        for _ in range(20):
            self.podman.run("exec", pod.id(), "sh", "-c", "(sleep 0.05 &)")
        eventually(lambda: self.children(pod) == [], "reaping")
        self.assertEqual(pod.stop(), 0)

    def children(self, pod):
        """The process ids of what process 1 has started, or taken over."""
        threads = pathlib.Path(f"/proc/{pod.state()['Pid']}/task").iterdir()
        return [child for thread in threads for child in (thread / "children").read_text().split()]

    def test_killed_it_is_restarted_and_goes_on(self):
        pod = self.sidecar(**self.volumes())
        pod.template["restartPolicy"] = "Always"
        self.start(pod)
        os.kill(pod.state()["Pid"], signal.SIGKILL)
        eventually(lambda: self.podman.inspect(pod.id())["RestartCount"] == 1 and pod.probe(), "the restart")
        self.web.current("1.2.3", files=chart_files(version="1.2.3", news="new"))
        eventually(lambda: "news" in self.ocisync.exported("web"), "the update")

    def test_readers_end_first_and_have_whole_charts_to_the_end(self):
        pod = self.start(self.sidecar())
        self.read(pod, "web/Chart.yaml")
        os.kill(pod.state("portal")["Pid"], signal.SIGKILL)
        self.assertEqual(pod.stop(), 0)
