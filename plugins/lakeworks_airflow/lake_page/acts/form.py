"""The form that starts an act: its fields are signed for one session, and only that session's own page may send it.

Airflow's login is a cookie that a browser sends by itself, so another site could make a browser send a request. Three
things stop that: the signature, which another site cannot read; the browser's own word on where a request comes from; and
the cookie's SameSite attribute, which is Airflow's.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from lakeworks_airflow.lake_page.person import ActRefused, Person

LIFETIME = timedelta(hours=1)
MOST_BYTES = 16_384
_KIND = "application/x-www-form-urlencoded"
_AGAIN = "Nothing was changed. Open the plan again and start it from there."


def signed(person: Person, fields: Mapping[str, str], now: datetime) -> dict[str, str]:
    """Return the fields with the time and a signature that holds for this person's session only."""
    dated = {**fields, "at": now.astimezone(UTC).isoformat(timespec="seconds")}
    return {**dated, "signature": _signature(person, dated)}


def fields_of(body: bytes, content_type: str) -> dict[str, str]:
    """Return the fields of a sent form.

    Raises:
        ActRefused: it is no form, or names a field twice.
    """
    if content_type.partition(";")[0].strip().lower() != _KIND or len(body) > MOST_BYTES:
        raise ActRefused(f"The request is not the page's form. {_AGAIN}")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=40)
    except (ValueError, UnicodeDecodeError) as error:
        raise ActRefused(f"The request is not the page's form. {_AGAIN}") from error
    if len(dict(pairs)) != len(pairs):
        raise ActRefused(f"The request names a field twice. {_AGAIN}")
    return dict(pairs)


def require_own_page(headers: Mapping[str, str], person: Person) -> None:
    """Stop a request that another site made this person's browser send.

    `Sec-Fetch-Site` is the browser's own word, which no page can change. Browsers leave it out without TLS; then the address
    in `Origin` must be Airflow's. A program sends neither, and needs the signature all the same.

    Raises:
        ActRefused: it comes from another site.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        own = site == "same-origin"
    else:
        known = {headers.get("host", ""), *(urlsplit(address).netloc for address in person.origins)}
        own = origin is None or urlsplit(origin).netloc in known - {""}
    if not own:
        raise ActRefused(f"The request came from another site than Airflow. {_AGAIN}")


def checked(person: Person, sent: Mapping[str, str], now: datetime) -> dict[str, str]:
    """Return the signed fields of a form.

    Raises:
        ActRefused: a field was changed, the form is another session's, or it is old.
    """
    fields = {name: value for name, value in sent.items() if name not in ("signature", "unpause")}
    if not hmac.compare_digest(_signature(person, fields), sent.get("signature", "")):
        raise ActRefused(f"The form was made for another session, or was changed on the way. {_AGAIN}")
    if not timedelta(minutes=-1) <= now - datetime.fromisoformat(fields["at"]) <= LIFETIME:
        raise ActRefused(f"The plan is older than an hour. {_AGAIN}")
    return fields


def _signature(person: Person, fields: Mapping[str, str]) -> str:
    said = json.dumps([person.name, person.session, sorted(fields.items())])
    return hmac.new(f"lake page {person.secret}".encode(), said.encode(), hashlib.sha256).hexdigest()
