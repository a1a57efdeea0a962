"""A copy of schemas/ that a test changes, and the codec's small program built of it."""
import json
import os
import shlex
import shutil
import subprocess
import sys

from harness import places

HERE = places.REPOSITORY / "tests" / "integration" / "schemaflow"
OLD_CODEC = places.BUILD / "tests" / "integration" / "schemaflow" / "schema_codec"
PACKAGES = ("avro-c", "libcurl", "yyjson", "libcrypto", "libxxhash")
GENERATE_SECONDS, COMPILE_SECONDS, CODEC_SECONDS = 60, 100, 60
SEED = 20101201

UPCASTERS = """#include "gen/cart.h"

void cart_created_upcast(const struct cart_created *old, struct ev_upcast *upcast)
{
    struct cart_opened *opened = ev_upcast_add(upcast, &cart_opened_event);
    opened->cart_id = old->cart_id;
    opened->currency = old->currency;
    if (!old->customer_id.data)
        return;
    struct cart_customer_named *named = ev_upcast_add(upcast, &cart_customer_named_event);
    named->cart_id = old->cart_id;
    named->customer_id = old->customer_id;
}
"""


def event(name, *fields):
    return {"type": "record", "name": name, "namespace": "orderlog.cart", "fields": list(fields)}


def text(name, **more):
    return {"name": name, "type": "string", **more}


def run(argv, seconds, stdin=None):
    done = subprocess.run([str(word) for word in argv], input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{argv}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


class Codec:
    """Encodes and decodes commits of topic cart with one build of the schemas, against a namespace's registry."""

    def __init__(self, program, orderlog):
        self.program, self.url, self.subject = program, orderlog.environment["ORDERLOG_SCHEMA_REGISTRY_URL"], f"{orderlog.prefix}.cart-value"

    def encode(self, seed=SEED):
        """{event type: {"record", "commit"} or {"refused"}}; "all" holds every event that may be written."""
        rows = map(json.loads, run([self.program, "encode", self.url, self.subject, seed], CODEC_SECONDS).split("\n")[:-1])
        return {row.pop("type"): row for row in rows}

    def decode(self, rows):
        """The commits of what `encode` gave, by the same names; or the errors."""
        rows = {name: row["record"] for name, row in rows.items() if "record" in row}
        out = run([self.program, "decode", self.url], CODEC_SECONDS, "".join(record + "\n" for record in rows.values()))
        return dict(zip(rows, map(json.loads, out.split("\n")[:-1]), strict=True))


class ChangedSchemas:
    def __init__(self, folder, orderlog):
        self.folder, self.orderlog, self.path = folder, orderlog, folder / "schemas"
        shutil.copytree(places.REPOSITORY / "schemas", self.path, ignore=shutil.ignore_patterns("__pycache__"))
        self.old = Codec(OLD_CODEC, orderlog)

    def edit(self, name, change):
        """`change` gets the parsed file and may change it, or return another."""
        content = json.loads((self.path / name).read_text(encoding="utf-8"))
        content = change(content) or content
        (self.path / name).write_text(json.dumps(content), encoding="utf-8")

    def write(self, name, content):
        (self.path / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")

    def mark(self, event, **marks):
        """events.json says of a cart's event that it is retired, or upcast."""
        self.edit("cart/events.json", lambda events: [{"name": name, **marks} if name == event else name for name in events])

    def generate(self, *arguments):
        return run([sys.executable, "-B", self.path / "generator" / "generate.py", *arguments], GENERATE_SECONDS)

    def codec(self):
        """Generates and compiles as a build does."""
        generated = self.folder / "include" / "gen"
        self.generate("--check-registered")
        self.generate("--out", generated)
        upcasters = [self.path / name for name in self.generate("--list-upcasters").split()]
        flags = shlex.split(run(["pkg-config", "--cflags", "--libs", *PACKAGES], GENERATE_SECONDS))
        libraries = [places.BUILD / "libevents" / name / f"libev_{name}.a" for name in ("avro", "core")]
        program = self.folder / "codec"
        run([os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I", places.REPOSITORY / "libevents",
             "-I", self.folder / "include", "-I", places.REPOSITORY / "tests" / "unit" / "avro", HERE / "codec.c", *sorted(generated.glob("*.c")),
             *upcasters, places.BUILD / "tests" / "unit" / "avro" / "librandom_record.a", *libraries, *flags, "-lpthread", "-lm",
             "-o", program], COMPILE_SECONDS)
        return Codec(program, self.orderlog)

    def schema(self, subcommand, *arguments, check=True):
        """`orderlog schema …` for topic cart of this folder."""
        return self.orderlog.tool("schema", subcommand, "--directory", self.path, *arguments, "cart", check=check)
