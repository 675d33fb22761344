"""Fast client: send and fetch small objects by a compiled S3 client; boto3 does everything it cannot do.

boto3 spends 2.5 ms of processor time on a request, obstore (Rust's object_store) 0.35 ms: half of what 5,000 partitions took
to write (docs/adr/0015). It handles whole objects without conditions only. After a failure boto3 sends the same request,
so retries, redirects and errors are always boto3's.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from lakeworks.s3.request_count import RequestCount
from lakeworks.s3.request_headers import RequestHeaders

if TYPE_CHECKING:
    from obstore.store import S3Store

log = logging.getLogger(__name__)
# After this many failures in a row it is not used any more (a bucket elsewhere, an unknown proxy).
_MOST_FAILURES = 3
# How long credentials are cached. boto3 renews them a quarter of an hour before they expire.
_CREDENTIALS_MINUTES = 15
NO_HEADERS = RequestHeaders()
_NO_SUCH_KEY = "<Code>NoSuchKey</Code>"
_ABSENT: Any = {
    "Error": {"Code": "NoSuchKey", "Message": "The specified key does not exist."},
    "ResponseMetadata": {"HTTPStatusCode": 404},
}
_STANDARD_ATTRIBUTES = {"Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Cache-Control"}


@dataclass(frozen=True)
class SentObject:
    """S3's answer about an object that was written."""

    etag: str
    version_id: str | None


@dataclass(frozen=True)
class FetchedObject:
    """A whole object and its S3 metadata."""

    body: bytes
    etag: str
    version_id: str | None
    metadata: Mapping[str, str]


class FastS3Client:
    """Compiled client with the endpoint, credentials and time limits of a boto3 client, for any bucket."""

    def __init__(self, client: Any, headers: RequestHeaders = NO_HEADERS) -> None:
        self.client = client
        self.headers = headers
        self.requests = RequestCount()
        self.carried = 0  # objects sent or fetched by this client
        self.failures = 0  # in a row
        self._stores: dict[str, S3Store] = {}
        self._process: int | None = None

    @classmethod
    def of(cls, client: Any, headers: RequestHeaders = NO_HEADERS) -> "FastS3Client | None":
        """Make it from a boto3 client; None if only boto3 supports its settings.

        These are an own CA, a proxy, acceleration, no signature, and the bucket's owner: the compiled client cannot sign it.
        """
        if headers.owner:
            return None
        try:
            config = client.meta.config
            plain = not (config.proxies or (config.s3 or {}).get("use_accelerate_endpoint"))
            authority = client._endpoint.http_session._verify  # boto3 has no public API for it
            trusts = client.meta.endpoint_url.startswith("http:") or authority in (
                True,
                os.environ.get("SSL_CERT_FILE"),
            )
            signs = client._request_signer._credentials is not None
        except AttributeError:
            return None
        return cls(client, headers) if plain and trusts and signs else None

    def put(
        self, bucket: str, key: str, body: bytes, attributes: Mapping[str, str], tags: Mapping[str, str]
    ) -> SentObject | None:
        """Write an object with its tags; S3 checks its SHA-256. `attributes` are metadata and Content-Type.

        Return None if it was not written.
        """
        try:
            store = self._store(bucket)
            if store is None:
                return None
            import obstore

            done = obstore.put(
                store, key, body, attributes=dict(attributes), tags=dict(tags) or None, use_multipart=False
            )
            self._did()
            self.requests.add(writes=1)
            return SentObject(str(done["e_tag"]), _pinned(done["version"]))
        except Exception as error:  # boto3 meets the same error and has the better message
            self._failed(error)
            return None

    def get(self, bucket: str, key: str, version_id: str | None) -> FetchedObject | None:
        """Read a whole object; None if it was not read.

        Raises:
            ClientError: there is no such object, as boto3 says it. It is not asked for a second time.
        """
        try:
            store = self._store(bucket)
            if store is None:
                return None
            import obstore

            answer = obstore.get(store, key, options={"version": version_id} if version_id else None)
            metadata = {str(k): str(v) for k, v in answer.attributes.items() if k not in _STANDARD_ATTRIBUTES}
            meta = answer.meta
            body = bytes(answer.bytes())
            self._did()
            self.requests.add(reads=1)
            return FetchedObject(body, str(meta["e_tag"]), _pinned(meta.get("version")), metadata)
        except FileNotFoundError as error:  # the object, or else the bucket or the version: boto3 knows which
            self.requests.add(reads=1)
            if _NO_SUCH_KEY not in str(error):
                return None
            self._did()
            raise ClientError(_ABSENT, "GetObject") from error
        except Exception as error:
            self._failed(error)
            return None

    def _did(self) -> None:
        self.carried += 1
        self.failures = 0

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        said = str(error).partition("\n")[0]
        log.debug("boto3 makes this request: %s", said)
        if self.failures == _MOST_FAILURES:
            log.info("From now on boto3 makes every request: %s", said)

    def _store(self, bucket: str) -> "S3Store | None":
        """Return the compiled client for a bucket, made in the process that uses it: its threads do not survive a fork."""
        if self.failures >= _MOST_FAILURES or self.client.meta.config.proxies:  # a proxy that only boto3 knows of
            return None
        if self._process != os.getpid():
            if _started.process not in (None, os.getpid()):
                return None
            _started.process = self._process = os.getpid()
            self._stores = {}
        if bucket not in self._stores:
            self._stores[bucket] = self._made(bucket)
        return self._stores[bucket]

    def _made(self, bucket: str) -> "S3Store":
        from obstore.store import S3Store

        url, config = urlsplit(self._address(bucket)), self.client.meta.config
        virtual = not url.path.strip("/")
        endpoint = f"{url.scheme}://{url.netloc}"
        # Every setting is explicit, because boto3 has read the AWS_* variables already, in its own order.
        return S3Store(
            bucket,
            endpoint=endpoint,
            aws_endpoint_url_s3=endpoint,
            skip_signature=False,
            unsigned_payload=False,
            request_payer=False,
            s3_express=False,
            virtual_hosted_style_request=virtual,
            region=self.client.meta.region_name,
            checksum_algorithm="SHA256",
            **cast(Any, self.headers.compiled),
            credential_provider=self._credentials,
            retry_config={"max_retries": 0},
            client_options={
                "allow_http": url.scheme == "http",
                "connect_timeout": timedelta(seconds=config.connect_timeout),
                "timeout": timedelta(seconds=config.read_timeout),
            },
        )

    def _address(self, bucket: str) -> str:
        """Return botocore's address of a bucket: FIPS, dual stack, own endpoints and path style are botocore's to decide."""
        config, model = self.client.meta.config, self.client.meta.service_model.operation_model("GetObject")
        context = {"client_region": self.client.meta.region_name, "client_config": config, "auth_type": None}
        # boto3 has no public API for it
        url, _, _ = self.client._resolve_endpoint_ruleset(model, {"Bucket": bucket, "Key": "key"}, context)
        return str(url)

    def _credentials(self) -> Any:
        """Return boto3's credentials, renewed by boto3."""
        credentials = self.client._request_signer._credentials.get_frozen_credentials()
        return {
            "access_key_id": credentials.access_key,
            "secret_access_key": credentials.secret_key,
            "token": credentials.token,
            "expires_at": datetime.now(UTC) + timedelta(minutes=_CREDENTIALS_MINUTES),
        }


class _Started:
    """The process that first used the compiled client. A child forked later cannot use it: it lacks its parent's threads."""

    process: int | None = None


_started = _Started()


def _pinned(version_id: str | None) -> str | None:
    return None if version_id in (None, "null") else version_id
