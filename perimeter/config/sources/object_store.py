"""Archives in Amazon S3 and Google Cloud Storage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from perimeter.config.sources import download
from perimeter.config.sources.address import Archive, SourceError
from perimeter.config.sources.limits import LIMITS, Limits, too_large

_S3_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d+))?\.amazonaws\.com(?:\.cn)?"
)
_GCS_PATH = re.compile(r"/storage/v1/(?P<bucket>[^/]+)/(?P<name>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Object:
    """An object of S3; ``region`` is empty where the address names none."""

    bucket: str
    key: str
    region: str = ""


def s3_object(url: str) -> S3Object:
    """The object of a path-style or virtual-hosted-style URL.

    Raises:
        SourceError: it names none.
    """
    parts = urlsplit(url)
    match = _S3_HOST.fullmatch(parts.hostname or "")
    path = unquote(parts.path).lstrip("/")
    if match is not None:
        region = match["region"] or ""
        if match["bucket"] and path:
            return S3Object(bucket=match["bucket"], key=path, region=region)
        bucket, _, key = path.partition("/")
        if bucket and key:
            return S3Object(bucket=bucket, key=key, region=region)
    raise SourceError(
        "Invalid module source address",
        f'"{url}" names no object of S3. Write s3::https://s3-REGION.amazonaws.com/BUCKET/KEY.',
    )


def save_s3(
    address: Archive, path: Path, environment: Mapping[str, str], limits: Limits = LIMITS
) -> None:
    """Write an object to a file: with the credentials that boto3 finds, else as a public one.

    Raises:
        SourceError: it cannot be read.
        OSError: the file cannot be written.
    """
    found = s3_object(address.url)
    client = _client(found, environment)
    if client is None:
        answer = download.save(address.url, path, checksum=address.checksum, limits=limits)
        if answer.status != 200:
            more = (
                " If it is not public, install boto3 (pip install 'perimeter-as-code[aws]') and "
                "supply AWS credentials."
            )
            raise _failed(address.url, f"status {answer.status}.{more}")
        return
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = client.get_object(Bucket=found.bucket, Key=found.key)
        if answer["ContentLength"] > limits.download:
            raise too_large(f"is over {limits.download} bytes to download")
        with path.open("xb") as out, closing(answer["Body"]) as body:
            for chunk in body.iter_chunks(1024 * 1024):
                out.write(chunk)
    except (BotoCoreError, ClientError) as problem:
        raise _failed(address.url, f"{problem}.") from None
    download.check(path, address.checksum, address.url)


def _failed(url: str, reason: str) -> SourceError:
    return SourceError("Failed to download module", f"{url} could not be fetched: {reason}")


def _client(found: S3Object, environment: Mapping[str, str]):  # type: ignore[no-untyped-def]  # boto3 is an extra
    try:
        import boto3
    except ImportError:
        return None
    session = boto3.Session(region_name=found.region or environment.get("AWS_REGION") or None)
    if session.get_credentials() is None:
        return None
    return session.client("s3", region_name=session.region_name or "us-east-1")


def save_gcs(
    address: Archive, path: Path, environment: Mapping[str, str], limits: Limits = LIMITS
) -> None:
    """Write an object to a file, with the token of GOOGLE_OAUTH_ACCESS_TOKEN where there is one.

    Raises:
        SourceError: it cannot be read.
        OSError: the file cannot be written.
    """
    url = gcs_url(address.url)
    token = environment.get("GOOGLE_OAUTH_ACCESS_TOKEN")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = download.save(url, path, headers, checksum=address.checksum, limits=limits)
    if answer.status != 200:
        more = "" if token else " If it is not public, set GOOGLE_OAUTH_ACCESS_TOKEN."
        raise _failed(address.url, f"status {answer.status}.{more}")


def gcs_url(url: str) -> str:
    """Where the object of ``https://www.googleapis.com/storage/v1/BUCKET/NAME`` is read.

    Raises:
        SourceError: it names none.
    """
    parts = urlsplit(url)
    match = _GCS_PATH.fullmatch(parts.path)
    if parts.hostname != "www.googleapis.com" or match is None:
        raise SourceError(
            "Invalid module source address",
            f'"{url}" names no object of Google Cloud Storage. Write '
            "gcs::https://www.googleapis.com/storage/v1/BUCKET/NAME.",
        )
    name = quote(unquote(match["name"]), safe="/")
    return f"https://storage.googleapis.com/{match['bucket']}/{name}"
