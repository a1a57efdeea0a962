"""Where things lie: the repository, the build, this session's folder and its ports."""
import os
import pathlib
import socket
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BUILD = (REPOSITORY / os.environ.get("ORDERLOG_BUILD", "build")).resolve()
# All ports must lie below those that the kernel gives to clients (from 32768 on): a client that keeps trying to reach a server that was
# stopped would otherwise be given that server's port one day, connect to itself, and keep the server from coming back.
PORT_OFFSET = int(os.environ.get("ORDERLOG_TEST_PORT_OFFSET", "4000"))
FOLDER = (REPOSITORY / os.environ.get("ORDERLOG_TEST_DIR", ".run/test")).resolve()
KEEP = os.environ.get("ORDERLOG_TEST_KEEP") == "yes"
SAMPLE = REPOSITORY / "sample" / "online-retail"
TOOL = BUILD / "cli" / "orderlog"

sys.path.insert(0, str(REPOSITORY / "compose" / "local"))  # stacklib
sys.path.insert(0, str(REPOSITORY / "tests" / "data"))  # expected, mutate

# Behind the ports that the stack gives out at this offset (8000 to 9300 and 27017).
PROGRAM_PORTS = range(PORT_OFFSET + 9400, PORT_OFFSET + 9900)
_given = set()


def free_port():
    """A port of our range that nobody listens on; none is given twice in a session."""
    for port in PROGRAM_PORTS:
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError(f"no free port in {PROGRAM_PORTS}")


def clean_environment():
    """What a process of a test inherits: nothing of the user's ORDERLOG_ settings but where the cache is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ORDERLOG_")}
    if "ORDERLOG_CACHE" in os.environ:
        kept["ORDERLOG_CACHE"] = os.environ["ORDERLOG_CACHE"]
    return kept
