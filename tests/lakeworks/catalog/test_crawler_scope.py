"""A crawler looks at what others wrote: every way to name a folder of the lake is refused before anything starts."""

import pytest

from lakeworks.catalog.crawler_scope import foreign_folder
from lakeworks.core.layout import TENANT_AREAS
from lakeworks.errors import ConfigError

BUCKETS = {"lake", "lake-silver"}


@pytest.mark.parametrize(
    "path",
    [
        *(f"s3://lake/{area}/" for area in TENANT_AREAS),
        *(f"s3://lake/{area}" for area in TENANT_AREAS),
        "s3://lake", "s3://lake/", "s3://lake//", "s3://lake//silver/x/",
        "s3://lake/silver/market/prices/year=2019/", "s3://lake/silver/tenant=acme/", "s3://lake/_anything/else/",
        "s3://lake/silv", "s3://lake/in", "s3a://lake/gold/", "s3n://lake/gold/", "S3://lake/gold/", "S3A://LAKE/gold/",
        " s3://lake/gold/ ", "s3://lake-silver/", "s3://lake-silver/silver/market/",
    ],
)  # fmt: skip
def test_what_the_lake_writes_is_refused_however_it_is_spelled(path: str) -> None:
    with pytest.raises(
        ConfigError, match=r"overlaps with folders that lakeworks writes .*Nothing was started. Name a folder"
    ):
        foreign_folder(path, "partner", BUCKETS)


@pytest.mark.parametrize("path", ["", "partner/drop", "https://lake.s3.amazonaws.com/gold/", "file:///gold", "s3:///gold/",
                                  "s3://", "arn:aws:s3:::lake/gold/", "s3x://lake/gold/"])  # fmt: skip
def test_what_is_no_s3_address_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match=r"is no S3 address: .*Nothing was started. Correct `path`"):
        foreign_folder(path, "partner", BUCKETS)


@pytest.mark.parametrize("database", ["gold_market", "Silver_Test", "acme__silver_market", "reference_x", "bronze"])
def test_databases_of_the_lake_and_of_its_tenants_are_refused(database: str) -> None:
    with pytest.raises(ConfigError, match=r"is for tables of this lake .*Nothing was started. Name another"):
        foreign_folder("s3://partner/drop/", database, BUCKETS)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("s3://partner/silver/", "s3://partner/silver/"),
        ("s3://lake/partner/drop/", "s3://lake/partner/drop/"),
        ("s3://lake/silverware/", "s3://lake/silverware/"),
        ("s3://lake/in/", "s3://lake/in/"),
        ("s3://lake/partner/silver/", "s3://lake/partner/silver/"),
        ("S3A://partner/Drop", "s3://partner/Drop"),
        ("s3n://partner", "s3://partner/"),
    ],
)
def test_folders_of_others_are_crawled_as_glue_spells_them(path: str, sent: str) -> None:
    assert foreign_folder(path, "partner_gold", BUCKETS) == sent
