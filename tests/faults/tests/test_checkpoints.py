"""What is counted of checkpoints comes from the instances' logs: each event, of all processes, and nothing that was cut off by a kill."""
import types

from breaking import settings  # noqa: F401  pylint: disable=unused-import  # first: it sets the path
from breaking import report, rounds
from breaking.instances import Instance

ROW = '{"level":"info","message_id":"checkpoint.%s","partition":%d}\n'


def instance(folder, name, text):
    one = Instance.__new__(Instance)
    (folder / name).write_text(text, encoding="utf-8")
    one.child = types.SimpleNamespace(log=folder / name)
    return one


def cluster(*instances):
    one = rounds.Cluster.__new__(rounds.Cluster)
    one.instances = instances
    return one


def test_events_of_all_instances_are_counted(tmp_path):
    first = instance(tmp_path, "i0", ROW % ("restored", 0) + "not JSON\n" + ROW % ("failed", 1) + ROW % ("restored", 2))
    second = instance(tmp_path, "i1", ROW % ("failed", 4))
    found = cluster(first, second).checkpoints()
    assert [row["partition"] for row in found["restored"]] == [0, 2]
    assert [row["partition"] for row in found["failed"]] == [1, 4]
    assert not found["unusable"] and not found["thrown_away"]


def test_a_row_that_was_cut_off_is_left_out(tmp_path):
    one = instance(tmp_path, "i0", (ROW % ("failed", 0))[:-3])
    assert not one.told("checkpoint.failed")


def test_a_checkpoint_that_was_thrown_away_is_a_finding(tmp_path):
    found = cluster(instance(tmp_path, "i0", ROW % ("thrown_away", 3))).checkpoints()
    findings = {"checkpoints": rounds.of_checkpoints(found)}
    result = rounds.Result(0, findings)
    assert not result.good and "thrown away" in report.findings_text(result)
    assert not rounds.of_checkpoints(cluster(instance(tmp_path, "i0", ROW % ("failed", 3))).checkpoints())
