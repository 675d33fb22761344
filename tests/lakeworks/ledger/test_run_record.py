"""Runs, in the order that decides which of two publishes."""

from datetime import UTC, datetime, timedelta

from lakeworks.ledger.run_record import Run

NOW = datetime.now(UTC)


def test_no_clock_decides_the_order_of_an_act_by_hand() -> None:
    """A laptop a day ahead rolled back: every run of the next day was refused as older."""
    ran = Run(id="scheduled__1", started_at=NOW - timedelta(days=3))
    act = Run.by_hand("rollback", ran)
    assert ran.order < act.order < Run(id="scheduled__2", started_at=ran.started_at + timedelta(seconds=1)).order
    assert ran.model_copy(update={"attempt": 9}).order < act.order, "a later try of the same run does not undo it"


def test_acts_by_hand_have_names_of_their_own() -> None:
    ran = Run(id="scheduled__1", started_at=NOW)
    assert len({Run.by_hand("rollback", ran).key for _ in range(100)}) == 100
