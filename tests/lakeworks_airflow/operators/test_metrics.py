"""What operators send to a real StatsD listener, and that the dashboard asks for exactly that."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

from lakeworks.errors import QuotaExhausted
from lakeworks.freshness.table_age import TableFreshness
from lakeworks.lake import Lake
from lakeworks_airflow import AuditOperator, FetchOperator, PublishOperator, WriteOperator
from lakeworks_airflow.deployment import metrics
from tests.lakeworks_airflow.operators.test_operators import ZONES, context, deployed, operator  # noqa: F401

MONITORING = Path(__file__).resolve().parents[3] / "docker" / "monitoring"
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
Received = Callable[[], dict[str, float]]


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Received]]:
    """A StatsD server's socket; call it with options of `[metrics]` to switch Airflow's metrics on."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(0.2)

    def received() -> dict[str, float]:
        """Every gauge that arrived: name to its last value."""
        values: dict[str, float] = {}
        while True:
            try:
                name, value = server.recv(65536).decode().split(":")
            except TimeoutError:
                return values
            assert value.endswith("|g"), "gauges only: a step that is tried again sends the same"
            values[name] = float(value.removesuffix("|g"))

    def switch_on(**options: str) -> Received:
        port = str(server.getsockname()[1])
        for option, value in {"statsd_on": "True", "statsd_host": "127.0.0.1", "statsd_port": port, **options}.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__{option.upper()}", value)
        stats.initialize(factory=get_stats_factory(), export_legacy_names=True)
        return received

    yield switch_on
    monkeypatch.undo()
    stats.initialize(factory=get_stats_factory(), export_legacy_names=True)
    server.close()


def ages() -> list[TableFreshness]:
    return [
        TableFreshness(
            "gold.transport.hourly_demand", "2026-03-02", NOW - timedelta(hours=36), NOW, ("a", "b"), ("b",)
        ),
        TableFreshness("gold.market.daily_returns", "", None, None),
    ]


def test_a_published_table_sends_its_balance_and_a_second_try_the_same(
    deployed: Lake,  # noqa: F811
    listener: Callable[..., Received],
) -> None:
    received = listener()
    operator(FetchOperator, table=ZONES).execute(context())
    assert received() == {}, "the TLC has no limit"
    staged = operator(AuditOperator, table=ZONES, staged=operator(WriteOperator, table=ZONES).execute(context()))
    publish = operator(PublishOperator, table=ZONES, staged=staged.execute(context()))
    publish.execute(context())
    sent = received()
    base = {name: value for name, value in sent.items() if "seconds" not in name}
    assert base == {
        f"airflow.lakeworks.{name}.{ZONES}": value
        for name, value in {
            "rows_read": 265.0, "rows_published": 265.0, "rows_quarantined": 0.0, "rows_deduplicated": 0.0,
            "bytes_published": base[f"airflow.lakeworks.bytes_published.{ZONES}"], "partitions_changed": 1.0,
        }.items()
    }  # fmt: skip
    assert base[f"airflow.lakeworks.bytes_published.{ZONES}"] > 1000
    assert sent[f"airflow.lakeworks.publish_seconds.{ZONES}"] > 0
    publish.execute(context())
    assert received() == sent


def test_ages_and_overdue_partitions_of_tables_that_promise(listener: Callable[..., Received]) -> None:
    received = listener()
    metrics.report_ages(ages(), NOW, tenant="acme")
    assert received() == {
        "airflow.lakeworks.age_hours.gold.transport.hourly_demand.acme": 36.0,
        "airflow.lakeworks.overdue_partitions.gold.transport.hourly_demand.acme": 2.0,
    }


def test_a_used_up_quota_is_zero_requests_left(lake: Lake, listener: Callable[..., Received]) -> None:
    from lakeworks.landing.quota import LakeState
    from lakeworks.sources import SourceConnection, open_source

    received = listener()
    state = LakeState(lake.store)
    client: Any = open_source("coingecko", access=SourceConnection(state=state, secret="CG-x"))
    before = client.http.limiter.limits.per_month
    client.http.limiter.reserve()
    metrics.report_budget(lake, "coingecko", client)
    assert received() == {"airflow.lakeworks.requests_left_this_month.coingecko": before - 1}
    document = json.loads(state.read("coingecko.json")[0])  # type: ignore[index]
    lake.store.put("_quota/coingecko.json", json.dumps({**document, "of_month": before}).encode())
    with pytest.raises(QuotaExhausted):
        client.http.limiter.reserve()
    metrics.report_budget(lake, "coingecko", client)
    assert received() == {"airflow.lakeworks.requests_left_this_month.coingecko": 0.0}


def test_an_exporter_with_tags_gets_the_table_as_one(listener: Callable[..., Received]) -> None:
    received = listener(statsd_influxdb_enabled="True")
    metrics.report_ages(ages(), NOW)
    assert "airflow.lakeworks.age_hours,table=gold.transport.hourly_demand" in received()


def test_without_metrics_nothing_is_sent_and_no_budget_is_read(listener: Callable[..., Received]) -> None:
    received = listener(statsd_on="False")
    metrics.report_ages(ages(), NOW)
    metrics.report_budget(object(), "coingecko", object())  # type: ignore[arg-type]
    assert received() == {}


def test_an_exporter_that_fails_is_a_warning(
    listener: Callable[..., Received], caplog: pytest.LogCaptureFixture
) -> None:
    listener()

    def broken() -> Any:
        raise RuntimeError("no collector")

    stats.initialize(factory=broken, export_legacy_names=True)
    metrics.report_ages(ages(), NOW)
    assert "lakeworks.age_hours.gold.transport.hourly_demand was not sent: no collector" in caplog.text


def test_opentelemetry_gets_the_same_names_with_the_table_as_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk._shared.observability.metrics.otel_logger import MetricsMap, SafeOtelLogger
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    monkeypatch.setenv("AIRFLOW__METRICS__OTEL_ON", "True")
    reader = InMemoryMetricReader()
    exporter = SafeOtelLogger(MeterProvider(metric_readers=[reader]), prefix="airflow")
    assert isinstance(exporter.metrics_map, MetricsMap)
    stats.initialize(factory=lambda: exporter, export_legacy_names=True)
    try:
        metrics.report_ages(ages(), NOW)
        (resource,) = reader.get_metrics_data().resource_metrics  # type: ignore[union-attr]
        points = {
            (metric.name, point.attributes["table"]): point.value  # type: ignore[union-attr,index]
            for metric in resource.scope_metrics[0].metrics
            for point in metric.data.data_points
        }
        assert points["airflow.lakeworks.age_hours", "gold.transport.hourly_demand"] == 36.0
    finally:
        monkeypatch.undo()
        stats.initialize(factory=get_stats_factory(), export_legacy_names=True)


# The dashboard


def mapped(name: str) -> tuple[str, dict[str, str]]:
    """What Prometheus' StatsD exporter makes of a name by our mapping."""
    for rule in yaml.safe_load((MONITORING / "statsd_mapping.yml").read_text())["mappings"]:
        pattern = "".join(r"([^.]*)" if part == "*" else re.escape(part) for part in re.split(r"(\*)", rule["match"]))
        if match := re.fullmatch(pattern, name):
            fill = lambda text: re.sub(r"\$(\d)", lambda part: match[int(part[1])], text)  # noqa: B023, E731
            return fill(rule["name"]), {key: fill(text) for key, text in rule["labels"].items()}
    raise AssertionError(f"no rule for {name}")


def test_labels_come_back_from_plain_names() -> None:
    table = "airflow.lakeworks.rows_read.gold.transport.hourly_demand"
    assert mapped(table) == ("airflow_lakeworks_rows_read", {"table": "gold.transport.hourly_demand"})
    assert mapped(f"{table}.acme")[1] == {"table": "gold.transport.hourly_demand", "tenant": "acme"}
    assert mapped("airflow.lakeworks.requests_left_today.yahoo") == (
        "airflow_lakeworks_requests_left_today",
        {"source": "yahoo"},
    )


def test_the_dashboard_asks_for_every_metric_by_its_own_labels() -> None:
    dashboard = json.loads((MONITORING / "grafana.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = {name for text in expressions for name in re.findall(r"airflow_\w+", text)}
    known = {f"airflow_lakeworks_{name}": "table" for name in metrics.TABLE_METRICS}
    known |= {f"airflow_lakeworks_{name}": "source" for name in metrics.SOURCE_METRICS}
    assert asked == set(known)
    for text in expressions:
        grouped = set(re.findall(r"by \((\w+)\)", text)) | set(re.findall(r"\{(\w+)=~", text))
        assert grouped == {known[name] for name in re.findall(r"airflow_\w+", text)}, text
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert all(len(f"airflow.lakeworks.{name}") <= 63 for name in metrics.TABLE_METRICS), "OpenTelemetry's limit"


def test_the_helm_values_hold_the_same_mapping() -> None:
    values = yaml.safe_load((MONITORING.parent / "kubernetes" / "values.yaml").read_text())
    assert (
        values["statsd"]["extraMappings"] == yaml.safe_load((MONITORING / "statsd_mapping.yml").read_text())["mappings"]
    )


def test_the_page_lists_every_metric_with_its_meaning() -> None:
    page = (MONITORING.parents[1] / "docs" / "monitoring.md").read_text()
    rows = re.findall(r"^\| `lakeworks\.(\w+)` \| (\w+) \| (.+) \|$", page, re.MULTILINE)
    tables = [(name, "table", meaning) for name, meaning in metrics.TABLE_METRICS.items()]
    assert rows == tables + [(name, "source", meaning) for name, meaning in metrics.SOURCE_METRICS.items()]
