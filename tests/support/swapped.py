"""What the kubelet makes of a ConfigMap or a Secret, and how it changes."""
import os


class Swapped:
    """A ConfigMap or Secret volume: files are links through `..data`, which one rename swaps. `group` is the
    pod's fsGroup: the files are that group's then."""

    def __init__(self, folder, mode=0o644, group=-1):
        self.folder, self.mode, self.group, self.generation = folder, mode, group, 0
        folder.mkdir(parents=True)

    def write(self, **files):
        self.generation += 1
        data = self.folder / f"..generation_{self.generation}"
        data.mkdir()
        for name, text in files.items():
            file = data / name.replace("__", ".")
            file.write_text(text)
            file.chmod(self.mode)
            os.chown(file, -1, self.group)
        temporary = self.folder / "..data_tmp"
        temporary.symlink_to(data.name)
        temporary.rename(self.folder / "..data")
        for name in files:
            link = self.folder / name.replace("__", ".")
            if not link.is_symlink():
                link.symlink_to(f"..data/{link.name}")
