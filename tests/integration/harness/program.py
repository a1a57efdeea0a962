"""One process of a test: started with its environment and its log, awaited, stopped, killed, gone when the tests are gone."""
import signal
import subprocess

import requests

from harness import wait
from harness.places import clean_environment

READY_SECONDS, STOP_SECONDS = 60, 30
LOG_TAIL_BYTES = 6000


class Program:
    """`ready` is a URL that answers 200 when the process is."""

    def __init__(self, name, argv, environment, folder, ready):
        self.name, self.argv, self.environment, self.folder, self.ready = name, list(map(str, argv)), environment, folder, ready
        self.log = folder / f"{name}.log"
        self.process = None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            # setpriv: the kernel kills the program when the thread that started it, pytest's main thread, ends.
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                ["setpriv", "--pdeathsig", "KILL", *self.argv], env=clean_environment() | self.environment, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def await_ready(self, seconds=READY_SECONDS):
        wait.until(self.is_ready, seconds, f"{self.name} is ready at {self.ready} (log: {self.log}):\n{self.log_tail()}")

    def is_ready(self):
        if not self.running():
            raise RuntimeError(f"{self.name} ended with {self.process and self.process.returncode}:\n{self.log_tail()}")
        return requests.get(self.ready, timeout=5).status_code == 200

    def stop(self):
        """SIGTERM; it must end by itself, with exit code 0."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not end within {STOP_SECONDS} s of SIGTERM:\n{self.log_tail()}") from None
        code = self.process.returncode if self.process else 0
        self.process = None
        if code != 0:
            raise AssertionError(f"{self.name} ended with {code}:\n{self.log_tail()}")

    def kill(self):
        """SIGKILL."""
        if self.running():
            self.process.kill()
            self.process.wait(STOP_SECONDS)
        self.process = None

    def log_tail(self):
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
