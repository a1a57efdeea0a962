"""Where things lie, and bounds that several parts share. Import it first: it sets what the harness reads when imported."""
import os
import pathlib
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
DEFAULT_PORT_OFFSET = "5300"
os.environ.setdefault("ORDERLOG_TEST_PORT_OFFSET", DEFAULT_PORT_OFFSET)
sys.path.insert(0, str(REPOSITORY / "tests" / "integration"))

from harness import places  # noqa: E402  pylint: disable=wrong-import-position  # it reads the environment

RESULTS = REPOSITORY / ".run" / "faults"
BINARIES = pathlib.Path(os.environ.get("ORDERLOG_CACHE", pathlib.Path.home() / ".cache" / "orderlog")) / "bin"
LINEARIZABILITY = BINARIES / "linearizability"
TOXIPROXY = BINARIES / "toxiproxy-server"
HOST = "127.0.0.1"

PARTITIONS = 3
TOPICS = ("product", "cart", "order")
SESSION_MS = 2000  # of the consumer group: an instance that is away for longer has lost its partitions
COMMAND_DEADLINE_MS = 4000
CHECKPOINT_EVERY_S = 1  # so that kills, restarts and full disks meet checkpoints all the time

free_port = places.free_port
clean_environment = places.clean_environment
