"""The API gateway's configuration: HAProxy before command-api and query-api, made from their route tables.

Clients see one origin. Only public routes pass; what is not one is answered here with a problem document (RFC 9457).
HTTP is read strictly, because the servers behind are lenient: one Content-Length, no chunked requests, header names of
letters, digits and hyphens, no upgrade to HTTP/2, bounded bodies, headers and waits.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .layout import SERVICE_USER, StackError, write_atomically

FILE_NAME = "haproxy.cfg"
LIVE_PATH = "/livez"  # answered by HAProxy itself
BODY_BYTES_MAX = 256 << 10
URL_BYTES_MAX = 8 << 10
BODY_SECONDS = 10
LOG_LINE_BYTES = 8 << 10
LOGGED_PATH_BYTES = 512  # six times as long at worst, once it is escaped
HEADERS_MAX = 64
CONNECTIONS_MAX = 4096
SERVER_CONNECTIONS_MAX = 1024
RETRY_AFTER_SECONDS = 2
CHECK_MS, CHECKS_TO_FALL = 250, 2  # a server that says it is not ready gets nothing more after 2 * 250 ms
HARD_STOP_SECONDS = 30  # after which a reload or a stop cuts connections that still last
COMMAND_SECONDS = 30  # for `--routes` and for HAProxy's check of its configuration
ID_BYTES_MAX = 64
PROBLEM_TYPE = "urn:orderlog:problem:"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
PATH_FORM = re.compile(r"(/([a-z0-9._-]+|\{[a-z0-9_]+\}))+")

# What HAProxy answers by itself: status, title, detail, further headers. What it can't even parse as HTTP/1.1 gets its
# built-in 400, a short HTML page: no setting of version 2.6 changes that.
OWN_ERRORS = (
    (400, "bad-request", "Bad Request", "The request is not valid HTTP/1.1, or its headers are too large.", ""),
    (403, "forbidden", "Forbidden", "The request has a header name that is not accepted: letters, digits and hyphens only.", ""),
    (408, "request-timeout", "Request Timeout", "The request did not arrive completely in time.", ""),
    (500, "internal-error", "Internal Server Error", "The gateway could not handle this request.", ""),
    (502, "bad-gateway", "Bad Gateway", "The server behind the gateway gave no valid answer. "
     "A command may have been carried out: send it again with the same Idempotency-Key.", ""),
    (503, "unavailable", "Service Unavailable", "No server for this request is ready.", f"Retry-After: {RETRY_AFTER_SECONDS}\r\n"),
    (504, "gateway-timeout", "Gateway Timeout", "The server behind the gateway did not answer in time. "
     "A command may have been carried out: send it again with the same Idempotency-Key.", ""),
)


@dataclass(frozen=True)
class Gateway:
    """Where it listens, and the (public, private) addresses of the instances behind it; readiness is asked on the private one."""

    listen: str
    command: list
    query: list
    folder: Path
    admin_socket: Path
    user: str | None = None  # whom the workers run as; None: the service user if we are root, "": nobody else
    dns: str = ""  # HOST:PORT of a name server, where the instances' names come and go


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    api: str
    name: str


# --- Route table -----------------------------------------------------------------------------------------------------


def read_routes(commands: list) -> list:
    """The public routes that the given commands print, as JSON lines."""
    routes = []
    for argv in commands:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
        if done.returncode != 0:
            raise StackError(f"`{' '.join(argv)}` failed with {done.returncode}: {done.stderr.strip()}")
        routes += parse_routes(done.stdout.splitlines(), argv[0])
    check_unambiguous(routes)
    return routes


def parse_routes(lines: list, origin: str) -> list:
    routes = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                route = parse_route(json.loads(line))
            except (ValueError, KeyError) as error:
                raise StackError(f"Line {number} of the routes of {origin} is not a route: {error}: {line}") from None
            routes += [route] if route else []
    return routes


def parse_route(row: dict) -> Route | None:
    """None for a private route. Unknown exposure is an error, not a guess."""
    if row["exposure"] not in ("public", "private"):
        raise ValueError(f"exposure {row['exposure']!r}")
    if row["api"] not in ("command", "query") or row["method"] not in METHODS:
        raise ValueError(f"api {row['api']!r}, method {row['method']!r}")
    if not PATH_FORM.fullmatch(row["path"]) or not re.fullmatch(r"[A-Za-z0-9_]+", row["name"]):
        raise ValueError(f"path {row['path']!r}, name {row['name']!r}")
    return Route(row["method"], row["path"], row["api"], row["name"]) if row["exposure"] == "public" else None


def check_unambiguous(routes: list) -> None:
    seen = {}
    for route in routes:
        key = (route.method, pattern(route.path))
        if key in seen:
            raise StackError(f"Two routes for {route.method} {route.path}: {seen[key].name} and {route.name}.")
        seen[key] = route


def pattern(path: str) -> str:
    """The path as a regular expression; a parameter is one segment that isn't empty."""
    return "".join("/[^/]+" if part.startswith("{") else "/" + re.escape(part) for part in path.split("/")[1:])


def by_precedence(paths) -> list:
    """Literal segments before parameters, as in the programs: /orders/search is not the order named search."""
    return sorted(paths, key=lambda path: [(part.startswith("{"), part) for part in path.split("/")])


def route_map(routes: list) -> str:
    """`METHOD PATH` as a regular expression -> `API NAME`. A resource that can be read also answers HEAD."""
    rows = []
    for path in by_precedence({route.path for route in routes}):
        for route in (route for route in routes if route.path == path):
            method = "(GET|HEAD)" if route.method == "GET" else route.method
            rows.append(f"^{method}:{pattern(path)}$ {route.api}:{route.name}\n")
    return "".join(rows)


def allow_map(routes: list) -> str:
    """Path as a regular expression -> the methods it knows, for 405."""
    rows = []
    for path in by_precedence({route.path for route in routes}):
        methods = {route.method for route in routes if route.path == path}
        methods |= {"HEAD"} if "GET" in methods else set()
        rows.append(f"^{pattern(path)}$ {','.join(name for name in METHODS if name in methods)}\n")
    return "".join(rows)


# --- Problem documents -----------------------------------------------------------------------------------------------


def problem(status: int, kind: str, title: str, detail: str) -> str:
    return json.dumps({"type": PROBLEM_TYPE + kind, "title": title, "status": status, "detail": detail}, separators=(",", ":"))


def error_file(status: int, kind: str, title: str, detail: str, headers: str) -> str:
    body = problem(status, kind, title, detail)
    return (f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
            f"Cache-Control: no-store\r\n{headers}Connection: close\r\n\r\n{body}")


def answer(status: int, kind: str, title: str, detail: str, condition: str, headers: str = "") -> str:
    """A rule that answers with a problem document naming the request and its trace."""
    body = problem(status, kind, title, detail)[:-1] + ',"request_id":"%[var(txn.request)]","trace_id":"%[var(txn.trace)]"}'
    quoted = body.replace("\\", "\\\\").replace('"', '\\"')
    return (f'    http-request return status {status} content-type "application/problem+json" lf-string "{quoted}"'
            f' hdr Cache-Control no-store{headers} if {condition}')


# --- Configuration ---------------------------------------------------------------------------------------------------

LOG_FIELDS = (
    ('"time_ms":%Ts%ms', '"client":"%ci"', '"method":"%[var(txn.method),json(utf8s)]"', '"path":"%[var(txn.path),json(utf8s)]"')
    + ('"route":"%[var(txn.route),json(utf8s)]"', '"status":%ST', '"request_bytes":%U', '"answer_bytes":%B', '"total_ms":%Ta')
    + ('"server":"%s"', '"end":"%ts"', '"request_id":"%[var(txn.request),json(utf8s)]"', '"trace_id":"%[var(txn.trace)]"')
)


def configuration(gateway: Gateway) -> str:
    # Format strings are written in double quotes, so theirs are escaped.
    log_format = "{" + ",".join(LOG_FIELDS).replace('"', '\\"') + "}"
    return "\n".join([global_section(gateway), defaults_section(gateway.folder, log_format), frontend_section(gateway),
                      backend_section("command", gateway.command, gateway.dns), backend_section("query", gateway.query, gateway.dns)])


def global_section(gateway: Gateway) -> str:
    # HAProxy's master keeps root only where it was started as root; its workers never do.
    name = gateway.user if gateway.user is not None else SERVICE_USER if os.geteuid() == 0 else ""
    user = f"    user {name}\n    group {name}\n" if name else ""
    return f"""\
# Generated from the route table by compose/local/gateway.py: edit that, not this.
global
{user}    maxconn {CONNECTIONS_MAX}
    hard-stop-after {HARD_STOP_SECONDS}s
    log stdout len {LOG_LINE_BYTES} format raw local0 info
    stats socket {gateway.admin_socket} mode 600 level admin expose-fd listeners
    tune.http.maxhdr {HEADERS_MAX}
    tune.bufsize 32768
{resolvers(gateway.dns)}"""


def resolvers(dns: str) -> str:
    return f"""
resolvers names
    nameserver first {dns}
    hold valid 5s
""" if dns else ""


def defaults_section(folder: Path, log_format: str) -> str:
    files = "\n".join(f"    errorfile {status} {folder / f'{status}.http'}" for status, *_ in OWN_ERRORS)
    return f"""\
defaults
    mode http
    log global
    log-format "{log_format}"
    option http-restrict-req-hdr-names reject
    option disable-h2-upgrade
    option dontlognull
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout client 30s
    timeout queue 5s
    timeout connect 2s
    # Longer than the longest wait that a client may ask for by Prefer.
    timeout server 65s
    # A connection that could not be made is tried again, on another server. So is a request that a server has died on, if it
    # is one that may be sent twice: a query, or a command with an Idempotency-Key.
    retries 2
    retry-on conn-failure empty-response
    option redispatch 1
    http-reuse safe
{files}
"""


def frontend_section(gateway: Gateway) -> str:
    folder = gateway.folder
    answers = "\n".join((
        answer(414, "uri-too-long", "URI Too Long", f"The target has more than {URL_BYTES_MAX} bytes.", f"{{ url_len gt {URL_BYTES_MAX} }}"),
        answer(400, "bad-request", "Bad Request", "A header holds a control character.", "{ req.hdrs -m reg '[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]' }"),
        answer(404, "no-such-resource", "Not Found", "There is no such resource.", "!known !{ var(txn.allow) -m found }"),
        answer(405, "method-not-allowed", "Method Not Allowed", "This resource does not know the method; see the Allow header.",
               "!known", ' hdr Allow "%[var(txn.allow)]"'),
        answer(411, "length-required", "Length Required", "Send the body with a Content-Length; chunked requests are not accepted.",
               "{ req.hdr(transfer-encoding) -m found }"),
        answer(413, "body-too-large", "Content Too Large", f"A body may have at most {BODY_BYTES_MAX} bytes.",
               f"sized !{{ req.hdr(content-length) -m reg ^[0-9]{{1,7}}$ }} or sized {{ req.hdr_val(content-length) gt {BODY_BYTES_MAX} }}"),
    ))
    return f"""\
frontend public
    bind {gateway.listen}
    maxconn {CONNECTIONS_MAX}
    monitor-uri {LIVE_PATH}

    # Who asks, and under which trace. What a client sends is kept if it has the form; nobody chooses our log's syntax.
    http-request set-var(txn.method) method
    # Cut, for a log line that is cut is no JSON any more.
    http-request set-var(txn.path) path,bytes(0,{LOGGED_PATH_BYTES})
    acl good_request_id req.hdr(x-request-id) -m reg ^[A-Za-z0-9._-]{{1,{ID_BYTES_MAX}}}$
    http-request set-header X-Request-Id %[uuid] unless good_request_id
    http-request set-var(txn.request) req.hdr(x-request-id)
    acl good_traceparent req.hdr(traceparent) -m reg ^00-[0-9a-f]{{32}}-[0-9a-f]{{16}}-[0-9a-f]{{2}}$
    http-request del-header tracestate unless good_traceparent
    http-request set-var(txn.span) uuid,regsub(-,,g)
    http-request set-var(txn.trace) uuid,regsub(-,,g)
    http-request set-header traceparent 00-%[var(txn.trace)]-%[var(txn.span),bytes(0,16)]-01 unless good_traceparent
    http-request set-var(txn.trace) req.hdr(traceparent),field(2,-)
    http-request del-header Forwarded
    http-request del-header X-Forwarded- -m beg
    http-request set-header X-Forwarded-For %[src]
    http-after-response set-header X-Request-Id %[var(txn.request)] if {{ var(txn.request) -m found }}

    # The route table.
    http-request set-var-fmt(txn.key) "%[method]:%[path]"
    http-request set-var(txn.route) var(txn.key),map_reg({folder / "routes.map"})
    http-request set-var(txn.allow) path,map_reg({folder / "allow.map"})
    acl known var(txn.route) -m found
    acl sized req.hdr(content-length) -m found
{answers}
    # A body, or as much of it as a buffer holds, must be here before a server is troubled with it.
    http-request wait-for-body time {BODY_SECONDS}s if sized

    http-request disable-l7-retry if !{{ method GET HEAD }} !{{ req.hdr(idempotency-key) -m found }}
    # Ours, between instances: no client's.
    http-request del-header orderlog- -m beg

    use_backend %[var(txn.route),field(1,:)]
"""


def backend_section(name: str, instances: list, dns: str) -> str:
    # Names that don't resolve yet are looked up again, instead of ending the start.
    naming = " resolvers names init-addr none" if dns else ""
    lines = [f"backend {name}", "    balance leastconn", "    option httpchk", "    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost",
             "    http-check expect status 200",
             f"    default-server check inter {CHECK_MS}ms downinter 500ms fall {CHECKS_TO_FALL} rise 1 maxconn {SERVER_CONNECTIONS_MAX}{naming}"]
    for number, (public, private) in enumerate(instances, 1):
        host, port = private.rsplit(":", 1)
        # A check goes to the server's own address unless told otherwise; `addr` would not follow a name that moves.
        elsewhere = "" if host == public.rsplit(":", 1)[0] else f" addr {host}"
        lines.append(f"    server {name}-{number} {public}{elsewhere} port {port}")
    return "\n".join(lines) + "\n"


# --- Files -----------------------------------------------------------------------------------------------------------


def program() -> str:
    """HAProxy's path: Debian puts it where a user's PATH may not look."""
    path = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise StackError("haproxy is not installed. Run compose/local/install.")
    return path


def write_configuration(gateway: Gateway, routes: list) -> None:
    """Writes all files and has HAProxy check them; a faulty configuration never takes the good one's name."""
    gateway.folder.mkdir(parents=True, exist_ok=True)
    write_atomically(gateway.folder / "routes.map", route_map(routes))
    write_atomically(gateway.folder / "allow.map", allow_map(routes))
    for status, kind, title, detail, headers in OWN_ERRORS:
        write_atomically(gateway.folder / f"{status}.http", error_file(status, kind, title, detail, headers))
    draft = gateway.folder / (FILE_NAME + ".draft")
    draft.write_text(configuration(gateway), encoding="utf-8")
    done = subprocess.run([program(), "-c", "-q", "-f", str(draft)], capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    if done.returncode != 0:
        raise StackError(f"HAProxy refuses the configuration {draft}:\n{done.stdout}{done.stderr}")
    draft.replace(gateway.folder / FILE_NAME)
