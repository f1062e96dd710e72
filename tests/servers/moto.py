"""S3, by moto's server."""

from contextlib import contextmanager
from urllib.request import ProxyHandler, Request, build_opener

from perimeter.testing.moto import MotoServer

BUCKET = "perimeter-states"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAPERIMETERSTATES1",
    "AWS_SECRET_ACCESS_KEY": "only-for-the-states-of-tests",
    "AWS_REGION": "us-east-1",
}
_open = build_opener(ProxyHandler({})).open


@contextmanager
def s3():
    """A server with one bucket, which keeps versions; its URL."""
    with MotoServer() as server:
        request(f"{server.url}/{BUCKET}", "PUT")
        body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        request(f"{server.url}/{BUCKET}?versioning", "PUT", body)
        yield server.url


def request(url, method, body=b"", headers=None):
    """One request as the bucket's administrator."""
    signature = (
        "AWS4-HMAC-SHA256 Credential=AKIAPERIMETERSTATES1/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )
    sent = Request(
        url,
        body or None,
        {"Authorization": signature, "Content-Type": "application/xml", **(headers or {})},
        method=method,
    )
    with _open(sent, timeout=20) as answer:
        return answer.read()
