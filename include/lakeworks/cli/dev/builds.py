"""`lakeworks dev build`: write, audit and publish in a dev lake."""

from lakeworks.branches.document import DevRegister
from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import connect_live
from lakeworks.cli.dev.lakes import DevName
from lakeworks.cli.output import emit, say
from lakeworks.contract import all_tables, load_contract
from lakeworks.dev.building import build


def build_dev_lake(name: DevName, as_json: AsJson = False) -> None:
    """Build changed tables and what follows, in the dev lake.

    Writes, audits and publishes as a run does, upstream tables first. It reads landed data and asks no vendor. It
    skips periods that it built by the same code from the same inputs, so a stopped build continues.
    """
    lake = connect_live()
    document = DevRegister(lake.store).read(name).document
    lake.for_dev(name)  # refused if its life has ended
    rows = []
    for done in build(lake, document, [load_contract(item) for item in all_tables()]):
        rows.append(vars(done))
        if not as_json:
            say(f"{done.table} {done.period}: {done.outcome}, {done.rows:,} rows", to_stderr=True)
    emit(rows, as_json=as_json, title=f"Dev lake {name}")
    if not as_json:
        say(f"Compare it with the live lake: lakeworks dev diff {name}")
