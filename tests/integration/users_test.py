"""Other users: processes that are not root, on volumes and Secrets that belong to a group, as fsGroup makes them."""
import os
import stat

from tests.support.case import Case
from tests.support.sync import as_user

GROUP = 23000  # nobody's first group


class Users(Case):
    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)

    def run_as(self, user, group, *groups):
        return self.ocisync.run(command=[*as_user(user, group, *groups), *self.ocisync.command("--timeout", "20s")])

    def volume(self, folder, group):
        folder.mkdir(parents=True)
        os.chown(folder, 0, group)
        folder.chmod(0o2775)

    def hand_over(self, group, first, second):
        """Two users of a group, one after the other, on the volumes of that group."""
        registry = self.start_registry()
        push = self.pusher(registry)
        push.current("stable", version="1.0.0")
        for folder in (self.ocisync.cache, self.ocisync.export):
            self.volume(folder, group)
        self.ocisync.spec([f"oci://{registry.host}/charts/web:stable",
                           {"name": "real", "ref": f"oci://{registry.host}/charts/web:stable", "export": {"path": "a/real"}}],
                          cache={"path": str(self.ocisync.cache), "groupWrite": True}, export={"groupWrite": True},
                          hooks=[{"name": "tell", "exec": {"command": ["true"]}}])
        self.assert_code(self.run_as(*first), 0)
        push.current("stable", version="1.0.1")
        run = self.assert_code(self.run_as(*second), 0)
        self.assertEqual([chart["state"] for chart in run.result["charts"]], ["updated", "updated"])
        self.assertEqual([event for event in run.events() if event["level"] in ("warning", "error")], [])
        (self.ocisync.export / "web/values.yaml").unlink()
        self.assertEqual(self.assert_code(self.run_as(*first), 0).chart("web")["state"], "repaired")
        self.assertIn(b"1.0.1", self.ocisync.exported("web")["values.yaml"])
        for folder in (self.ocisync.cache, self.ocisync.export):
            for path in [folder, *folder.rglob("*")]:
                status = path.lstat()
                self.assertEqual(status.st_gid, group, path)
                if not path.is_symlink():
                    blob = path.parent.name == "sha256"  # nobody ever writes those again
                    self.assertTrue(status.st_mode & (stat.S_IRGRP if blob else stat.S_IWGRP),
                                    f"{path}: {status.st_mode:o}")
                    if "lock" not in str(path.relative_to(folder)):  # those are for whoever shares the volume
                        self.assertFalse(status.st_mode & stat.S_IWOTH, f"{path}: {status.st_mode:o}")

    def test_any_user_of_group_0_takes_over_from_another(self):
        self.hand_over(0, (1000710001, 0), (1000710002, 0))

    def test_a_supplementary_group_shares_volumes_whose_directories_hand_it_down(self):
        self.hand_over(GROUP, (65532, 65532, GROUP), (65533, 65533, GROUP))

    def test_a_secret_that_only_its_group_may_read_is_taken_without_a_word(self):
        registry = self.start_registry(htpasswd={"robot": "hare-and-moon"})
        self.pusher(registry, user="robot", password="hare-and-moon").current("1.0.0")
        for folder in (self.ocisync.cache, self.ocisync.export):
            self.volume(folder, GROUP)
        secret = self.folder / "secret"
        secret.mkdir()
        for name, text in (("username", "robot"), ("password", "hare-and-moon")):
            (secret / name).write_text(text)
            (secret / name).chmod(0o640)
            os.chown(secret / name, 0, GROUP)
        self.ocisync.spec([f"oci://{registry.host}/charts/web:1.0.0"],
                          [{"host": registry.host, "credentials": {"secretDir": str(secret)}}])
        run = self.assert_code(self.run_as(65532, 65532, GROUP), 0)
        self.assertEqual([event for event in run.events() if event["level"] in ("warning", "error")], [])
        os.chown(secret / "password", 0, 0)
        (self.folder / "run/cache").rename(self.folder / "run/old")
        self.volume(self.ocisync.cache, GROUP)
        stranger = self.assert_code(self.run_as(65532, 65532, GROUP), 3)
        self.assertIn(str(secret), stranger.chart("web")["message"])
