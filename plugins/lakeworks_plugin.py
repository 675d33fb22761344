"""Registers lakeworks' task buttons with Airflow, which shows only links it knows."""

from airflow.plugins_manager import AirflowPlugin

from lakeworks_airflow.links import AuditReportLink, DataLink


class LakeworksPlugin(AirflowPlugin):
    """Extra links of the lakeworks operators."""

    name = "lakeworks"
    operator_extra_links = [DataLink(), AuditReportLink()]  # noqa: RUF012 - Airflow's interface
