"""Partition projection: Athena computes a table's partitions from its parameters instead of asking Glue for each.

Property names and value rules:
https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html. Only Athena uses it. Spark,
DuckDB and Glue jobs read the registered partitions, so lakeworks registers those too.
"""

from collections.abc import Iterable

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition

# Key -> the values Athena tries, and the digits it pads them to; years are those that are published.
_INTEGERS = {"year": ("", 4), "month": ("1,12", 2), "day": ("1,31", 2), "hour": ("0,23", 2)}


def projection(contract: Contract, location: str, partitions: Iterable[Partition]) -> dict[str, str]:
    """Return the parameters that switch projection on for the years of `partitions`; empty if it does not apply."""
    years = sorted({int(dict(partition.pairs)["year"] or 0) for partition in partitions} if contract.projected else ())
    if not years:
        return {}
    parameters = {"projection.enabled": "true"}
    for key in contract.partition_keys:
        values, digits = _INTEGERS[key]
        parameters |= {
            f"projection.{key}.type": "integer",
            f"projection.{key}.range": values or f"{years[0]},{years[-1]}",
            f"projection.{key}.digits": str(digits),
        }
    folders = "/".join(f"{key}=${{{key}}}" for key in contract.partition_keys)
    return {**parameters, "storage.location.template": f"{location.rstrip('/')}/{folders}/"}
