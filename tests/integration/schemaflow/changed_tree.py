"""A copy of what the tool is built of, with schemas and folds changed, and the tool that comes out: the build after a change."""
import json
import shutil
import subprocess
import sys

from harness import places
from changed_schemas import run

PARTS = ("libevents", "schemas", "libhttp", "projectors", "cli")
SETUP_SECONDS, BUILD_SECONDS, TOOL_SECONDS = 100, 300, 100


class ChangedTree:
    def __init__(self, folder, orderlog):
        self.orderlog, self.path, self.build = orderlog, folder / "tree", folder / "build"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("meson.build", "meson_options.txt", *PARTS):
            source = places.REPOSITORY / name
            self.path.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, self.path / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self.path / name)

    def write(self, name, content):
        (self.path / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")

    def edit(self, name, change):
        content = json.loads((self.path / name).read_text(encoding="utf-8"))
        self.write(name, change(content) or content)

    def replace(self, name, before, after):
        text = (self.path / name).read_text(encoding="utf-8")
        assert before in text, f"{name} doesn't hold any more what this test changes: {before}"
        self.write(name, text.replace(before, after))

    def make(self):
        if not (self.build / "build.ninja").exists():
            run(["meson", "setup", self.build, self.path, "--buildtype=plain", "-Dparts=" + ",".join(PARTS)], SETUP_SECONDS)
        run([sys.executable, "-B", self.path / "schemas" / "generator" / "generate.py", "--add-version"], SETUP_SECONDS)
        run(["nice", "ninja", "-C", self.build, "cli/orderlog"], BUILD_SECONDS)

    def tool(self, *arguments):
        """The tool of this tree, with the namespace's addresses."""
        return subprocess.run([self.build / "cli" / "orderlog", *map(str, arguments)], env=self.orderlog.tool_environment(),
                              cwd=self.orderlog.folder, capture_output=True, text=True, timeout=TOOL_SECONDS, check=False)
