"""AWS calls of bootstrap that set up Lake Formation. Its actions know no resources; a data lake administrator grants."""

from lakeworks.permissions.aws_call import On

_GRANTS = """
        lakeformation.ListPermissions
        lakeformation.GrantPermissions
        lakeformation.RevokePermissions
"""

# As the table of `aws_calls.py`.
LAKE_FORMATION_CALLS = {
    ("bootstrap", On.ANYTHING, "grants"): _GRANTS,
    ("doctor", On.ANYTHING, ""): "lakeformation.GetDataLakeSettings",
    ("bootstrap", On.CATALOG, "grants"): "glue.GetTables",
    ("bootstrap", On.ANYTHING, "lake_formation"): f"""
        {_GRANTS.strip()}
        lakeformation.DescribeResource
        lakeformation.RegisterResource
        lakeformation.GetDataCellsFilter
        lakeformation.CreateDataCellsFilter
        lakeformation.UpdateDataCellsFilter
        lakeformation.DeleteDataCellsFilter
    """,
    ("bootstrap", On.CATALOG, "lake_formation"): "glue.GetTables\nglue.UpdateDatabase",
    ("bootstrap", On.ANYTHING, "lf_tags"): """
        lakeformation.GetLFTag
        lakeformation.CreateLFTag
        lakeformation.UpdateLFTag
        lakeformation.GetResourceLFTags
        lakeformation.AddLFTagsToResource
    """,
    # Lake Formation gives Athena credentials for the tables of who asks.
    ("athena", On.ANYTHING, "lake_formation"): "athena.StartQueryExecution lakeformation:GetDataAccess",
}
