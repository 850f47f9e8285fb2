"""A collector whose certificate is of an authority of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tidemark
from collector import KEY, Collector, until
from tidemark import Flushed

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make certificates")

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def make_authority(directory: Path, name: str) -> Path:
    """Of the certificate; its key is beside it."""
    path = directory / f"{name}.crt"
    openssl("req", "-x509", *NEW_KEY, "-subj", f"/CN={name}", "-keyout", path.with_suffix(".key"), "-out", path)
    return path


def certify(authority: Path, cert: Path, key: Path) -> None:
    """A new certificate of 127.0.0.1 and its key, by that authority."""
    request, extensions = cert.with_suffix(".csr"), cert.with_suffix(".ext")
    extensions.write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("req", "-new", *NEW_KEY, "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", request)
    signer = ["-CA", authority, "-CAkey", authority.with_suffix(".key"), "-CAcreateserial", "-extfile", extensions]
    openssl("x509", "-req", "-in", request, *signer, "-out", cert)


@pytest.mark.parametrize("transport", ["stream", "post"])
def test_a_certificate_is_shown_to_a_collector_that_asks_for_one(agent: str, transport: Any, tmp_path: Path) -> None:
    servers, clients = make_authority(tmp_path, "servers"), make_authority(tmp_path, "clients")
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certify(servers, cert, key)
    own_cert, own_key = tmp_path / "agent.crt", tmp_path / "agent.key"
    environment = {"TIDEMARK_TLS_CERT_FILE": str(cert), "TIDEMARK_TLS_KEY_FILE": str(key)}
    collector = Collector({**environment, "TIDEMARK_TLS_CLIENT_CA_FILE": str(clients)})
    told: list[str] = []
    refused: list[str] = []
    options: Any = {"url": collector.url, "key": KEY, "agent": agent, "transport": transport, "heartbeat_ms": 0}
    options["tls_ca_file"] = str(servers)
    try:
        collector.start()
        shown = {"tls_cert_file": str(own_cert), "tls_key_file": str(own_key)}
        tm = tidemark.Client(**options, **shown, on_problem=told.append)
        tm.log("info", "x")
        # The files are not there yet: an outage as any other.
        until(lambda: told)
        assert "No such file" in told[0]
        assert tm.flush(0.2) == Flushed(acked=0, pending=1, rejected=0, dropped=0)
        certify(clients, own_cert, own_key)
        until(lambda: tm.flush(1).acked == 1, 60)
        assert collector.count(agent, 1) == (1, 1)
        tm.close()
        without = tidemark.Client(**options, on_problem=refused.append)
        without.log("info", "x")
        until(lambda: refused)
        assert "403" in refused[0] or "certificate" in refused[0]
        assert without.flush(0.2) == Flushed(acked=0, pending=1, rejected=0, dropped=0)
        without.close(0)
    finally:
        collector.stop()


def test_a_certificate_without_its_key_is_told_and_none_is_shown() -> None:
    told: list[str] = []
    tm = tidemark.Client(url="https://127.0.0.1:9", tls_cert_file="/certificate", on_problem=told.append)
    assert "tls_cert_file and tls_key_file need each other; no certificate is shown" in " ".join(told)
    assert tm.options.tls_cert_file is None
    tm.close(0)


def test_a_key_with_a_password_is_an_outage_and_asks_no_terminal(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, "clients")
    key = tmp_path / "locked.key"
    openssl("ec", "-in", authority.with_suffix(".key"), "-aes256", "-passout", "pass:secret", "-out", key)
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        tm = tidemark.Client(
            url=url, tls_cert_file=str(authority), tls_key_file=str(key), heartbeat_ms=0, on_problem=told.append
        )
        tm.log("info", "x")
        until(lambda: told)
        tm.close(0)
    assert "cannot reach the collector" in told[0]


@pytest.mark.parametrize("transport", ["stream", "post"])
def test_an_unknown_authority_is_told_once_and_loses_nothing(
    agent: str, transport: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown = make_authority(tmp_path, "known"), make_authority(tmp_path, "unknown")
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certify(unknown, cert, key)
    collector = Collector(
        {"TIDEMARK_TLS_CERT_FILE": str(cert), "TIDEMARK_TLS_KEY_FILE": str(key), "TIDEMARK_TLS_RELOAD_MS": "100"}
    )
    problems: list[str] = []
    try:
        collector.start()
        monkeypatch.setenv("SSL_CERT_FILE", str(known))
        tm = tidemark.Client(
            url=collector.url, key=KEY, agent=agent, transport=transport, heartbeat_ms=0, on_problem=problems.append
        )
        for number in range(700):
            tm.log("info", f"line {number}")
        until(lambda: problems)
        # Each hurries to another try.
        for _ in range(3):
            assert tm.flush(0.2) == Flushed(acked=0, pending=700, rejected=0, dropped=0)
        assert len(problems) == 1
        assert "certificate verify failed: unable to get local issuer certificate" in problems[0]
        certify(known, cert, key)
        until(lambda: tm.flush(1).acked == 700, 60)
        assert tm.flush(1) == Flushed(acked=700, pending=0, rejected=0, dropped=0)
        assert collector.count(agent, 700) == (700, 700)
        tm.close()
        assert len(problems) == 1
    finally:
        collector.stop()
