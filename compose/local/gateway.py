#!/usr/bin/env python3
"""Writes the gateway's HAProxy configuration from route tables; `stack up --with-orderlog` does the same by itself.

For deployments elsewhere: gateway.py --listen 0.0.0.0:8000 --command HOST:PORT,HOST:PRIVATE --query … --routes FILE… DIR
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from stacklib import gateway  # noqa: E402  pylint: disable=wrong-import-position
from stacklib.layout import StackError  # noqa: E402  pylint: disable=wrong-import-position


def instance(text: str) -> tuple:
    """PUBLIC,PRIVATE: two addresses of one instance."""
    public, comma, private = text.partition(",")
    if not comma or not all(part.rpartition(":")[2].isdigit() for part in (public, private)):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT,HOST:PORT (public listener, private listener)")
    return public, private


def parse(argv: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog="Exit codes: 0 ok, 1 failure, 2 wrong usage.")
    parser.add_argument("--listen", default="127.0.0.1:8000", help="address that clients use (default 127.0.0.1:8000)")
    parser.add_argument("--command", type=instance, action="append", required=True, metavar="PUBLIC,PRIVATE", help="a command-api; may be repeated")
    parser.add_argument("--query", type=instance, action="append", required=True, metavar="PUBLIC,PRIVATE", help="a query-api; may be repeated")
    parser.add_argument("--routes", type=Path, action="append", required=True, metavar="FILE",
                        help="what `command-api --routes` and `query-api --routes` print; may be repeated")
    parser.add_argument("--admin-socket", type=Path, help="HAProxy's own socket (default: admin.sock in the folder)")
    parser.add_argument("--user", help="whom HAProxy's workers run as, \"\" for nobody else (default: the service user if run by root)")
    parser.add_argument("--dns", default="", metavar="HOST:PORT", help="name server that is asked for the instances' names again and again")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the configuration is written; the paths in it lead there")
    return parser.parse_args(argv)


def main(argv: list) -> int:
    arguments = parse(argv)
    folder = arguments.folder.resolve()
    try:
        routes = [route for path in arguments.routes for route in gateway.parse_routes(path.read_text(encoding="utf-8").splitlines(), str(path))]
        gateway.check_unambiguous(routes)
        gateway.write_configuration(gateway.Gateway(arguments.listen, arguments.command, arguments.query, folder,
                                                    arguments.admin_socket or folder / "admin.sock",
                                                    arguments.user, arguments.dns), routes)
    except (StackError, OSError) as error:
        print(f"gateway.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
