"""Copies standard input to a file and keeps it within bounds; ends with its input.

Run as a program: logwriter.py FILE. Kept apart from its writer so that the writer never waits for a disk, and so that
a log can be rotated while it is written to.
"""

import os
import sys

FILE_BYTES_MAX = 32 << 20
FILES_KEPT = 3  # FILE, FILE.1 and FILE.2
READ_BYTES = 64 << 10


def rotate(path: str) -> None:
    for number in range(FILES_KEPT - 1, 0, -1):
        older = f"{path}.{number}"
        newer = f"{path}.{number - 1}" if number > 1 else path
        if os.path.exists(newer):
            os.replace(newer, older)


def open_log(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def write_all(log: int, data: bytes) -> None:
    while data:
        data = data[os.write(log, data) :]


def copy(source: int, path: str) -> None:
    """Rotates at the end of a line only."""
    log = open_log(path)
    size = os.fstat(log).st_size
    while block := os.read(source, READ_BYTES):
        if size > FILE_BYTES_MAX and (end := block.find(b"\n") + 1):
            write_all(log, block[:end])
            os.close(log)
            rotate(path)
            log, size, block = open_log(path), 0, block[end:]
        write_all(log, block)
        size += len(block)
    os.close(log)


if __name__ == "__main__":
    copy(sys.stdin.fileno(), sys.argv[1])
