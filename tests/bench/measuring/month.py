"""The sample month: from the first command until every view reflects it, beside all servers."""
import json
import time

from harness import places

MONTH = "2010-12"
IMPORT_SECONDS, CATCH_UP_SECONDS = 300, 300


def run(orderlog, say):
    orderlog.start()
    begin = time.monotonic()
    done = orderlog.tool("import", "retail", places.SAMPLE / f"{MONTH}.csv.gz", seconds=IMPORT_SECONDS)
    imported = time.monotonic()
    orderlog.wait_caught_up(CATCH_UP_SECONDS)
    caught_up = time.monotonic()
    orderlog.reconcile(MONTH, places.SAMPLE / "expected.json")
    commands = json.loads(done.stdout.splitlines()[-1])["commands"]
    say(f"{commands} commands in {imported - begin:.1f} s, views caught up after {caught_up - begin:.1f} s; the figures reconcile")
    return {"commands": commands, "import_seconds": round(imported - begin, 2), "caught_up_seconds": round(caught_up - begin, 2), "reconciled": True}
