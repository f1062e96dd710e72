"""Objects that lie in one region."""

from __future__ import annotations

from perimeter.sdk import Invalid
from perimeter_aws.client import AwsReader


def region_of(arn: str) -> str:
    """The region of an ARN; empty for what is global or no ARN."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 and parts[0] == "arn" else ""


def check_region(reader: AwsReader, arn: str) -> None:
    """Make sure that an object lies where the client looks: elsewhere, not to find it would not mean that it is gone.

    Raises:
        Invalid: it lies in another region.
    """
    region = region_of(arn)
    if region and region != reader.region:
        raise Invalid(
            f"{arn} lies in {region}, and the provider block speaks to {reader.region}. Give the resource a provider block "
            f'with region = "{region}".'
        )
