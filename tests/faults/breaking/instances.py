"""command-api processes, each with a small file system of its own for what it keeps on disk."""
import asyncio
import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request

from breaking.processes import Child, until
from breaking.settings import CHECKPOINT_EVERY_S, COMMAND_DEADLINE_MS, HOST, PARTITIONS, SESSION_MS, free_port

DISK_MIB = 16
READY_SECONDS, STOP_SECONDS, PROBE_SECONDS = 40, 30, 2
FILL_CHUNK = 64 << 10


class Disk:
    """A file system that can be filled. Without the right to mount it is a folder, and filling it is left out."""

    def __init__(self, folder, mounts):
        self.folder, self.mounts = folder, mounts
        folder.mkdir(parents=True, exist_ok=True)
        if mounts:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0755", "orderlog-faults", str(folder)], check=True, timeout=10)

    def fill(self):
        with open(self.folder / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * FILL_CHUNK)
            except OSError:
                pass
        # To the last byte: what is left of a page.
        return os.statvfs(self.folder).f_bavail

    def free(self):
        (self.folder / "filler").unlink(missing_ok=True)

    def finish(self):
        if self.mounts:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False, timeout=10)
            self.mounts = False
        shutil.rmtree(self.folder, ignore_errors=True)


class Instance:
    """One command-api: its process, addresses and disk."""

    def __init__(self, index, prefix, servers, folder, options):
        self.index, self.name = index, f"i{index}"
        self.public, self.private = free_port(), free_port()
        self.disk = Disk(folder / f"disk-{self.name}", options.mounts)
        listener = servers.proxied[index]
        environment = {
            "ORDERLOG_KAFKA_BROKERS": f"{HOST}:{listener.advertised}", "ORDERLOG_SCHEMA_REGISTRY_URL": servers.registry,
            "ORDERLOG_TOPIC_PREFIX": prefix, "ORDERLOG_DATA_DIR": str(self.disk.folder / "data"), "ORDERLOG_INSTANCE": self.name,
            "ORDERLOG_LISTEN": f"{HOST}:{self.public}", "ORDERLOG_PRIVATE_LISTEN": f"{HOST}:{self.private}",
            "ORDERLOG_DEADLINE_MS": str(COMMAND_DEADLINE_MS), "ORDERLOG_CREATE_TOPICS": "true", "ORDERLOG_REGISTER_SCHEMAS": "true",
            "ORDERLOG_PARTITIONS": str(PARTITIONS), "ORDERLOG_DRAIN_MS": "5000",
            "ORDERLOG_GROUP_SESSION_MS": str(SESSION_MS), "ORDERLOG_CHECKPOINT_DIR": str(self.disk.folder / "checkpoints"),
            "ORDERLOG_CHECKPOINT_EVERY_S": str(CHECKPOINT_EVERY_S),
        } | options.environment
        self.unready = ""  # what /readyz said last when it wasn't
        self.child = Child(self.name, [options.program], environment, folder)

    async def ready(self):
        def look():
            try:
                with urllib.request.urlopen(f"http://{HOST}:{self.private}/readyz", timeout=PROBE_SECONDS) as answer:
                    return answer.status == 200
            except urllib.error.HTTPError as error:
                self.unready = error.read().decode("utf-8", "replace")
                return False
        return self.child.running() and not self.child.stopped and await asyncio.to_thread(look)

    async def await_ready(self, seconds=READY_SECONDS):
        try:
            await until(self.ready, seconds, f"{self.name} is ready")
        except RuntimeError as error:
            raise RuntimeError(f"{error}; it said: {self.unready}\n{self.child.log_tail()}") from None

    async def terminate(self):
        """SIGTERM. True when it ended by itself: well, or with an error that it told (its log may be out of reach)."""
        self.child.signal(signal.SIGTERM)
        code = await self.child.gone(STOP_SECONDS)
        if code is None:
            await self.child.kill()
        return code in (0, 1)

    def told(self, event):
        """What its log says under that name, of all its processes."""
        with open(self.child.log, encoding="utf-8", errors="replace") as log:
            rows = [line for line in log if f'"{event}"' in line]
        return [json.loads(line) for line in rows if line.startswith("{") and line.endswith("}\n")]

    def finish(self):
        self.child.kill_now()
        self.disk.finish()
