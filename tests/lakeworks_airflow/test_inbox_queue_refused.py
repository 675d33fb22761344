"""A queue that AWS refuses: a server answers with the error bodies that AWS documents; the look goes on, and finds the file later."""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lakeworks.landing.arrival_queue import ArrivalQueue
from lakeworks_airflow.inbox_trigger import QueueReader
from tests.conftest import client
from tests.lakeworks.landing.test_arrivals import event

BUCKET = "acme-lake"
ACTOR = "User: arn:aws:sts::111122223333:assumed-role/lake/triggerer is not authorized to perform:"


@dataclass(frozen=True)
class Refusal:
    """One of AWS's refusals: the operation it answers, and the answer."""

    operation: str
    status: int
    kind: str
    query_code: str
    message: str


class Queue:
    """SQS's JSON protocol for one queue. It refuses some requests, then has one message."""

    def __init__(self) -> None:
        self.refusal: Refusal | None = None
        self.refused = 0
        self.messages: list[dict[str, str]] = []
        self.url = ""
        queue = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                status, headers, body = queue.answer(operation)
                content = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/111122223333/acme-lake-inbox"

    def answer(self, operation: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        if self.refusal and self.refusal.operation == operation:
            self.refused += 1
            headers = {"x-amzn-query-error": f"{self.refusal.query_code};Sender"} if self.refusal.query_code else {}
            return self.refusal.status, headers, {"__type": self.refusal.kind, "message": self.refusal.message}
        if operation == "GetQueueUrl":
            return 200, {}, {"QueueUrl": self.url}
        if operation == "ReceiveMessage":
            given, self.messages = self.messages, []
            return 200, {}, {"Messages": given}
        return 200, {}, {"Successful": [], "Failed": []}


@pytest.fixture
def queue() -> Iterator[Queue]:
    found = Queue()
    yield found
    found.server.shutdown()
    found.server.server_close()


NO_QUEUE = ("com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
REFUSALS = {
    "no right to receive": (
        Refusal("ReceiveMessage", 403, "com.amazon.coral.service#AccessDeniedException", "AccessDenied", f"{ACTOR} sqs:receivemessage"),
        r"denied: sqs:ReceiveMessage\)",
    ),
    "no right to find": (
        Refusal("GetQueueUrl", 400, "com.amazon.coral.service#AccessDeniedException", "", f"{ACTOR} sqs:getqueueurl"),
        r"denied: sqs:GetQueueUrl\)",
    ),
    "deleted while it was read": (
        Refusal("ReceiveMessage", 400, *NO_QUEUE, "The specified queue does not exist."),
        r"lakeworks bootstrap.*region",
    ),
    "another region": (
        Refusal("GetQueueUrl", 400, *NO_QUEUE, "The specified queue does not exist or you do not have access to it."),
        r"lakeworks bootstrap.*region",
    ),
    "signed for another region": (
        Refusal("ReceiveMessage", 400, "com.amazon.coral.service#InvalidSignatureException", "",
                "Credential should be scoped to a valid region."),
        r"valid region.*Check the credentials",
    ),
    "no right to the key": (
        Refusal("ReceiveMessage", 400, "com.amazonaws.sqs#KmsAccessDenied", "KMS.AccessDeniedException",
                "The ciphertext refers to a customer master key that you may not use."),
        r"kms:Decrypt",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("refusal", "said"), REFUSALS.values(), ids=list(REFUSALS))
def test_a_refused_queue_is_said_and_looked_at_again_until_it_answers(
    queue: Queue, refusal: Refusal, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    queue.refusal = refusal
    sqs = client("sqs", queue.url.rpartition("/111122223333")[0])
    reader = QueueReader(lambda: ArrivalQueue.find(sqs, "acme-lake-inbox", None, BUCKET), 0.05, shortest_pause=0.05)

    async def play() -> list[dict[str, Any]]:
        stream = reader.open_stream()
        drops = asyncio.ensure_future(anext(stream))
        while queue.refused < 2:
            await asyncio.sleep(0.01)
        assert not drops.done()
        queue.messages = [{"ReceiptHandle": "1", "Body": event("inbox/sales/2026-01-05/a.csv", bucket=BUCKET)}]
        queue.refusal = None
        found, receipts = await asyncio.wait_for(drops, 20)
        assert receipts == ["1"]
        return found

    with caplog.at_level(logging.ERROR):
        (drop,) = asyncio.run(play())
    assert (drop["dataset"], drop["period"]) == ("sales", "2026-01-05")
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors
    for text in errors:
        assert "No file is lost: each inbox DAG finds its files by its own schedule" in text
    assert any(re.search(said, text) for text in errors), errors


def test_messages_that_may_not_be_deleted_come_again_and_do_not_end_the_look(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    from airflow.triggers.shared_stream import AdvanceItem, AdvanceOutcome

    queue.refusal = Refusal(
        "DeleteMessageBatch",
        403,
        "com.amazon.coral.service#AccessDeniedException",
        "AccessDenied",
        f"{ACTOR} sqs:deletemessage",
    )
    reader = QueueReader(
        lambda: ArrivalQueue(client("sqs", queue.url.rpartition("/111122223333")[0]), queue.url, BUCKET), 0.05
    )
    asyncio.run(reader.advance([AdvanceItem(["1"], AdvanceOutcome(acked=1, failed=0))]))
    assert "come again" in caplog.text
    assert "denied: sqs:DeleteMessage)" in caplog.text
