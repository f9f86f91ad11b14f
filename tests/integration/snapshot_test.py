"""Layout snapshot: all charts switch together, generations are kept, and there is a way back."""
import json
import os
import pathlib
import shutil
import signal
import threading

from tests.support import charts
from tests.support.case import Case
from tests.support.sidecar import Sidecar, eventually


class Snapshots(Case):
    names = ("web", "api")

    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = {name: self.pusher(self.registry, f"charts/{name}") for name in self.names}
        self.digests = {}
        for name in self.names:
            self.publish(name, 1)
        self.current = self.ocisync.export / "current"

    def publish(self, name, number):
        """Moves the tag of a chart to its revision of that number."""
        files = charts.chart_files(name, f"1.0.{number}", number=f"{number}")
        self.digests[name] = self.push[name].current("stable", files, name=name, version=f"1.0.{number}")

    def entry(self, name, **settings):
        return {"name": name, "ref": f"oci://{self.registry.host}/charts/{name}:stable", **settings}

    def spec(self, entries=None, export=None, **settings):
        self.ocisync.spec(entries if entries is not None else [self.entry(name) for name in self.names],
                          export={"layout": "snapshot", **(export or {})}, **settings)

    def sync(self, code=0, *arguments):
        return self.assert_code(self.ocisync.sync(*arguments), code)

    def rollback(self, *arguments, code=0):
        return self.assert_code(self.ocisync.run(command=[
            self.ocisync.binary, "rollback", "--config", str(self.ocisync.spec_file), *map(str, arguments)]), code)

    def generations(self):
        listing = json.loads(self.rollback("--list", "-o", "json").stdout)
        return [each["generation"] for each in listing["generations"]]

    def shown(self):
        """{chart: number} as a reader finds it, through one look at `current`."""
        folder = self.ocisync.export / os.readlink(self.current)
        return {path.name: int((path / "number").read_text()) for path in folder.iterdir()}

    def number(self):
        """Of the generation that is shown."""
        return int(pathlib.PurePath(os.readlink(self.current)).name)

    def watch(self, *arguments, **settings):
        self.spec(**{"interval": "1s", "jitter": "0%", **settings})
        sidecar = Sidecar(self.ocisync, *arguments)
        self.addCleanup(sidecar.kill)
        return sidecar.start()

    def damage(self, path):
        (path / "values.yaml").write_text("altered")


class Switching(Snapshots):
    def plan(self, *arguments, code=4):
        command = [self.ocisync.binary, "diff", "--config", str(self.ocisync.spec_file), "-o", "json", *arguments]
        return self.assert_code(self.ocisync.run(command=command), code)

    def actions(self, run):
        return {chart["name"]: chart["action"] for chart in run.result["charts"]}

    def test_the_plan_is_what_the_next_generation_shows(self):
        self.spec()
        self.assertEqual(self.actions(self.plan()), {"web": "create", "api": "create"})
        self.assertFalse(self.ocisync.export.exists())
        self.sync()
        self.assertEqual(self.actions(self.plan(code=0)), {"web": "unchanged", "api": "unchanged"})
        old = self.digests["web"]
        self.publish("web", 2)
        self.spec([self.entry("web")])
        before = self.ocisync.snapshot()
        run = self.plan()
        self.assertEqual(self.actions(run), {"web": "update", "api": "remove"})
        self.assertEqual((run.chart("web")["previousDigest"], run.chart("web")["digest"]), (old, self.digests["web"]))
        self.assertIn("number", self.plan("web").chart("web")["files"]["changed"])
        self.assertEqual(self.ocisync.snapshot(), before)
        self.sync()
        self.assertEqual(self.shown(), {"web": 2})

    def test_all_charts_switch_together_by_one_relative_link(self):
        self.spec()
        run = self.sync()
        self.assertEqual(os.readlink(self.current), ".ocisync/generations/test/1")
        self.assertEqual(self.shown(), {"web": 1, "api": 1})
        self.assertEqual(self.ocisync.exported("current/web")["Chart.yaml"], charts.chart_files("web", "1.0.1")["Chart.yaml"])
        self.assertEqual(run.chart("web")["exportPath"], str(self.current / "web"))
        self.assertEqual(run.chart("web")["state"], "updated")
        self.assertEqual([p.name for p in self.ocisync.export.iterdir() if p.name != ".ocisync"], ["current"])
        self.publish("web", 2)
        self.publish("api", 2)
        run = self.sync()
        self.assertEqual((self.number(), self.shown()), (2, {"web": 2, "api": 2}))
        self.assertTrue(run.chart("api")["previousDigest"])

    def test_a_pass_with_nothing_new_changes_nothing(self):
        self.spec()
        self.sync()
        before = self.ocisync.snapshot()
        run = self.sync()
        self.assertEqual({chart["state"] for chart in run.result["charts"]}, {"unchanged"})
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_the_volume_may_be_mounted_anywhere(self):
        self.spec()
        self.sync()
        moved = self.folder / "elsewhere"
        shutil.copytree(self.ocisync.export, moved, symlinks=True)
        shutil.rmtree(self.ocisync.export)
        self.assertEqual((moved / "current/web/number").read_text(), "1")

    def test_formats_paths_and_modes_are_those_of_the_other_layouts(self):
        self.spec([self.entry("web", export={"path": "team/a/web", "format": "archive"}),
                   self.entry("api", export={"format": "both"})], export={"groupWrite": True})
        self.sync()
        self.assertEqual(list(self.ocisync.exported("current/team/a/web")), ["web-1.0.1.tgz"])
        self.assertIn("api/Chart.yaml", self.ocisync.exported("current/api"))
        for folder in (self.current, self.current / "team", self.current / "team/a"):
            self.assertEqual(folder.stat().st_mode & 0o777, 0o775)
        self.assertEqual(self.ocisync.snapshot(), (self.sync(), self.ocisync.snapshot())[1])

    def test_a_failed_chart_keeps_its_old_revision_in_the_next_generation(self):
        self.spec()
        self.sync()
        self.publish("web", 2)
        self.spec([self.entry("web"), {"name": "api", "ref": f"oci://{self.registry.host}/charts/api:gone"}])
        run = self.sync(3)
        self.assertEqual(self.shown(), {"web": 2, "api": 1})
        self.assertEqual(run.chart("web")["state"], "updated")
        self.assertEqual(run.chart("api")["reason"], "NotFound")

    def test_with_keep_generation_nothing_switches_while_a_chart_fails(self):
        held = {"onFailure": "keepGeneration"}
        self.spec(export=held)
        self.sync()
        self.publish("web", 2)
        gone = {"name": "api", "ref": f"oci://{self.registry.host}/charts/api:gone"}
        self.spec([self.entry("web"), gone], export=held)
        run = self.sync(3)
        self.assertEqual((self.number(), self.shown()), (1, {"web": 1, "api": 1}))
        self.assertEqual((run.chart("web")["state"], run.chart("web")["reason"]), ("failed", "GenerationHeld"))
        self.assertIn("api", run.chart("web")["message"])
        self.assertEqual(run.chart("web")["version"], "1.0.1")
        self.spec([self.entry("web"), {**gone, "required": False}], export=held)
        self.sync()
        self.assertEqual(self.shown(), {"web": 2, "api": 1})

    def test_what_is_shown_is_repaired_while_a_failing_chart_holds_what_is_new(self):
        held = {"onFailure": "keepGeneration"}
        self.spec(export=held)
        self.sync()
        gone = {"name": "api", "ref": f"oci://{self.registry.host}/charts/api:gone"}
        self.spec([self.entry("web"), gone], export=held)
        (self.current / "web").unlink()
        self.sync(3)
        self.assertEqual(self.shown(), {"web": 1, "api": 1})

    def test_the_first_generation_needs_every_required_chart(self):
        gone = {"name": "api", "ref": f"oci://{self.registry.host}/charts/api:gone"}
        self.spec([self.entry("web"), gone])
        run = self.sync(3)
        self.assertFalse(self.current.exists())
        self.assertEqual(run.chart("web")["reason"], "GenerationHeld")
        run = self.sync(3)
        self.assertEqual(run.chart("web")["reason"], "GenerationHeld")
        self.spec([self.entry("web"), {**gone, "required": False}])
        self.sync()
        self.assertEqual(self.shown(), {"web": 1})

    def test_a_chart_that_left_the_spec_is_not_in_the_next_generation(self):
        self.spec()
        self.sync()
        self.spec([self.entry("web")], export={"prune": False})
        self.sync()
        self.assertEqual(self.shown(), {"web": 1, "api": 1})
        self.spec([self.entry("web")])
        self.sync(0, "--only", "web")
        self.assertEqual(self.shown(), {"web": 1, "api": 1})
        run = self.sync()
        self.assertEqual(run.chart("api")["state"], "removed")
        self.assertEqual((self.number(), self.shown()), (2, {"web": 1}))
        self.spec([], export={"allowEmpty": True})
        self.sync()
        self.assertEqual((self.number(), self.shown()), (3, {}))

    def test_a_suspended_spec_leaves_everything_as_it_is(self):
        self.spec()
        self.sync()
        self.publish("web", 2)
        before = self.ocisync.snapshot()
        self.spec([self.entry("web")], suspend=True)
        self.sync()
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_what_was_altered_deleted_or_lost_is_repaired(self):
        self.spec()
        self.sync()
        top = self.current / "web"
        for damage in (lambda: self.damage(top),
                       lambda: shutil.rmtree(top.resolve()),
                       lambda: top.unlink(),
                       lambda: self.current.unlink(),
                       lambda: shutil.rmtree(self.current.resolve()),
                       lambda: (top.unlink(), top.symlink_to("/etc")),
                       lambda: (self.current / "more").write_text("more"),
                       lambda: shutil.rmtree(self.ocisync.export / ".ocisync/generations"),
                       lambda: shutil.rmtree(self.ocisync.export / ".ocisync/publications"),
                       lambda: shutil.rmtree(self.ocisync.export)):
            damage()
            self.sync()
            self.assertEqual(self.shown(), {"web": 1, "api": 1})
            self.assertEqual(self.ocisync.exported("current/web"),
                             charts.chart_files("web", "1.0.1", number="1"))
            before = self.ocisync.snapshot()
            self.sync()
            self.assertEqual(self.ocisync.snapshot(), before)

    def test_five_generations_are_kept_whole(self):
        self.spec(export={"keepRevisions": 0, "keepFor": "0s"})
        for number in range(1, 9):
            self.publish("web", number)
            self.sync()
        self.assertEqual(self.generations(), [8, 7, 6, 5, 4])
        home = self.ocisync.export / ".ocisync/generations/test"
        self.assertEqual(sorted(p.name for p in home.iterdir() if p.is_dir()), ["4", "5", "6", "7", "8"])
        for number in range(4, 9):
            self.assertEqual((home / f"{number}/web/number").read_text(), str(number))
        trees = self.ocisync.export / ".ocisync/trees/directory"
        self.assertEqual(len([p for p in trees.iterdir() if p.is_dir()]), 6)

    def test_another_owner_is_refused_in_one_line(self):
        self.spec()
        self.sync()
        before = self.ocisync.snapshot()
        text = self.ocisync.spec_file.read_text().replace('"name": "test"', '"name": "other"')
        self.ocisync.spec_file.write_text(text)
        run = self.sync(3)
        self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)
        self.assertIn("current shows the snapshot of test", run.stderr)
        self.assertEqual(self.ocisync.snapshot(), before)

    def test_what_is_not_ours_is_left_alone(self):
        self.ocisync.export.mkdir(parents=True)
        for make in (lambda: self.current.mkdir(), lambda: self.current.write_text("mine"),
                     lambda: self.current.symlink_to("/etc")):
            make()
            self.spec()
            run = self.sync(3)
            self.assertIn("current is ", run.stderr)
            self.current.rmdir() if self.current.is_dir() and not self.current.is_symlink() else self.current.unlink()

    def test_layouts_may_change_and_back(self):
        for layout in ("symlink", "directory"):
            self.spec(export={"layout": layout})
            self.sync()
            self.assertEqual(sorted(p.name for p in self.ocisync.export.iterdir()), [".ocisync", "api", "web"])
            self.spec()
            run = self.sync()
            self.assertEqual(self.shown(), {"web": 1, "api": 1})
            self.assertEqual(sorted(p.name for p in self.ocisync.export.iterdir()), [".ocisync", "current"])
        self.spec(export={"layout": "symlink"})
        self.sync()
        self.assertFalse((self.ocisync.export / ".ocisync/generations/test").exists())

    def test_the_old_layout_stays_until_the_new_one_is_shown(self):
        gone = {"name": "api", "ref": f"oci://{self.registry.host}/charts/api:gone"}
        self.spec(export={"layout": "symlink"})
        self.sync()
        self.spec([self.entry("web"), gone])
        self.sync(3)
        self.assertTrue((self.ocisync.export / "web").is_symlink())
        self.assertTrue((self.ocisync.export / "api").is_symlink())
        self.spec()
        self.sync()
        self.spec([self.entry("web"), gone], export={"layout": "symlink"})
        self.sync(3)
        self.assertEqual(self.shown(), {"web": 1, "api": 1})
        self.assertTrue((self.ocisync.export / "web").is_symlink())


class WithHooks(Snapshots):
    """Gates are asked before a revision is accepted, and the rest is called once readers see it."""

    def setUp(self):
        super().setUp()
        self.heard_file = self.folder / "heard"

    def hook(self, body="", **settings):
        """A program that writes down what it is told, and which generation is shown meanwhile."""
        script = self.folder / f"hook-{settings.get('when', 'published')}"
        script.write_text(f'#!/bin/sh\necho "$OCISYNC_HOOK_WHEN $OCISYNC_HOOK_CHARTS '
                          f'$(basename "$(readlink {self.current})")" >> {self.heard_file}\n{body}\n')
        script.chmod(0o755)
        return {"name": script.name, "exec": {"command": [str(script)]}, **settings}

    def heard(self):
        lines = self.heard_file.read_text().splitlines() if self.heard_file.exists() else []
        self.heard_file.unlink(missing_ok=True)
        return lines

    def test_published_is_called_once_the_switch_is_made(self):
        self.spec(hooks=[self.hook()])
        self.sync()
        self.assertEqual(self.heard(), ["published api,web 1"])
        self.publish("web", 2)
        self.sync()
        self.assertEqual(self.heard(), ["published web 2"])
        self.sync()
        self.assertEqual(self.heard(), [])

    def test_a_gate_is_asked_while_the_old_generation_is_shown(self):
        for per in ("pass", "chart"):
            self.spec(hooks=[self.hook(when="gate", per=per)])
            self.sync()
            self.heard()
            before = self.number()
            self.publish("web", before + 1)
            self.sync()
            self.assertEqual(self.heard(), [f"gate web {before}"])
            self.assertEqual(self.shown()["web"], before + 1)

    def test_what_a_gate_refuses_is_in_no_generation(self):
        self.spec()
        self.sync()
        for per in ("pass", "chart"):
            self.spec(hooks=[self.hook("exit 1", when="gate", per=per), self.hook()])
            self.publish("web", 2)
            self.sync(3)
            self.assertEqual(self.heard(), ["gate web 1"])
            self.assertEqual((self.number(), self.shown()), (1, {"web": 1, "api": 1}))
        self.spec()
        self.sync()
        self.assertEqual(self.shown(), {"web": 2, "api": 1})


class RollingBack(Snapshots):
    def setUp(self):
        super().setUp()
        self.spec()
        for number in (1, 2, 3):
            self.publish("web", number)
            self.sync()

    def test_a_rollback_stays_until_it_is_cleared(self):
        table = self.rollback("--list").stdout
        self.assertIn("current", table)
        self.rollback("--to", 2)
        self.assertEqual(self.shown(), {"web": 2, "api": 1})
        self.assertIn("pinned", self.rollback("--list").stdout)
        self.publish("web", 4)
        for _ in range(2):
            run = self.sync()
            self.assertEqual((self.number(), self.shown()), (2, {"web": 2, "api": 1}))
            chart = run.chart("web")
            self.assertEqual((chart["state"], chart["reason"], chart["version"]), ("unchanged", "RolledBack", "1.0.2"))
        self.rollback("--clear")
        self.assertEqual(self.number(), 2)
        self.sync()
        self.assertEqual((self.number(), self.shown()), (4, {"web": 4, "api": 1}))

    def test_a_switch_under_way_does_not_undo_a_rollback(self):
        self.publish("web", 4)
        slow_sync = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=syncfs",
                     "-e", "inject=syncfs:delay_enter=3000000"]
        runs = []
        switching = threading.Thread(target=lambda: runs.append(
            self.ocisync.run(command=slow_sync + self.ocisync.command("--timeout", "60s"))))
        switching.start()
        eventually((self.ocisync.export / ".ocisync/generations/test/4").exists, "a generation being made")
        self.rollback("--to", 2)
        switching.join()
        chart = self.assert_code(runs[0], 0).chart("web")
        self.assertEqual((chart["state"], chart["reason"], chart["version"]), ("unchanged", "RolledBack", "1.0.2"))
        self.assertEqual((self.number(), self.shown()), (2, {"web": 2, "api": 1}))

    def test_clearing_shows_the_newest_generation_again(self):
        self.rollback("--to", 1)
        self.rollback("--clear")
        self.sync()
        self.assertEqual(self.number(), 3)

    def test_a_new_spec_ends_a_rollback(self):
        self.rollback("--to", 1)
        self.spec(interval="7m")
        run = self.sync()
        self.assertEqual(self.shown(), {"web": 3, "api": 1})
        self.assertIn("RollbackEnded", run.stderr)

    def test_wrong_usage_is_told(self):
        for arguments in ([], ["--list", "--clear"], ["--to", "x"]):
            self.assertEqual(len(self.rollback(*arguments, code=2).stderr.splitlines()), 1)
        self.assertIn("there is no generation 9", self.rollback("--to", 9, code=3).stderr)
        self.spec(export={"layout": "symlink"})
        self.assertIn("layout symlink", self.rollback("--list", code=2).stderr)


class Watching(Snapshots):
    def test_changes_are_followed_and_share_a_generation(self):
        sidecar = self.watch()
        eventually(sidecar.is_ready, "ready")
        self.assertEqual((self.number(), self.shown()), (1, {"web": 1, "api": 1}))
        self.publish("web", 2)
        eventually(lambda: self.shown()["web"] == 2, "the switch")
        eventually(lambda: sidecar.chart("web")["version"] == "1.0.2", "the board")
        self.assertEqual(sidecar.condition("Ready")["status"], "True")
        self.assertEqual(sidecar.syncs("updated"), 2)

    def test_a_rollback_is_told_and_ended(self):
        sidecar = self.watch()
        eventually(sidecar.is_ready, "ready")
        self.publish("web", 2)
        eventually(lambda: self.shown()["web"] == 2, "the switch")
        self.rollback("--to", 1)
        eventually(lambda: sidecar.condition("Ready")["reason"] == "RolledBack", "told")
        self.assertEqual(sidecar.condition("Ready")["status"], "True")
        self.publish("web", 3)
        eventually(lambda: "1.0.3" in sidecar.condition("Ready")["message"], "the new revision is known")
        self.assertEqual(self.shown(), {"web": 1, "api": 1})
        sidecar.stop()
        sidecar.start()
        eventually(sidecar.is_ready, "ready again")
        eventually(lambda: sidecar.condition("Ready")["reason"] == "RolledBack", "told again")
        self.assertEqual(self.shown(), {"web": 1, "api": 1})
        self.rollback("--clear")
        eventually(lambda: self.shown()["web"] == 3, "the newest")
        eventually(lambda: sidecar.condition("Ready")["reason"] == "Succeeded", "well again")

    def test_a_rollback_is_noticed_though_the_next_check_is_far(self):
        sidecar = self.watch(interval="1h")
        eventually(sidecar.is_ready, "ready")
        self.publish("web", 2)
        sidecar.send(signal.SIGUSR1)
        eventually(lambda: self.shown()["web"] == 2, "the switch")
        self.rollback("--to", 1)
        eventually(lambda: sidecar.condition("Ready")["reason"] == "RolledBack", "told")
        self.rollback("--clear")
        eventually(lambda: self.shown()["web"] == 2, "the newest")
        eventually(lambda: sidecar.condition("Ready")["reason"] == "Succeeded", "well again")

    def test_a_held_generation_is_told_and_goes_on(self):
        sidecar = self.watch(export={"onFailure": "keepGeneration"})
        eventually(sidecar.is_ready, "ready")
        self.push["api"].delete(self.digests["api"])
        sidecar.next_check("api")
        eventually(lambda: sidecar.chart("api")["reason"] == "NotFound", "the failure")
        self.publish("web", 2)
        eventually(lambda: sidecar.condition("Ready")["reason"] == "GenerationHeld", "held")
        self.assertEqual(sidecar.condition("Ready")["status"], "False")
        self.assertEqual(self.shown(), {"web": 1, "api": 1})
        self.publish("api", 2)
        eventually(lambda: self.shown() == {"web": 2, "api": 2}, "the switch")
        eventually(lambda: sidecar.condition("Ready")["reason"] == "Succeeded", "well again")

    def test_what_was_held_is_told_once_it_is_shown_though_its_next_check_is_far(self):
        self.spec([self.entry("web", interval="1h"), self.entry("api", interval="1s")], jitter="0%",
                  export={"onFailure": "keepGeneration"})
        sidecar = Sidecar(self.ocisync)
        self.addCleanup(sidecar.kill)
        sidecar.start()
        eventually(sidecar.is_ready, "ready")
        self.push["api"].delete(self.digests["api"])
        eventually(lambda: sidecar.chart("api").get("reason") == "NotFound", "the failure")
        self.publish("web", 2)
        sidecar.send(signal.SIGUSR1)
        eventually(lambda: sidecar.condition("Ready")["reason"] == "GenerationHeld", "held")
        self.publish("api", 2)
        eventually(lambda: self.shown() == {"web": 2, "api": 2}, "the switch")
        eventually(lambda: sidecar.condition("Ready")["reason"] == "Succeeded", "told")
        self.assertEqual((sidecar.chart()["state"], sidecar.chart()["version"]), ("updated", "1.0.2"))
        self.assertEqual(sidecar.syncs("updated"), 2)

    def test_a_reload_may_change_layout_and_policy(self):
        sidecar = self.watch(export={"layout": "symlink"})
        eventually(sidecar.is_ready, "ready")
        self.spec(interval="1s", jitter="0%")
        eventually(lambda: self.current.exists() and not (self.ocisync.export / "web").is_symlink()
                   and not (self.ocisync.export / "api").is_symlink(), "the other layout")
        self.assertEqual(self.shown(), {"web": 1, "api": 1})
        self.spec(export={"layout": "symlink"}, interval="1s", jitter="0%")
        eventually(lambda: not self.current.is_symlink() and (self.ocisync.export / "web").is_symlink(), "and back")
