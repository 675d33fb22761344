"""The file that Spark runs on a service: its text in this release, and the digest by which a copy is recognized."""

import hashlib
from pathlib import Path

JOB = Path(__file__).parents[1] / "engines" / "remote" / "spark_job.py"


def job_text() -> bytes:
    """Return the file."""
    return JOB.read_bytes()


def job_digest() -> str:
    """Return its SHA-256."""
    return hashlib.sha256(job_text()).hexdigest()
