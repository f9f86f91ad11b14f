"""A process reads the exports over and over while a tag moves 200 times: it finds every file, of one revision, whole."""
import signal

from tests.support.case import Case
from tests.support.reader import Reader, revision_files
from tests.support.sidecar import Sidecar, eventually

MOVES = 200


class Readers(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.push = self.pusher(self.registry)
        self.manifests = [self.push.current(f"1.0.{i}", revision_files("web", i)) for i in range(MOVES + 1)]
        self.move(0)

    def move(self, revision):
        self.push.tag("stable", self.manifests[revision])

    def spec(self, *names, **export):
        self.ocisync.spec([{"name": name, "ref": f"oci://{self.registry.host}/charts/web:stable"} for name in names],
                          interval="1h", export=export)

    def sidecar(self):
        sidecar = Sidecar(self.ocisync)
        self.addCleanup(sidecar.kill)
        sidecar.start()
        eventually(sidecar.is_ready, "ready")
        return sidecar

    def assert_whole(self, reader):
        self.assertEqual(reader.wrong, [])
        self.assertGreater(reader.looks, MOVES)

    def read_while_the_tag_moves(self, layout):
        self.spec("web", layout=layout)
        sidecar = self.sidecar()
        with Reader(self.ocisync.export / "web") as reader:
            reader.wait_for([0])
            for revision in range(1, MOVES + 1):
                self.move(revision)
                sidecar.send(signal.SIGUSR1)
                reader.wait_for([revision])
        self.assert_whole(reader)
        self.assertEqual(reader.saw, [[revision] for revision in range(MOVES + 1)])
        eventually(lambda: sidecar.syncs("updated") == MOVES + 1, "the count")

    def test_the_symlink_layout(self):
        self.read_while_the_tag_moves("symlink")

    def test_the_directory_layout(self):
        self.read_while_the_tag_moves("directory")

    def test_a_snapshot_of_each_move_is_never_a_mixture_across_charts(self):
        self.spec("web", "api", layout="snapshot")
        self.assert_code(self.ocisync.sync(), 0)
        with Reader(self.ocisync.export / "current", "web", "api") as reader:
            reader.wait_for([0, 0])
            for revision in range(1, MOVES + 1):
                self.move(revision)
                self.assert_code(self.ocisync.sync(), 0)
                reader.wait_for([revision, revision])
        self.assert_whole(reader)
        self.assertEqual(reader.saw, [[revision, revision] for revision in range(MOVES + 1)])

    def test_a_snapshot_that_several_moves_share_is_whole(self):
        """The two charts may be asked for on either side of a move, but neither ever goes back."""
        self.spec("web", "api", layout="snapshot")
        sidecar = self.sidecar()
        with Reader(self.ocisync.export / "current", "web", "api") as reader:
            reader.wait_for([0, 0])
            for revision in range(1, MOVES + 1):
                self.move(revision)
                sidecar.send(signal.SIGUSR1)
                if revision % 25 == 0:
                    reader.wait_for([revision, revision])
        self.assert_whole(reader)
        for number, name in enumerate(("web", "api")):
            seen = [saw[number] for saw in reader.saw]
            self.assertEqual(seen, sorted(seen))
            # What is overtaken before the snapshot switches was taken up, but never shown.
            eventually(lambda: len(set(seen)) <= sidecar.syncs("updated", name) <= MOVES + 1, "the count")
