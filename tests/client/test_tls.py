"""Whom the HTTP transports trust: nobody where there is no TLS, and who signs a name elsewhere."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import protipp_stream as ps
from protipp_stream.client.endpoint import Endpoint, endpoint_of
from protipp_stream.client.transports.http import http_client
from protipp_stream.errors import NotAGateway
from protipp_stream.gateway import Gateway


def endpoint(url: str) -> Endpoint:
    return endpoint_of(url, "token", insecure=True)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What trust stores are loaded, one by one."""
    loaded: list[object] = []
    load = ssl.create_default_context

    def counting(*args: object, **options: object) -> ssl.SSLContext:
        loaded.append(options)
        return load(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ssl, "create_default_context", counting)
    return loaded


def signed_by_itself(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that nobody else has signed; return it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """A server whose certificate nobody vouches for, and which notes what it is asked."""
    certificate, private = signed_by_itself(tmp_path, "stranger")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None: ...

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    assert asked == []


@pytest.mark.parametrize("transport", ["sse", "polling"])
def test_where_there_is_no_tls_no_trust_store_is_loaded(
    gateway: Gateway, loads: list[object], transport: str
) -> None:
    with ps.connect(gateway, transport=transport) as odds:
        assert odds.status.status == "connected"
    assert loads == []


@pytest.mark.parametrize("transport", ["sse", "polling"])
def test_a_certificate_that_nobody_vouches_for_is_refused(stranger: str, transport: str) -> None:
    with pytest.raises(NotAGateway, match="TLS that we trust"):
        ps.connect(stranger, "token", transport=transport, timeout=5)


async def test_what_is_used_without_tls_would_trust_nobody(stranger: str) -> None:
    """Were a plain client ever led to TLS, by a redirect or a mistake, it would refuse."""
    async with http_client(endpoint("http://127.0.0.1:9"), httpx.Timeout(4.0)) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(stranger)


async def test_one_trust_store_is_loaded_for_all_until_the_environment_names_another(
    loads: list[object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def connect(url: str = "https://odds.example") -> None:
        async with http_client(endpoint(url), httpx.Timeout(4.0)):
            pass

    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    await connect()
    before = len(loads)
    for url in ("https://odds.example", "https://other.example", "https://127.0.0.1:9"):
        await connect(url)
    assert len(loads) == before
    certificate, _ = signed_by_itself(tmp_path, "house")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for _ in range(2):
        await connect()
    assert loads[before:] == [{"cafile": str(certificate)}]
