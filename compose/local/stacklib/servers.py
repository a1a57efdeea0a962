"""The table of the servers: Kafka, a search engine, the schema registry, the MongoDB stand-in."""

import base64
import dataclasses
import glob
import os
import subprocess
import uuid

from . import health, unprivileged
from .layout import HOST, Stack, StackError, installed, java_home, write_atomically
from .service import Service, process_environment

FORMAT_SECONDS = 60
NODE_ID = 1

# Heap and upper limit of the whole process, MiB. The limit is what the check before a start adds up.
MEMORY = {
    "kafka": (512, 900),
    "elasticsearch": (512, 1000),
    "opensearch": (512, 1000),
    "registry": (256, 500),
    "mongodb": (1024, 1500),
}
# The MongoDB stand-in may hold all documents in its heap: who has many gives it more.
MONGODB_HEAP = "ORDERLOG_STACK_MONGODB_HEAP_MIB"

# A JVM that ran out of memory limps; one that ends is noticed.
JVM_COMMON = ("-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData", "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8")


def memory(name: str) -> tuple:
    """Heap and upper limit, MiB, with what the environment says of the MongoDB stand-in's."""
    heap, limit = MEMORY[name]
    if name != "mongodb" or not os.environ.get(MONGODB_HEAP):
        return heap, limit
    if not os.environ[MONGODB_HEAP].isdecimal() or int(os.environ[MONGODB_HEAP]) < heap:
        raise StackError(f"{MONGODB_HEAP} is a number of MiB, at least {heap}, not {os.environ[MONGODB_HEAP]}.")
    own = int(os.environ[MONGODB_HEAP])
    return own, own + limit - heap


def java(name: str, collector: str, *more: str) -> list:
    """The start of a Java command line. Heaps begin small: several stacks share a developer's machine."""
    heap = memory(name)[0]
    return [str(java_home() / "bin" / "java"), f"-Xms{heap // 4}m", f"-Xmx{heap}m", f"-XX:+Use{collector}", *JVM_COMMON, *more]


# --- Kafka -----------------------------------------------------------------------------------------------------------


def kafka_properties(stack: Stack) -> str:
    broker, controller = stack.address("kafka", "broker"), stack.address("kafka", "controller")
    rows = {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "controller.quorum.voters": f"{NODE_ID}@{controller}",
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": stack.data("kafka") / "log",
        # A log of record: nobody makes a topic by a misspelt name, and nothing is ever thrown away.
        "auto.create.topics.enable": "false",
        "log.retention.ms": -1,
        "log.retention.bytes": -1,
        "unclean.leader.election.enable": "false",
        # One node: internal topics have one replica, and few partitions, for each costs a start some files.
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        # Hand-over in a fraction of a second: members may have short sessions, a group does not wait for more members.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # A consumer group that was away for a long holiday is still known (525600 minutes are a year).
        "offsets.retention.minutes": 525600,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "num.replica.fetchers": 1,
        "num.recovery.threads.per.data.dir": 2,
        # The cleaner reserves its buffer at once, 128 MB by default: out of our heap.
        "log.cleaner.threads": 1,
        "log.cleaner.dedupe.buffer.size": 16 << 20,
    }
    return "".join(f"{name}={value}\n" for name, value in rows.items())


KAFKA_LOG4J = """\
log4j.rootLogger=WARN, stdout
log4j.logger.kafka=INFO
log4j.logger.org.apache.kafka=WARN
log4j.logger.kafka.server.KafkaConfig=WARN
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d{ISO8601} %p %m (%c)%n
"""


def kafka_java(stack: Stack, main: str, *arguments: str) -> list:
    log4j = stack.conf("kafka") / "log4j.properties"
    # G1 and both compilers: benchmarks run on this broker.
    return java("kafka", "G1GC", "-XX:MaxGCPauseMillis=20", f"-Dlog4j.configuration=file:{log4j}",
                "-cp", f"{installed('kafka')}/lib/*", main, *arguments)


def prepare_kafka(stack: Stack) -> None:
    conf = stack.conf("kafka")
    write_atomically(conf / "server.properties", kafka_properties(stack))
    write_atomically(conf / "log4j.properties", KAFKA_LOG4J)
    if not (stack.data("kafka") / "log" / "meta.properties").exists():
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # An id that begins with a dash would be taken for an option.
        format_kafka(stack, "A" + cluster[1:])


def format_kafka(stack: Stack, cluster: str) -> None:
    argv = kafka_java(stack, "kafka.tools.StorageTool", "format", "-t", cluster, "-c",
                      str(stack.conf("kafka") / "server.properties"))
    done = subprocess.run(argv, env=process_environment(KAFKA, stack), capture_output=True, text=True,
                          timeout=FORMAT_SECONDS, check=False)
    if done.returncode != 0:
        raise StackError(f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}")


KAFKA = Service(
    name="kafka",
    title="kafka 3.9.1",
    prepare=prepare_kafka,
    command=lambda stack: kafka_java(stack, "kafka.Kafka", str(stack.conf("kafka") / "server.properties")),
    probe=lambda stack: health.kafka(stack.address("kafka")),
    data="kafka",
    memory_mib=MEMORY["kafka"][1],
    stop_seconds=30,
)


# --- Search engine ---------------------------------------------------------------------------------------------------

ENGINE_LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %m (%c{1.})%n%xEx
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.node.name = ENGINE.node
logger.node.level = info
"""

ENGINES = {"elasticsearch": ("elasticsearch 7.17.28", "org.elasticsearch.bootstrap.Elasticsearch", "es"),
           "opensearch": ("opensearch 2.19.3", "org.opensearch.bootstrap.OpenSearch", "opensearch")}


def engine_settings(engine: str, stack: Stack) -> str:
    rows = {
        "cluster.name": "orderlog-local",
        "node.name": "node-1",
        "discovery.type": "single-node",
        "network.host": HOST,
        "http.port": stack.port("elasticsearch", "http"),
        "transport.port": stack.port("elasticsearch", "transport"),
        "path.data": stack.data(engine) / "node",
        "path.logs": stack.tmp(engine),
        # An index is made on purpose, with its mapping, or not at all.
        "action.auto_create_index": '".*"',
        # The defaults are percentages: a developer's large and well-filled disk would make every index read-only.
        "cluster.routing.allocation.disk.watermark.low": "1gb",
        "cluster.routing.allocation.disk.watermark.high": "750mb",
        "cluster.routing.allocation.disk.watermark.flood_stage": "500mb",
    }
    return "".join(f"{name}: {value}\n" for name, value in rows.items())


def prepare_engine(engine: str, stack: Stack) -> None:
    conf = stack.conf(engine)
    unprivileged.give(stack.data(engine), stack.tmp(engine), conf)
    write_atomically(conf / f"{engine}.yml", engine_settings(engine, stack))
    package = "org.elasticsearch" if engine == "elasticsearch" else "org.opensearch"
    write_atomically(conf / "log4j2.properties", ENGINE_LOG4J.replace("ENGINE", package))
    # Both look for this file and warn when it is not there.
    write_atomically(conf / "jvm.options", "")


def engine_command(engine: str, stack: Stack) -> list:
    title, main, prefix = ENGINES[engine]
    home, conf, tmp = installed(engine), stack.conf(engine), stack.tmp(engine)
    argv = java(engine, "G1GC", "-Djava.security.manager=allow", f"-D{prefix}.path.home={home}", f"-D{prefix}.path.conf={conf}",
                f"-D{prefix}.distribution.type=tar", *(["-Des.distribution.flavor=oss"] if prefix == "es" else []),
                f"-Djava.io.tmpdir={tmp}", f"-Djna.tmpdir={tmp}", "-Dlog4j2.formatMsgNoLookups=true", "-Dlog4j2.disable.jmx=true",
                # The engine ends its log itself, after its shards: log4j's own hook would run beside that.
                "-Dlog4j.shutdownHookEnabled=false", "-Dlog4j2.shutdownHookEnabled=false",
                "-Dio.netty.noUnsafe=true", "-Dio.netty.noKeySetOptimization=true", "-Dio.netty.allocator.numDirectArenas=0", "-XX:MaxDirectMemorySize=128m",
                "-cp", f"{home}/lib/*", main)
    return unprivileged.prefix(reads=[home / "lib", conf, java_home()], writes=[stack.data(engine), tmp], what=title) + argv


def engine(name: str) -> Service:
    return Service(
        name="elasticsearch",
        title=ENGINES[name][0],
        prepare=lambda stack: prepare_engine(name, stack),
        command=lambda stack: engine_command(name, stack),
        environment=lambda stack: {"LIBFFI_TMPDIR": str(stack.tmp(name)), "HOME": str(stack.tmp(name))},
        probe=lambda stack: health.search_engine(stack.address("elasticsearch")),
        data=name,
        unprivileged=True,
        memory_mib=MEMORY[name][1],
        start_seconds=90,
        stop_seconds=30,
    )


# --- Schema registry -------------------------------------------------------------------------------------------------


def registry_command(_stack: Stack) -> list:
    runner = glob.glob(str(installed("registry") / "app" / "*-runner.jar"))
    return java("registry", "SerialGC", "-jar", runner[0])


def registry_environment(stack: Stack) -> dict:
    return {
        "QUARKUS_HTTP_HOST": HOST,
        "QUARKUS_HTTP_PORT": str(stack.port("registry")),
        # On disk at once: a registry that forgets an id makes the log unreadable. Its own default is memory.
        "REGISTRY_DATASOURCE_URL": f"jdbc:h2:file:{stack.data('registry')}/ids;DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0",
        "LOG_LEVEL": "WARN",
        "REGISTRY_LOG_LEVEL": "WARN",
        "QUARKUS_LOG_CONSOLE_JSON": "false",
    }


REGISTRY = Service(
    name="registry",
    title="apicurio-registry 2.6.13",
    command=registry_command,
    environment=registry_environment,
    probe=lambda stack: health.http_status(stack.address("registry"), "/apis/ccompat/v7/subjects"),
    data="registry",
    memory_mib=MEMORY["registry"][1],
)


# --- MongoDB stand-in ------------------------------------------------------------------------------------------------


def mongodb_command(stack: Stack) -> list:
    home = installed("mongodb")
    argv = java("mongodb", "SerialGC", "-cp", f"{home}/classes:{home}/lib/*", "MongoStandIn", HOST, str(stack.port("mongodb")))
    return argv if stack.options.mongo == "memory" else argv + [str(stack.data("mongodb") / "documents.h2")]


MONGODB = Service(
    name="mongodb",
    title="mongo-java-server 1.47.0",
    command=mongodb_command,
    probe=lambda stack: health.mongodb(stack.address("mongodb")),
    data="mongodb",
    memory_mib=MEMORY["mongodb"][1],
    start_seconds=240,  # it reads every document when it opens its file
)


def servers(stack: Stack) -> list:
    """The servers of a stack, in the order in which they are shown."""
    return [KAFKA, engine(stack.options.engine), REGISTRY, dataclasses.replace(MONGODB, memory_mib=memory("mongodb")[1])]
