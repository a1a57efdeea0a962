"""Real servers and Orderlog's programs for integration tests.

    def test_something(orderlog):              # fixture of conftest.py: a namespace of its own, one per test module
        orderlog.start()                       # command-api, projectors, query-api; ready when it returns; again: quick
        orderlog.start("gateway")
        answer = orderlog.command("CreateCart", cart_id="c1", currency="GBP")      # a requests.Response
        answer = orderlog.get("/v1/carts/c1", position=answer.headers["Position"])
        orderlog.tool("reconcile", "--json", "2010-12")                            # the `orderlog` tool with its addresses set
        orderlog.command_apis = ["command-api", "command-api-2"]                   # numbered instances; behind the gateway if it comes later
        orderlog.start("command-api-2")
        orderlog.end_offsets("order")          # {partition: offset}
        orderlog.kill("command-api")           # SIGKILL; stop() is SIGTERM
        orderlog.servers.stop("elasticsearch") # start, kill: the servers that all modules share; put them back

What there is
  fixtures (conftest.py)
    stack          session  the servers (Kafka, registry, Elasticsearch, MongoDB stand-in in memory) as a `Servers`
    durable_stack  session  the same, but with a MongoDB stand-in of its own that keeps its documents in a file
    orderlog       module   an `Orderlog` with a topic prefix of its own; its programs end with the module
    new_orderlog   function a factory of further ones: new_orderlog("name", **environment)
    december       session  an `Orderlog` that has the sample month in it, views caught up; `start` what is needed
  harness.wait.until(condition, seconds, what)   awaits a condition; the only place where tests wait
  harness.commands.COMMANDS                      every command of schemas/, with its example
  harness.log.commits(orderlog, topic)           the valid commits, decoded, by the ledger's rule

Settings by environment
  ORDERLOG_BUILD              where the programs were built (default: build)
  ORDERLOG_TEST_PORT_OFFSET   added to all ports (default 4000, at most 5700)
  ORDERLOG_TEST_DIR           data, logs, pids (default: .run/test)
  ORDERLOG_TEST_KEEP=yes      leave the servers up after the session, for a quick next one; `stack --dir …/stack down` ends them
  ORDERLOG_RETAIL_DATA        a directory with all nine months and their expected.json: they are imported too
  ORDERLOG_TEST_DISTURBANCE_SEED, …_ROUNDS   of projectors/test_projector_random.py

Everything ends with the pytest process, also when that is killed: servers have a watcher, programs a parent-death signal.
A test may take 120 s, or what @pytest.mark.seconds(N) says.
"""
from harness.namespace import Orderlog
from harness.servers import Servers

__all__ = ["Orderlog", "Servers"]
