"""Each checker can fail: a sound story passes all of them, and with one thing made wrong the right one speaks."""
import pytest
from story import Story, sound

from breaking import checks, history, linear, logbook, plan, report


def test_a_sound_story_has_no_findings(tmp_path):
    assert sound().findings() == set()
    assert linear.check(sound().evidence(), tmp_path / "operations.jsonl") == []


def test_a_gap_and_a_duplicate_of_versions():
    gap = sound()
    gap.records[2].commit["base_version"] = 2
    assert "versions" in gap.findings()
    twice = sound()
    twice.records[2].commit["base_version"] = 0
    assert "versions" in twice.findings()


def test_a_command_twice_in_the_log():
    story = sound()
    command = story.commands["c0"]
    story.commit(command.attempts[0], 2, seq=2)
    assert "once" in story.findings()


def test_a_record_that_nobody_asked_for():
    story = sound()
    stranger = story.call(story.receive(1))
    story.commit(stranger, 2, seq=2)
    del story.commands["c4"]
    assert story.findings() == {"known"}


def test_a_record_that_says_something_else():
    story = sound()
    story.records[1].commit["events"][0][1]["quantity"] = 4
    assert story.findings() == {"known"}


def test_acknowledged_and_not_in_the_log():
    story = sound()
    story.answer(story.call(story.receive(2)), 3, 3)
    assert story.findings() == {"acknowledged"}


def test_acknowledged_and_void():
    story = sound()
    story.fence(2, "i1", "process 1")
    attempt = story.call(story.receive(2))
    story.commit(attempt, 2, epoch=1, seq=2)
    story.answer(attempt, 3, 4)
    assert story.findings() == {"acknowledged"}


@pytest.mark.parametrize("version, offset", [(2, 1), (1, 2)])
def test_acknowledged_with_another_version_or_position(version, offset):
    story = sound()
    attempt = story.commands["c0"].attempts[0]
    story.answer(attempt, version, offset)
    assert "acknowledged" in story.findings()


def test_refused_and_in_the_log():
    story = sound()
    attempt = story.commands["c2"].attempts[0]
    story.commit(attempt, 2, seq=2)
    assert "refused" in story.findings()


def test_refused_at_first_and_accepted_later_is_sound():
    story = sound()
    command = story.take(20)
    story.refuse(story.call(command), detail="20 units can't be taken off: 8 are available.")
    more = story.call(story.receive(20))
    story.commit(more, 2, seq=2)
    story.answer(more, 3, 3)
    again = story.call(command)
    story.commit(again, 3, seq=3)
    story.answer(again, 4, 4)
    assert story.findings() == set()


def test_unchanged_and_in_the_log():
    story = sound()
    attempt = story.call(story.receive(1))
    story.commit(attempt, 2, seq=2)
    story.answer(attempt, 2, 2, "unchanged")
    assert "refused" in story.findings()


def test_a_repeated_command_with_another_answer():
    story = sound()
    story.answer(story.call(story.commands["c0"]), 2, 2, "duplicate")
    assert "equal answers" in story.findings()
    refused = sound()
    refused.refuse(refused.call(refused.commands["c0"]))
    assert refused.findings() == {"equal answers"}


def test_a_key_with_another_body():
    right = sound()
    right.refuse(right.call(right.receive(1000, of="c0")), "idempotency-key-reused", 422)
    assert right.findings() == set()
    wrong = sound()
    wrong.refuse(wrong.call(wrong.receive(1000, of="c0")), "stock-full")
    assert wrong.findings() == {"reused keys"}


def test_stock_below_nothing():
    story = sound()
    attempt = story.call(story.take(9))
    story.commit(attempt, 2, seq=2)
    story.answer(attempt, 3, 3)
    assert story.findings() == {"stock"}


def reserved(quantity, line=1):
    return "StockReserved", {"order_id": "o", "line": line, "quantity": quantity}


def confirmed(quantity, line=1):
    return "ReservationConfirmed", {"order_id": "o", "line": line, "quantity": quantity}


@pytest.mark.parametrize("events, words", [
    ([reserved(5), confirmed(5)], None),
    ([reserved(9)], "has [-1, 9, 0]"),
    ([reserved(2), reserved(2)], "is reserved again"),
    ([reserved(2), confirmed(3)], "hadn't so many"),
    ([reserved(2), confirmed(2), confirmed(2)], "hadn't so many"),
    ([reserved(2), reserved(2, line=2), ("ReservationReleased", confirmed(2)[1]), confirmed(2, line=2)], None),
    ([("StockReturned", {"order_id": "o", "line": 1, "quantity": 1})], "has [9, 0, -1]"),
])
def test_accounts_of_stock(events, words):
    story = Story()
    story.fence(1)
    story.stock_events(("StockReceived", {"quantity": 8}), *events)
    found = list(checks.stock(story.evidence()))
    assert (found == []) if words is None else any(words in text for text in found)


def test_a_reservation_out_of_a_stale_state(tmp_path):
    """Asked for after another's was acknowledged: one unit is left, and it says that there are eight."""
    story = sound()
    first = story.call(story.command("ReserveStock", order_id="o", lines=[{"line": 1, "quantity": 7}]))
    story.commit(first, 2, seq=2)
    story.answer(first, 3, 3)
    right = story.call(story.command("ReserveStock", order_id="o", lines=[{"line": 2, "quantity": 9}]))
    story.refuse(right, detail="9 units can't be reserved: 1 are available.")
    assert linear_findings(story, tmp_path) == []
    story.refuse(right, detail="9 units can't be reserved: 8 are available.")
    assert "Illegal" in linear_findings(story, tmp_path)[0]
    again = story.command("ConfirmReservation", order_id="o", lines=[2])
    story.refuse(right, detail="9 units can't be reserved: 1 are available.")
    story.refuse(story.call(again), "reservation-released")
    assert "Illegal" in linear_findings(story, tmp_path)[0]


def linear_findings(story, path):
    return linear.check(story.evidence(), path / "operations.jsonl")


def test_a_refusal_from_a_stale_state(tmp_path):
    """It names less than there was at any moment between question and answer."""
    story = sound()
    story.refuse(story.call(story.take(6)), detail="6 units can't be taken off: 5 are available.")
    assert story.findings() == set()
    found = linear_findings(story, tmp_path)
    assert len(found) == 1 and "stock-s: Illegal" in found[0]


def test_no_change_and_if_match_from_a_stale_state(tmp_path):
    unchanged = sound()
    attempt = unchanged.call(unchanged.receive(5, reference="r"))
    unchanged.answer(attempt, 2, 2, "unchanged")
    assert "Illegal" in linear_findings(unchanged, tmp_path)[0]
    mismatch = sound()
    attempt = mismatch.call(mismatch.receive(5, expected=2))
    mismatch.refuse(attempt, "version-mismatch", 412, "If-Match asked for version 2; it has version 1.")
    assert "Illegal" in linear_findings(mismatch, tmp_path)[0]


def test_a_commit_before_its_question(tmp_path):
    """The second was asked after the first had been answered, and is before it in the log."""
    story = Story()
    story.fence(1)
    first, second = story.receive(1), story.receive(2)
    answered = story.call(first)
    story.answer(answered, 2, 2)
    asked = story.call(second)
    story.answer(asked, 1, 1)
    story.commit(asked, 0)
    story.commit(answered, 1, seq=1)
    assert story.findings() == set()
    assert "Illegal" in linear_findings(story, tmp_path)[0]


def test_an_attempt_without_an_answer_may_happen_at_any_later_time(tmp_path):
    story = sound()
    silent = story.call(story.receive(4))
    last = story.call(story.receive(1))
    story.commit(last, 2, seq=2)
    story.answer(last, 3, 3)
    story.commit(silent, 3, seq=3)
    assert story.findings() == set() and linear_findings(story, tmp_path) == []


def test_the_verdicts_on_records():
    story = Story()
    attempt = story.call(story.receive(1))
    rows = [story.commit(attempt, 0), story.fence(1), story.commit(attempt, 0), story.commit(attempt, 1, seq=2), story.commit(attempt, 1, seq=1),
            story.fence(1, "i1", "process 1"), story.commit(attempt, 2, seq=2), story.fence(2, "i1", "process 1"), story.commit(attempt, 3, seq=3),
            story.commit(attempt, 3, epoch=2), story.fence(3, "i1", "process 1"), story.fence(4, "i1", "process 2")]
    story.evidence()
    assert [row.verdict for row in rows] == ["void", "fence", "commit", "void", "commit", "void fence", "commit", "fence", "void", "commit", "fence", "fence"]
    counts = logbook.count({("p", 0): rows})
    assert counts == {"commits": 4, "void commits": 3, "fences": 4, "void fences": 1, "refences": 1, "hand-overs": 1, "restarts": 1}


def test_a_plan_is_a_function_of_its_seed_and_a_few_rounds_have_every_kind(tmp_path):
    assert plan.make(3, 1, 45, 3) == plan.make(3, 1, 45, 3) != plan.make(4, 1, 45, 3)
    for seed in range(50):
        kinds = {row["kind"] for number in range(3) for row in plan.make(seed, number, 32, 3)}
        assert kinds == set(plan.KINDS), seed
    plan.write(tmp_path / "plan.jsonl", {"seed": 3}, plan.make(3, 1, 45, 3))
    assert plan.read(tmp_path / "plan.jsonl") == ({"seed": 3}, plan.make(3, 1, 45, 3))


def test_what_was_refused_for_sure():
    attempt = history.Attempt("a", 1, 0, 2, 503, {"type": "x"})
    assert not attempt.refused and not attempt.settled
    assert checks.decode_position("MXxwcm9kdWN0LzIvMWF8MDAwMDAwMDA") == [("product", 2, 26)]
    assert report.LOG_ROWS
