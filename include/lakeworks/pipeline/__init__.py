"""The steps of a run: land, write, audit, publish. Each is a function of a lake, a table and a period; none knows Airflow."""

from lakeworks.pipeline.audit import audit
from lakeworks.pipeline.lake import Lake
from lakeworks.pipeline.land import land
from lakeworks.pipeline.plan import plan
from lakeworks.pipeline.publish import publish
from lakeworks.pipeline.write import write

__all__ = ["Lake", "audit", "land", "plan", "publish", "write"]
