"""Airflow plugin: registers lakeworks' task buttons, its timetables and the lake page."""

from airflow.plugins_manager import AirflowPlugin

from lakeworks_airflow.lake_page.mounted import LakePage
from lakeworks_airflow.timetables import DailyPartitions, HourlyPartitions, MonthlyPartitions
from lakeworks_airflow.ui_links import ApprovalPageLink, AuditReportLink, DataLink, DayPageLink


class LakeworksPlugin(AirflowPlugin):
    """Extra links of the lakeworks operators, the timetables of daily and monthly tables, the page of the lake."""

    name = "lakeworks"
    operator_extra_links = [DataLink(), AuditReportLink(), DayPageLink(), ApprovalPageLink()]  # noqa: RUF012 - Airflow's interface
    timetables = [DailyPartitions, HourlyPartitions, MonthlyPartitions]  # noqa: RUF012
    # Airflow mounts applications without a login, so the page itself requires it.
    fastapi_apps = [{"app": LakePage(), "url_prefix": "/lake", "name": "Lakeworks"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {"name": "Lake", "href": "/lake/", "destination": "nav", "url_route": "lake", "nav_top_level": True}
    ]
