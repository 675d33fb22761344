"""A door to a real PostgreSQL as RDS has it: TLS with a certificate of our own authority, and logins by signed tokens.

The server's wheel is built without TLS, so the door speaks it: it answers SSLRequest, does the handshake, asks for a password,
judges it as RDS judges a token (signature version 4, 15 minutes, this host, port and user), and passes on what follows. Written
from PostgreSQL's protocol and AWS's description of signatures; it shares no code with lakeworks or botocore.
"""

import hashlib
import hmac
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SSL, _GSS = 80877103, 80877104


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Door:
    """The door: where it is, its authority's certificate, whom it lets in.

    `secrets` are secret keys by access key id; without any, no password is asked for. `tls` is false for a server without TLS.
    """

    host: str
    authority: Path
    context: ssl.SSLContext
    server: str  # the folder of the socket
    secrets: dict[str, str] = field(default_factory=dict)
    tls: bool = True
    clock: Callable[[], datetime] = now
    port: int = 0
    tokens: list[str] = field(default_factory=list)

    def serve(self, client: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError), client:
            secure = self._secured(client)
            if secure is None:
                return
            with secure:
                start = _message(secure)
                user = dict(_pairs(start[8:])).get("user", "")
                if self.secrets and not self._admits(secure, user):
                    text = f'PAM authentication failed for user "{user}"'
                    body = f"SFATAL\0VFATAL\0C28000\0M{text}\0\0".encode()
                    secure.sendall(b"E" + struct.pack("!I", len(body) + 4) + body)
                    return
                with socket.socket(socket.AF_UNIX) as behind:
                    behind.connect(f"{self.server}/.s.PGSQL.5432")
                    behind.sendall(start)
                    back = threading.Thread(target=_pass, args=(behind, secure), daemon=True)
                    back.start()
                    _pass(secure, behind)
                    with suppress(OSError):
                        behind.shutdown(socket.SHUT_RDWR)
                    back.join(10)

    def _secured(self, client: socket.socket) -> socket.socket | None:
        """The connection with TLS; None if the client gave up."""
        while True:
            request = _message(client)
            (code,) = struct.unpack("!I", request[4:8])
            if code == _SSL and self.tls:
                client.sendall(b"S")
                return self.context.wrap_socket(client, server_side=True)
            if code not in (_SSL, _GSS):
                return None  # it wants to go on without TLS
            client.sendall(b"N")

    def _admits(self, client: socket.socket, user: str) -> bool:
        client.sendall(b"R" + struct.pack("!II", 8, 3))
        kind = client.recv(1)
        token = _message(client)[4:].rstrip(b"\0").decode() if kind == b"p" else ""
        self.tokens.append(token)
        return token_fault(token, (f"{self.host}:{self.port}", user), self.secrets, self.clock()) == ""


def token_fault(token: str, wanted: tuple[str, str], secrets: dict[str, str], at: datetime) -> str:
    """Return why RDS would not take a token; empty if it would."""
    address, _, query = token.partition("/?")
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    if (address, pairs.get("DBUser"), pairs.get("Action")) != (*wanted, "connect"):
        return "it is for another place, user or action"
    key, *scope = pairs.get("X-Amz-Credential", "").split("/")
    stamp = pairs.get("X-Amz-Date", "")
    signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if scope[2:] != ["rds-db", "aws4_request"] or key not in secrets:
        return "its key or scope is not known"
    if int(pairs["X-Amz-Expires"]) > 900 or at >= signed + timedelta(seconds=int(pairs["X-Amz-Expires"])):
        return "it has run out"
    canonical = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(pairs.items())
        if name != "X-Amz-Signature"
    )
    request = "\n".join(["GET", "/", canonical, f"host:{address}\n", "host", hashlib.sha256(b"").hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, "/".join(scope), hashlib.sha256(request.encode()).hexdigest()])
    secret = f"AWS4{secrets[key]}".encode()
    for part in scope:
        secret = hmac.digest(secret, part.encode(), "sha256")
    good = hmac.digest(secret, text.encode(), "sha256").hex()
    return "" if hmac.compare_digest(good, pairs.get("X-Amz-Signature", "")) else "its signature is not that of the key"


@contextmanager
def rds_door(folder: Path, server: str, host: str = "shop.c1x2.eu-central-1.rds.amazonaws.com") -> Iterator[Door]:
    """Open a door on loopback, with a certificate for `host`."""
    authority, context = _certified(folder, host)
    door = Door(host, authority, context, server)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        door.port = listening.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    threading.Thread(target=door.serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield door
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


def _certified(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """Return an authority's certificate as a file, and TLS with a certificate for the host that the authority signed."""
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])

    def certificate(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(now() - timedelta(days=1)).not_valid_after(now() + timedelta(days=1))

    ca = certificate(issuer, root).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    own = certificate(subject, leaf).add_extension(names, critical=False)
    pem = serialization.Encoding.PEM
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "ca.pem").write_bytes(ca.sign(root, hashes.SHA256()).public_bytes(pem))
    (folder / "server.pem").write_bytes(
        own.sign(root, hashes.SHA256()).public_bytes(pem) + leaf.private_bytes(pem, form, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return folder / "ca.pem", context


def _message(client: socket.socket) -> bytes:
    """A message that begins with its length."""
    head = _exactly(client, 4)
    return head + _exactly(client, struct.unpack("!I", head)[0] - 4)


def _exactly(client: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = client.recv(size - len(got))
        if not more:
            raise ConnectionError("the client left")
        got += more
    return got


def _pairs(body: bytes) -> Iterator[tuple[str, str]]:
    words = body.decode().split("\0")
    yield from zip(words[::2], words[1::2], strict=False)


def _pass(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
