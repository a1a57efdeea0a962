"""The servers that all test modules share, by `compose/local/stack` on ports and in a folder of their own."""
import os
import subprocess

from harness.places import FOLDER, KEEP, PORT_OFFSET, REPOSITORY, clean_environment

STACK = REPOSITORY / "compose" / "local" / "stack"
NAMES = ("kafka", "registry", "elasticsearch", "mongodb")
UP_SECONDS, COMMAND_SECONDS = 180, 90


class Servers:
    """One stack of servers: `up`, `down`, and stop, start, kill of each by name."""

    def __init__(self, folder=FOLDER / "stack", port_offset=PORT_OFFSET, mongo="memory", names=NAMES, mongodb_heap_mib=None):
        self.folder, self.port_offset, self.mongo, self.names, self.mongodb_heap_mib = folder, port_offset, mongo, names, mongodb_heap_mib

    def address(self, name):
        from stacklib.layout import Options, Stack  # pylint: disable=import-outside-toplevel  # on the path after places
        return Stack(self.folder, Options(port_offset=self.port_offset)).address(name)

    def environment(self):
        """The addresses as Orderlog's programs take them; a namespace puts its own database's name behind the MongoDB URI."""
        return {
            "ORDERLOG_KAFKA_BROKERS": self.address("kafka"),
            "ORDERLOG_MONGODB_URI": f"mongodb://{self.address('mongodb')}",
            "ORDERLOG_ELASTICSEARCH_URL": f"http://{self.address('elasticsearch')}",
            "ORDERLOG_SCHEMA_REGISTRY_URL": f"http://{self.address('registry')}/apis/ccompat/v7",
        }

    def _stack(self, *arguments, seconds=COMMAND_SECONDS):
        # Its own addresses in the environment win over a .env of the user's: tests never touch a user's servers. They are named
        # as the stack's own, which it would not start otherwise.
        own = self.environment()
        own["ORDERLOG_STACK_ADDRESSES"] = " ".join(own.values())
        if self.mongodb_heap_mib:
            own["ORDERLOG_STACK_MONGODB_HEAP_MIB"] = str(self.mongodb_heap_mib)
        done = subprocess.run([STACK, "--dir", self.folder, *map(str, arguments)], env=clean_environment() | own,
                              capture_output=True, text=True, timeout=seconds, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"stack {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def up(self):
        if not KEEP:
            self.down()
        self._stack("up", *self.names, "--port-offset", self.port_offset, "--mongo", self.mongo,
                    *([] if KEEP else ["--die-with", os.getpid()]), seconds=UP_SECONDS)

    def down(self):
        if self.folder.exists():
            self._stack("down", "--forget", seconds=UP_SECONDS)

    def start(self, name):
        self._stack("start", name)

    def stop(self, name):
        self._stack("stop", name)

    def kill(self, name):
        self._stack("kill", name)


class WithDurableMongo(Servers):
    """The shared servers, but for a MongoDB stand-in of its own that keeps its documents in a file: the shared one has them in memory."""

    def __init__(self, shared):
        super().__init__(shared.folder, shared.port_offset)
        self.own = Servers(FOLDER / "stack-mongodb", shared.port_offset + 1, "file", ("mongodb",))

    def address(self, name):
        return self.own.address(name) if name == "mongodb" else super().address(name)

    def _stack(self, *arguments, seconds=COMMAND_SECONDS):
        of_mongodb = "mongodb" in arguments
        return self.own._stack(*arguments, seconds=seconds) if of_mongodb else super()._stack(*arguments, seconds=seconds)

    def up(self):
        self.own.up()

    def down(self):
        self.own.down()
