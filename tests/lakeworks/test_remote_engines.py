"""The engine that a table's contract names, in the work group of who builds it."""

from pathlib import Path

from lakeworks.athena.builds import AthenaBuilds
from lakeworks.core.tenant import Tenant
from lakeworks.remote_engines import RemoteEngines
from lakeworks.settings import Settings


def test_a_tenants_tables_are_built_in_its_own_work_group(tmp_path: Path) -> None:
    config = tmp_path / "lake.yml"
    config.write_text("athena: {tenants: [{tenant: acme}]}\n")
    settings = Settings(bucket="acme-lake", config_file=config, athena_backend="athena")

    def group(tenant: Tenant | None) -> str:
        engine = RemoteEngines(settings, lambda _: None, tenant)("athena")
        assert isinstance(engine, AthenaBuilds)
        return engine.queries.work_group

    assert group(None) == "acme-lake"
    assert group(Tenant("acme")) == "acme-lake-tenant-acme"
    assert group(Tenant("globex")) == "acme-lake", "no group of its own: the lake's, if its role may"
