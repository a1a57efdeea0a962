"""What the cross-checks share: arguments, the tool as a filter, the contract as the generator reads it."""

import argparse
import json
import subprocess
import sys
import unittest
from pathlib import Path

SKIPPED = 77  # meson's sign for a test that could not be run

TOOL = None
SCHEMAS = None
CONTRACT = None
TEMPLATE = None


def require(module):
    """The module, or the whole test is skipped with a word on what to do."""
    try:
        return __import__(module)
    except ImportError:
        print(f"{module} is missing: run compose/local/install --only tests and source compose/local/env.sh", file=sys.stderr)
        sys.exit(SKIPPED)


def run_tool(arguments, text):
    """What the tool prints, a JSON value per line."""
    done = subprocess.run([TOOL, *arguments], input=text.encode(), capture_output=True, timeout=240, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{TOOL} {arguments}: {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return [json.loads(line) for line in done.stdout.split(b"\n") if line]


def ask(mode, requests):
    """The tool's answers to `requests`, in their order."""
    text = "".join(json.dumps(request) + "\n" for request in requests)
    answers = run_tool([mode], text)
    if len(answers) != len(requests):
        raise AssertionError(f"{TOOL} {mode}: {len(answers)} answers to {len(requests)} requests")
    return answers


def random_values(seed, count):
    return run_tool(["random", str(seed), str(count)], "")


def run():
    """Parses this test's arguments and runs the cases of the calling script."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True, help="ev_codec_tool")
    parser.add_argument("--schemas", required=True, type=Path)
    arguments, rest = parser.parse_known_args()
    global TOOL, SCHEMAS, CONTRACT, TEMPLATE
    TOOL, SCHEMAS = arguments.tool, arguments.schemas
    sys.path.insert(0, str(SCHEMAS / "generator"))
    from load import load_contract

    CONTRACT = load_contract(SCHEMAS)
    TEMPLATE = json.loads((SCHEMAS / "commit.avsc").read_text(encoding="utf-8"))
    unittest.main(argv=[sys.argv[0], *rest])


def records():
    """full name -> complete Avro schema of every record."""
    from canonical import record_schema

    return {
        record.full_name: record_schema(CONTRACT, record) for category in CONTRACT.categories.values() for record in category.records
    }
