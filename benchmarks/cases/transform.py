"""Bronze to silver: typed, zones named, broken rows apart, one row of each grain, by the product's own contract and SQL.

The input is one local Parquet file, the output is drained batch by batch: neither endpoint nor encoding is in these figures.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Entry, Place

_MONEY = {
    "fare_amount": "fare_amount_usd", "extra": "extra_usd", "mta_tax": "mta_tax_usd", "tip_amount": "tip_amount_usd",
    "tolls_amount": "tolls_amount_usd", "improvement_surcharge": "improvement_surcharge_usd",
    "congestion_surcharge": "congestion_surcharge_usd", "airport_fee": "airport_fee_usd",
    "cbd_congestion_fee": "cbd_congestion_fee_usd", "total_amount": "total_amount_usd",
}  # fmt: skip
_GRAIN = ["vendor_id", "pickup_at", "dropoff_at", "pickup_zone_id", "dropoff_zone_id"]


def lakeworks(place: Place) -> Callable[[], Any]:
    """The engine's path: every row accounted for, the good ones in publishing order, the broken ones with their reasons."""
    import pyarrow.dataset as ds

    from lakeworks.contract import load_contract
    from lakeworks.core.names import TableName
    from lakeworks.core.partition import Period
    from lakeworks.engines.duckdb import DuckDbEngine
    from lakeworks.parquet.bounded_scan import BoundedDataset
    from lakeworks.quality.rules import row_rules
    from lakeworks.transform.sql import load_sql

    contract = load_contract("silver.transport.trips")
    sql, rules, zones = load_sql(contract) or "", row_rules(contract), zones_of(place)
    engine = DuckDbEngine(place.options["memory"], 2, Path(place.scratch))

    def run() -> dict[str, Any]:
        with engine.session() as session:
            file = ds.dataset(place.path("bronze.parquet"))
            source = BoundedDataset(list(file.get_fragments()), file.schema, file.format, file.count_rows())
            session.attach(TableName.parse("bronze.transport.yellow_trips"), source, source.count_rows())
            session.attach(TableName.parse("reference.transport.zones"), zones, len(zones))
            built = session.build(contract, sql, rules, Period.parse("2019-01"))
            rows = sum(batch.num_rows for batch in built.staged())
            sum(batch.num_rows for batch in built.quarantined())
        return {"rows": rows}

    return run


def duckdb(place: Place) -> Callable[[], Any]:
    """The same SQL, rules and deduplication in one statement: good rows only, in no order."""
    return _bare(place, "")


def duckdb_sorted(place: Place) -> Callable[[], Any]:
    """The same, in publishing order."""
    return _bare(place, f"ORDER BY date_trunc('day', pickup_at), {', '.join(_GRAIN)}")


def _bare(place: Place, order: str) -> Callable[[], Any]:
    import duckdb as engine

    from lakeworks.contract import load_contract
    from lakeworks.core.partition import Period
    from lakeworks.quality.rules import row_rules
    from lakeworks.transform.sql import bind, load_sql

    contract, zones = load_contract("silver.transport.trips"), zones_of(place)
    sql = (load_sql(contract) or "").rstrip().rstrip(";")
    rules = " AND ".join(f"({rule.sql})" for rule in row_rules(contract))
    statement = bind(
        f"SELECT * FROM ({sql}) WHERE {rules} QUALIFY row_number() OVER (PARTITION BY {', '.join(_GRAIN)} "
        f"ORDER BY {', '.join(contract.deduplicate_by or ())}) = 1 {order}",
        Period.parse("2019-01"),
    )

    def run() -> dict[str, Any]:
        settings = {"threads": 2, "memory_limit": place.options["memory"], "temp_directory": place.scratch}
        with engine.connect(config={**settings, "preserve_insertion_order": False}) as connection:
            connection.register("zones_given", zones)
            connection.execute("CREATE SCHEMA bronze_transport; CREATE SCHEMA reference_transport")
            connection.execute("CREATE VIEW reference_transport.zones AS SELECT * FROM zones_given")
            path = place.path("bronze.parquet")
            connection.execute(f"CREATE VIEW bronze_transport.yellow_trips AS SELECT * FROM read_parquet('{path}')")
            return {"rows": sum(batch.num_rows for batch in connection.sql(statement).to_arrow_reader(100_000))}

    return run


def polars(place: Place) -> Callable[[], Any]:
    """One lazy query, collected."""
    import polars as pl

    good = good_trips(pl.scan_parquet(place.path("bronze.parquet")), zones_of(place))
    return lambda: {"rows": good.collect().height}


def good_trips(given: Any, zone_names: Any) -> Any:
    """The lazy query of the good rows; `given` is polars' scan of bronze."""
    import polars as pl

    zones = pl.from_arrow(zone_names).lazy()  # type: ignore[union-attr]
    seconds = (pl.col("tpep_dropoff_datetime") - pl.col("tpep_pickup_datetime")).dt.total_seconds()
    whole = {
        "VendorID": "vendor_id", "passenger_count": "passenger_count", "RatecodeID": "rate_code_id",
        "PULocationID": "pickup_zone_id", "DOLocationID": "dropoff_zone_id", "payment_type": "payment_type_id",
    }  # fmt: skip
    money = pl.Decimal(12, 2)
    rows = given.select(
        *(pl.col(old).cast(pl.Int32).alias(new) for old, new in whole.items()),
        pl.col("tpep_pickup_datetime").alias("pickup_at"), pl.col("tpep_dropoff_datetime").alias("dropoff_at"),
        (seconds / 60).cast(pl.Decimal(10, 2)).alias("trip_duration_minutes"),
        pl.col("trip_distance").cast(money).alias("trip_distance_miles"),
        (pl.col("store_and_fwd_flag") == "Y").alias("is_stored_and_forwarded"),
        *(pl.col(old).cast(money).alias(new) for old, new in _MONEY.items()), "_ingested_at",
    )  # fmt: skip
    for side in ("pickup", "dropoff"):
        names = {"zone_id": f"{side}_zone_id", "zone_name": f"{side}_zone_name", "borough": f"{side}_borough"}
        rows = rows.join(zones.rename(names), on=f"{side}_zone_id", how="left")
    good = rows.filter(
        pl.col("vendor_id").is_in([1, 2, 4, 5, 6, 7]), pl.col("fare_amount_usd") > 0,
        pl.col("trip_duration_minutes") > 0, pl.col("trip_duration_minutes") <= 1440,
        pl.col("passenger_count").fill_null(0) >= 0, pl.col("trip_distance_miles") >= 0,
        pl.col("rate_code_id").fill_null(1).is_in([1, 2, 3, 4, 5, 6, 99]), pl.col("payment_type_id").is_between(0, 6),
        pl.col("pickup_at").is_between(pl.datetime(2019, 1, 1), pl.datetime(2019, 2, 1), closed="left"),
        pl.col("pickup_zone_name").is_not_null(), pl.col("dropoff_zone_name").is_not_null(),
    )  # fmt: skip
    best = good.sort("_ingested_at", "total_amount_usd", descending=True)
    return best.unique(_GRAIN, keep="first", maintain_order=True)


def pandas(place: Place) -> Callable[[], Any]:
    """Column by column; money stays a rounded float, which is kinder than decimals."""
    import pandas as pd

    zones = zones_of(place).to_pandas()

    def run() -> dict[str, Any]:
        given = pd.read_parquet(place.path("bronze.parquet"))
        rows = pd.DataFrame(
            {
                "vendor_id": given["VendorID"].astype("int32"), "pickup_at": given["tpep_pickup_datetime"],
                "dropoff_at": given["tpep_dropoff_datetime"], "passenger_count": given["passenger_count"].astype("Int32"),
                "trip_distance_miles": given["trip_distance"].round(2), "rate_code_id": given["RatecodeID"].astype("Int32"),
                "is_stored_and_forwarded": given["store_and_fwd_flag"] == "Y",
                "pickup_zone_id": given["PULocationID"].astype("int32"),
                "dropoff_zone_id": given["DOLocationID"].astype("int32"),
                "payment_type_id": given["payment_type"].astype("int32"), "_ingested_at": given["_ingested_at"],
                **{new: given[old].round(2) for old, new in _MONEY.items()},
            }
        )  # fmt: skip
        rows["trip_duration_minutes"] = ((rows["dropoff_at"] - rows["pickup_at"]).dt.total_seconds() / 60).round(2)
        for side in ("pickup", "dropoff"):
            names = {"zone_id": f"{side}_zone_id", "zone_name": f"{side}_zone_name", "borough": f"{side}_borough"}
            rows = rows.merge(zones.rename(columns=names), on=f"{side}_zone_id", how="left")
        good = rows[
            rows["vendor_id"].isin([1, 2, 4, 5, 6, 7]) & (rows["fare_amount_usd"] > 0)
            & (rows["trip_duration_minutes"] > 0) & (rows["trip_duration_minutes"] <= 1440)
            & (rows["passenger_count"].fillna(0) >= 0) & (rows["trip_distance_miles"] >= 0)
            & rows["rate_code_id"].fillna(1).isin([1, 2, 3, 4, 5, 6, 99]) & rows["payment_type_id"].between(0, 6)
            & (rows["pickup_at"] >= "2019-01-01") & (rows["pickup_at"] < "2019-02-01")
            & rows["pickup_zone_name"].notna() & rows["dropoff_zone_name"].notna()
        ]  # fmt: skip
        best = good.sort_values(["_ingested_at", "total_amount_usd"], ascending=False, kind="stable")
        return {"rows": len(best.drop_duplicates(_GRAIN))}

    return run


def zones_of(place: Place) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(place.path("zones.parquet"))


ENTRIES = {
    "lakeworks": Entry(lakeworks, note="sorted; broken rows kept with reasons"),
    "DuckDB, same SQL": Entry(duckdb, note="good rows only, in no order"),
    "DuckDB, same SQL, sorted": Entry(duckdb_sorted, note="good rows only"),
    "polars lazy": Entry(polars, peer=True, note="good rows only, in no order"),
    "pandas": Entry(pandas, peer=True, note="good rows only, floats for money"),
}
CASES = [
    Case("transform", "A month of trips from bronze to silver", ENTRIES, "bronze", endpoint="", options={"memory": "1GB"}),
    Case(
        "transform_year", "Ten months of trips from bronze to silver under LAKE_MEMORY_LIMIT=1GB",
        {name: ENTRIES[name] for name in ("lakeworks", "DuckDB, same SQL", "DuckDB, same SQL, sorted")}, "bronze", endpoint="",
        options={"memory": "1GB"}, scale=10,
    ),
]  # fmt: skip
