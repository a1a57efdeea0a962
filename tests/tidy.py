#!/usr/bin/env python3
"""Style as a test: layering, banned calls, dead files, stale documentation, and what must not be in the repository.

    tests/tidy.py            prints each finding with file and line, then a line 'N passed, N failed'; exit code 1 if any
    tests/tidy.py --list     what is checked
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 110  # 70 is a smell; one table or one switch may be longer
LINE_COLUMNS_MAX = 160    # clang-format wraps code at 120; contracts in comments may run on

# Who may include whom: folder -> prefixes of quoted includes that it may use beside its own files.
LAYERS = {
    "libevents/core": ["core/"],
    "libevents/avro": ["core/", "avro/"],
    "libevents/log": ["core/", "avro/", "log/"],
    "libevents/stream": ["core/", "avro/", "log/", "stream/"],
    "libevents/fold": ["core/", "avro/", "log/", "fold/"],
    "libhttp": ["core/", "libhttp/"],
    "command-api/domain": ["core/", "avro/", "stream/decider.h", "gen/", "domain/", "command-api/domain/"],
    "command-api": ["core/", "avro/", "log/", "stream/", "gen/", "libhttp/", "command-api/", "domain/", "http/"],
    "projectors/views": ["core/", "avro/", "fold/view.h", "log/ledger.h", "gen/", "projectors/views/", "views/"],
    "projectors/sinks": ["core/", "avro/", "fold/", "log/", "gen/", "projectors/sinks/", "sinks/", "indexes/", "projectors/"],
    "projectors/proof": ["core/", "avro/", "fold/", "log/", "projectors/proof/", "proof/"],
    "projectors/replay": ["core/", "avro/", "log/", "fold/", "projectors/", "sinks/", "proof/", "replay/", "choice.h"],
    "projectors": ["core/", "avro/", "log/", "fold/", "gen/", "libhttp/", "projectors/", "sinks/", "views/", "proof/", "replay/"],
    "query-api": ["core/", "avro/", "log/position.h", "gen/", "libhttp/", "query-api/", "projectors/sinks/bson.h"],
    "cli": ["core/", "avro/", "log/", "fold/", "gen/", "views/", "choice.h", "sinks/", "proof/", "replay/", "cli/"],
}
# Which folder may use which library's headers.
LIBRARIES = {
    "rdkafka.h": ["libevents/log/"],
    "librdkafka/": ["libevents/log/"],
    "h2o.h": ["libhttp/"],
    "h2o/": ["libhttp/"],
    "mongoc": ["projectors/", "query-api/", "cli/"],
    "bson": ["projectors/", "query-api/", "cli/"],
    "avro.h": ["libevents/avro/"],
    "curl/": ["libevents/avro/", "command-api/", "projectors/", "query-api/", "cli/"],
    "yyjson.h": ["libevents/", "projectors/", "query-api/", "cli/", "command-api/"],
    "lmdb.h": ["libevents/stream/", "projectors/replay/"],
}
BANNED_CALLS = {
    "strcpy": "use ev_buffer, snprintf or memcpy with a bound", "strcat": "use ev_buffer", "sprintf": "use snprintf",
    "vsprintf": "use vsnprintf", "gets": "has no bound", "atoi": "use ev_str_to_int64", "atol": "use ev_str_to_int64",
    "atof": "use ev_money_parse", "system": "start programs by hand", "alloca": "use an arena", "strtok": "keeps hidden state",
    "usleep": "await a condition", "sleep": "await a condition", "rand": "use a struct ev_random", "gmtime": "use core/timestamp.h",
    "localtime": "use core/timestamp.h", "setjmp": "return errors",
}
DOMAIN_BANNED = ["<time.h>", "<sys/", "<unistd.h>", "<rdkafka", "<h2o", "<mongoc"]
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# Put together so that this file isn't a finding itself.
MACHINE_PATHS = re.compile("/" + "work/|/tmp/" + "bash_jobs|/" + "root/")
REGISTRY_HOSTS = re.compile(r"registry\.npmjs|pypi\.org|files\.python" + r"hosted|repo1?\.maven|static\.crates|proxy\.golang|deb\.debian\.org")

findings = []
checked = 0


def find(path, line, what):
    findings.append(f"{path}:{line}: {what}")


def tracked():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for path in out.splitlines() if (ROOT / path).is_file()]


def without_comments(text):
    """C text with comments and string contents blanked, line numbers kept."""
    def blank(match):
        kept = match.group(0)
        if kept.startswith("/"):
            return re.sub(r"[^\n]", " ", kept)
        return kept[0] + re.sub(r"[^\n]", " ", kept[1:-1]) + kept[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def layer_of(path):
    best = ""
    for folder in LAYERS:
        if path.startswith(folder + "/") and len(folder) > len(best):
            best = folder
    return best


def check_includes(path, text):
    layer = layer_of(path)
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quoted, name = match.group(1) == '"', match.group(2)
        if layer and quoted and not any(name.startswith(p) for p in LAYERS[layer]) and not any(folder.joinpath(name).exists() for folder in ((ROOT / path).parent, ROOT / layer)):
            find(path, number, f'{layer} may not include "{name}"')
        for library, allowed in LIBRARIES.items():
            used = name.startswith(library) or ("/" + library) in name
            if used and not quoted and not path.startswith("tests/") and not any(path.startswith(a) for a in allowed):
                find(path, number, f"<{name}> belongs to {', '.join(allowed)} alone")
        if layer == "command-api/domain" and any((f"<{name}" + ">").startswith(b) for b in DOMAIN_BANNED):
            find(path, number, f"a decider may not include <{name}>")


def check_calls(path, bare):
    for number, line in enumerate(bare.splitlines(), 1):
        for call in re.finditer(r"(?<![\w.>])([a-z_]+)\s*\(", line):
            why = BANNED_CALLS.get(call.group(1))
            if why:
                find(path, number, f"{call.group(1)}() is banned: {why}")


def check_functions(path, bare):
    start = None
    for number, line in enumerate(bare.splitlines(), 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            if number - start > FUNCTION_LINES_MAX:
                find(path, start, f"a function of {number - start} lines; at most {FUNCTION_LINES_MAX}")
            start = None


def check_c(path, text):
    bare = without_comments(text)
    lines = text.splitlines()
    if len(lines) > FILE_LINES_MAX:
        find(path, 1, f"{len(lines)} lines; at most {FILE_LINES_MAX}: does it still hold one noun?")
    if path.endswith(".h"):
        if "#pragma once" not in text:
            find(path, 1, "a header without #pragma once")
        if not text.startswith("/*"):
            find(path, 1, "a header must begin with a comment that says what the module is for")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            find(path, number, f"{len(line)} columns; at most {LINE_COLUMNS_MAX}")
        if line != line.rstrip():
            find(path, number, "white space at the end of the line")
        if "\t" in line:
            find(path, number, "a tab; indent by four spaces")
    check_includes(path, text)
    check_calls(path, bare)
    check_functions(path, bare)


def check_dead_files(paths):
    builds = {p: (ROOT / p).read_text() for p in paths if p.endswith("meson.build")}
    everything = {p: (ROOT / p).read_text(errors="replace") for p in paths if p.endswith((".c", ".h", ".py", "meson.build"))}
    for path in paths:
        name = pathlib.PurePath(path).name
        stem = re.sub(r"^(test|spec|fuzz)_", "", pathlib.PurePath(path).stem)
        if path.endswith(".c") and not any(name in text or f"'{stem}'" in text for text in builds.values()):
            find(path, 1, "no meson.build names this file")
        if path.endswith(".h") and not any(name in text for other, text in everything.items() if other != path):
            find(path, 1, "nothing includes this header")


def check_documents(paths):
    names = set(paths)
    for path in paths:
        if not path.endswith(".md"):
            continue
        text = (ROOT / path).read_text()
        for number, line in enumerate(text.splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                if "://" not in target and not (ROOT / path).parent.joinpath(target).exists():
                    find(path, number, f"a link to {target}, which isn't there")
            for named in re.findall(r"`((?:libevents|libhttp|command-api|projectors|query-api|schemas|cli|tests|compose|docs|sample)/[\w./-]+\.(?:c|h|py|md|json|avsc|yml|sh))`", line):
                if named not in names and not re.search(r"[A-Z]{4,}", named):
                    find(path, number, f"names {named}, which isn't there")


def check_targets(paths):
    """Every `make TARGET` that a document names exists."""
    makefile = (ROOT / "Makefile").read_text() if (ROOT / "Makefile").exists() else ""
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.M))
    for path in paths:
        if path.endswith(".md"):
            for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
                for target in re.findall(r"`make ([a-z-]+)", line):
                    if target not in targets:
                        find(path, number, f"names `make {target}`, which the Makefile hasn't got")


def check_everywhere(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if path != "tests/tidy.py" and UNFINISHED.search(line):
            find(path, number, "unfinished work; finish it, or file it where work is filed")
        if MACHINE_PATHS.search(line):
            find(path, number, "a path of one machine")
        if REGISTRY_HOSTS.search(line):
            find(path, number, "a registry's host name")


def main():
    global checked
    if "--list" in sys.argv:
        print(__doc__)
        return 0
    paths = tracked()
    for path in paths:
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
        checked += 1
        check_everywhere(path, text)
        if path.endswith((".c", ".h")):
            check_c(path, text)
    check_dead_files(paths)
    check_documents(paths)
    check_targets(paths)
    for finding in findings:
        print(finding)
    at_fault = {finding.split(":", 1)[0] for finding in findings}
    print(f"tidy: {checked - len(at_fault)} passed, {len(at_fault)} failed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
