"""`lakeworks dev promote` and `refresh`."""

from lakeworks.cli.arguments import AsJson, DryRun
from lakeworks.cli.connection import connect_live
from lakeworks.cli.dev.lakes import DevName
from lakeworks.cli.output import emit, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.dev.opening import refresh
from lakeworks.dev.promotion import promote


def promote_dev_lake(name: DevName, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Publish what a dev lake built in the live lake.

    The live lake gets the very objects that were audited, upstream tables first; nothing is built again. Refused where the
    live lake moved on since. A stopped promotion continues when it is repeated.
    """
    with waiting(f"Promoting dev lake {name}"):
        done = promote(connect_live(), name, [load_contract(item) for item in all_tables()], dry_run=dry_run)
    emit([vars(item) for item in done], as_json=as_json, title="Would promote" if dry_run else "Promoted")
    if done and not dry_run and not as_json:
        say(f"The dev lake is still there. Remove it: lakeworks dev drop {name}")


def refresh_dev_lake(name: DevName) -> None:
    """Let a dev lake read the present live publications.

    What it built stays. The next `dev build` repeats what was built from other inputs, or over other live publications.
    """
    with waiting(f"Refreshing dev lake {name}"):
        refresh(connect_live(), [load_contract(item) for item in all_tables()], name)
    say(f"Dev lake {name} reads the present live publications. Build it again: lakeworks dev build {name}")
