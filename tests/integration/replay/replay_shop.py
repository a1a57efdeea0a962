"""A namespace as the tests of replays use it."""
import json
import os
import signal
import subprocess

from projector_shop import Shop

from harness import places, wait

REPLAY_SECONDS, FED_SECONDS = 110, 20


class ReplayShop(Shop):
    def replay(self, *words, check=True, tool=places.TOOL, seconds=REPLAY_SECONDS):
        """`orderlog replay …`: its JSON results, one per view and store."""
        done = subprocess.run(self._argv(tool, words), env=self.tool_environment(), cwd=self.orderlog.folder, capture_output=True, text=True,
                              timeout=seconds, check=False)
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert not check or done.returncode == 0, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr[-3000:]}"
        return results if check else (done.returncode, results, done.stderr)

    def replay_in_background(self, *words, tool=places.TOOL):
        """Progress comes line by line on its stderr."""
        return subprocess.Popen(self._argv(tool, words), env=self.tool_environment(), cwd=self.orderlog.folder, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    @staticmethod
    def _argv(tool, words):
        return ["setpriv", "--pdeathsig", "KILL", str(tool), "replay", "--json", "--progress-ms", "1", *map(str, words)]

    def tool_environment(self):
        self.orderlog.folder.mkdir(parents=True, exist_ok=True)
        return self.orderlog.tool_environment() | {"ORDERLOG_DATA_DIR": str(self.orderlog.folder / "data" / "tool")}

    def views(self, *words):
        """[row] of `orderlog views --json`."""
        done = self.orderlog.tool("views", "--json", *words)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def live(self, view, sink):
        """(version, generation) of the live one."""
        rows = [row for row in self.views(view, "--sink", sink) if row["state"] == "live"]
        assert len(rows) == 1, rows
        return rows[0]["version"], rows[0]["generation"]

    def states(self, view, sink):
        return {(row["version"], row["generation"]): row["state"] for row in self.views(view, "--sink", sink)}

    def await_fed(self, view, sink, generation, name="projectors"):
        """The projectors feed a generation, live or kept, and it is up to date."""
        def fed():
            answer = self.orderlog.session.get(self.orderlog.url(name, "private") + "/v1/lag", timeout=10).json()
            rows = [row for row in answer["projections"] + answer["kept"] if (row["view"], row["sink"], row.get("generation")) == (view, sink, generation)]
            return rows and rows[0]["state"] == "live" and rows[0]["lag_events"] == 0
        wait.until(fed, FED_SECONDS, f"generation {generation} of {view} in {sink} is fed")


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)


def kill_at(shop, permille, *words):
    """Kills a replay when it has come so far by its own account; returns where that was."""
    line = ""
    process = shop.replay_in_background(*words)
    for line in process.stderr:
        progress = json.loads(line) if line.startswith("{") else {}
        if progress.get("course_permille", 0) >= permille:
            kill(process)
            return progress["phase"], progress["course_permille"]
    told = process.communicate(timeout=60)
    raise AssertionError(f"the replay ended before {permille} permille: {line} {told}")
