"""A child that dies with the suite: started from the main thread, killed by the kernel when that ends."""
import asyncio
import os
import signal
import subprocess

from breaking.settings import clean_environment

POLL_SECONDS = 0.05
LOG_TAIL_BYTES = 4000


class Child:
    """One process, started again and again under one name, with one log."""

    def __init__(self, name, argv, environment, folder):
        self.name, self.argv, self.environment, self.folder = name, [str(a) for a in argv], environment, folder
        self.log = folder / f"{name}.log"
        self.process = None
        self.stopped = False  # by SIGSTOP

    def running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                ["setpriv", "--pdeathsig", "KILL", *self.argv], env=clean_environment() | self.environment, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.stopped = False

    def signal(self, number):
        if self.running():
            os.kill(self.process.pid, number)
            self.stopped = number == signal.SIGSTOP or (self.stopped and number not in (signal.SIGCONT, signal.SIGKILL))

    async def gone(self, seconds):
        """Waits for its end; its exit code, or None when it is still there."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self.running():
            if asyncio.get_running_loop().time() > deadline:
                return None
            await asyncio.sleep(POLL_SECONDS)
        return self.process.returncode if self.process else 0

    async def kill(self):
        self.signal(signal.SIGKILL)
        if await self.gone(10) is None:
            raise RuntimeError(f"{self.name} is still there 10 s after SIGKILL")

    def kill_now(self):
        """At the suite's end, outside of the loop."""
        if self.running():
            self.process.kill()
            self.process.wait(10)

    def log_tail(self):
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""


async def until(condition, seconds, what):
    """The first true value of `condition()`, which may be a coroutine function. RuntimeError with `what` past the deadline."""
    loop = asyncio.get_running_loop()
    deadline, last = loop.time() + seconds, None
    while True:
        try:
            last = condition()
            if asyncio.iscoroutine(last):
                last = await last
            if last:
                return last
        except OSError as error:
            last = error
        if loop.time() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s; last: {last!r}")
        await asyncio.sleep(POLL_SECONDS)
