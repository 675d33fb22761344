"""The partition matrix by what ledger and landing say of runs: when they were recorded, what was landed since."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakeworks.contract import load_contract
from lakeworks.partition import Period
from lakeworks.pipeline.status import Window
from tests.lakeworks.pipeline.test_status import look, record
from tests.many_partitions import many


def test_a_run_over_a_month_that_is_not_over_leaves_its_other_days_missing(tmp_path: Path) -> None:
    """They showed as empty, as if a run had looked at days that were still to come."""
    bars = load_contract("bronze.market.crypto_bars")
    today = Period.containing(datetime.now(UTC), "day")
    month = Period.containing(today.start, "month")
    with many(tmp_path) as found:
        record(found, bars, str(month))
        assert look(found, bars, Window(today, today)).counts == {"missing": 1}
        over = Period.containing(month.start - timedelta(days=1), "month")
        record(found, bars, str(over))
        assert look(found, bars, Window(over, over)).counts == {"empty": len(over.split("day"))}
