"""docker-compose.yml and the images: of the specification's form, and of one piece with the rest. Nothing here runs a container."""

import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from conftest import LOCAL

from stacklib import gateway
from stacklib.layout import PORTS, cache_dir

COMPOSE = LOCAL.parent
REPOSITORY = COMPOSE.parent
DOCKERFILE = (COMPOSE / "images" / "orderlog.Dockerfile").read_text(encoding="utf-8")
FILE = yaml.safe_load((COMPOSE / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = FILE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
BUILD = Path(os.environ.get("ORDERLOG_BUILD", REPOSITORY / "build"))
SCHEMA = cache_dir() / "schemas" / "compose.schema.json"


def validate(document):
    jsonschema.validators.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)


def test_file_is_of_the_specifications_form():
    validate(FILE)


@pytest.mark.parametrize("fault", [{"services": {"a": {"image": 1}}}, {"services": {"a": {"imag": "x"}}}, {"servces": {}},
                                   {"services": {"a": {"depends_on": {"b": {"condition": "service_well"}}}}}])
def test_the_schema_finds_faults(fault):
    with pytest.raises(jsonschema.ValidationError):
        validate(fault)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched_and_bounded(name):
    service = SERVICES[name]
    assert service["healthcheck"]["test"] and service["healthcheck"]["retries"]
    assert service["mem_limit"] and service["restart"] and service["logging"]["options"]["max-size"]
    assert ":" in service.get("image", "") or name in OURS, "an image without a version"
    assert not service.get("image", "").endswith(":latest")


@pytest.mark.parametrize("name", SERVICES)
def test_every_name_that_is_used_is_defined(name):
    service = SERVICES[name]
    for need, how in service.get("depends_on", {}).items():
        assert need in SERVICES and how == {"condition": "service_healthy"}
    for secret in service.get("secrets", []):
        assert secret in FILE["secrets"]
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in FILE["volumes"]
    assert set(service["networks"]) <= set(FILE["networks"])
    for value in map(str, service.get("environment", {}).values()):
        for secret in re.findall(r"/run/secrets/(\w+)", value):
            assert secret in service["secrets"]


def test_no_password_is_written_down():
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|SECRET|TOKEN|KEY", variable) or variable.endswith("_FILE"), (name, variable)
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), (name, variable)
    assert {path["file"] for path in FILE["secrets"].values()} == {f"secrets/{name}" for name in FILE["secrets"]}


def test_only_the_gateway_can_be_reached_and_on_loopback():
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {"gateway": ["127.0.0.1:8000:8000"]}
    assert [name for name, service in SERVICES.items() if "outer" in service["networks"]] == ["gateway"]
    assert FILE["networks"]["inner"] == {"internal": True}


def test_kafka_promises_what_the_documentation_says():
    brokers = [service for service in SERVICES.values() if service.get("image", "").startswith("apache/kafka:")]
    assert len(brokers) == 3 and {broker["environment"]["KAFKA_NODE_ID"] for broker in brokers} == {1, 2, 3}
    for broker in brokers:
        settings = {name: str(value) for name, value in broker["environment"].items()}
        assert settings["KAFKA_MIN_INSYNC_REPLICAS"] == "2" and settings["KAFKA_DEFAULT_REPLICATION_FACTOR"] == "3"
        assert settings["KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE"] == "false" and settings["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
        assert settings["KAFKA_LOG_RETENTION_MS"] == settings["KAFKA_LOG_RETENTION_BYTES"] == "-1"
    command = SERVICES["command-api"]["environment"]
    assert (command["ORDERLOG_REPLICATION_FACTOR"], command["ORDERLOG_MIN_INSYNC_REPLICAS"]) == (3, 2)


def test_programs_run_as_nobody_special():
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
        assert service["build"]["target"] == name and re.search(rf"^FROM \S+ AS {name}$", DOCKERFILE, re.MULTILINE)
    for stage in DOCKERFILE.split("\nFROM ")[1:]:
        if "ENTRYPOINT" in stage:
            assert stage.startswith("base AS") or "\nUSER haproxy" in stage
    assert "\nUSER orderlog" in DOCKERFILE.split(" AS base")[1].split("\nFROM ")[0]


def test_ports_are_those_of_the_local_stack():
    for name in ("command-api", "query-api", "projectors"):
        checked = int(re.search(r"localhost:(\d+)/", SERVICES[name]["healthcheck"]["test"][-1]).group(1))
        assert checked == PORTS[name]["private"]
        for role, variable in (("public", "ORDERLOG_LISTEN"), ("private", "ORDERLOG_PRIVATE_LISTEN")):
            if role in PORTS[name]:
                assert f"{variable}=0.0.0.0:{PORTS[name][role]}" in DOCKERFILE


def test_images_are_built_from_stages_and_files_that_are_there():
    stages = set()
    for line in DOCKERFILE.splitlines():
        if match := re.match(r"FROM (\S+) AS (\S+)$", line):
            assert match[1] in stages or match[1] == "debian:bookworm-slim"
            stages.add(match[2])
        elif match := re.match(r"COPY --from=(\S+)", line):
            assert match[1] in stages, line
        elif line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (REPOSITORY / source).exists(), line


@pytest.mark.skipif(not (BUILD / "query-api" / "query-api").exists(), reason="the programs are not built")
def test_images_have_every_library_that_the_programs_link():
    listed = set(re.search(r"ca-certificates curl (.*?) \\\n && rm", DOCKERFILE, re.DOTALL).group(1).replace("\\\n", " ").split())
    wanted = set()
    for name in ("command-api/command-api", "projectors/projectors", "query-api/query-api", "cli/orderlog"):
        text = subprocess.run(["readelf", "-d", str(BUILD / name)], capture_output=True, text=True, check=True).stdout
        wanted |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", text))
    for library in wanted - {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "librdkafka.so.1"}:
        paths = subprocess.run(["sh", "-c", f"ldconfig -p | sed -n 's/.*{library} .*=> //p' | head -n 1"], capture_output=True, text=True, check=True).stdout
        path = os.path.realpath(paths.strip())
        # dpkg knows some files by the name they had before /lib became a link to /usr/lib.
        found = subprocess.run(["dpkg", "-S", path, path.removeprefix("/usr")], capture_output=True, text=True, check=False).stdout
        owner = found.split(":")[0]
        # A package may come with another that is listed: libbson with libmongoc.
        assert owner in listed or owner in {"libbson-1.0-0", "libc6", "libgcc-s1"}, f"{library} of {owner} is in no image"


def test_the_gateways_configuration_for_containers_is_accepted(tmp_path):
    routes = tmp_path / "routes"
    routes.write_text('{"method":"GET","path":"/v1/a","exposure":"public","api":"query","name":"A"}\n')
    line = re.search(r"compose/local/gateway.py (--listen.*?/etc/orderlog-gateway)$", DOCKERFILE.replace("\\\n", " "), re.MULTILINE).group(1)
    arguments = line.replace('--user ""', "--user=").replace("/etc/orderlog-gateway", str(tmp_path / "conf"))
    arguments = re.sub(r"--routes /routes\.query", "", arguments).replace("/routes.command", str(routes)).split()
    done = subprocess.run([str(LOCAL / "gateway.py"), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "conf" / gateway.FILE_NAME).read_text(encoding="utf-8")
    assert "    user " not in text and "nameserver first 127.0.0.11:53" in text
    assert "server command-1 command-api:8080 port 9080" in text


def test_secrets_are_made_once(tmp_path):
    script = tmp_path / "make-secrets"
    script.write_bytes((COMPOSE / "make-secrets").read_bytes())
    script.chmod(0o755)
    runs = []
    for _ in range(2):
        subprocess.run([str(script)], check=True, capture_output=True, timeout=30)
        runs.append({path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()})
    made = runs[0]
    assert set(made) == set(FILE["secrets"]) and all(made.values())
    assert made["mongodb_password"] in made["mongodb_uri"] and made["elasticsearch_password"] in made["elasticsearch_url"]
    assert runs[1] == made
    assert subprocess.run([str(script), "x"], check=False, capture_output=True, timeout=30).returncode == 2
