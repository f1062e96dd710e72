"""Filling AWS's stand-in: a seed is a list of API calls, as somebody at a console would have made them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.sandbox.seeds import SeedError


def make_calls(calls: Any, environment: Mapping[str, str]) -> None:
    """Make the calls in order.

    Args:
        calls: ``[{"service": "iam", "call": "create_user", "with": {"UserName": "x"}}, …]``; the names are boto3's.
        environment: by which AWS is found; see ``MotoServer.environment``.

    Raises:
        SeedError: a call is not well formed, or AWS refuses it.
    """
    if not isinstance(calls, list):
        raise SeedError("Invalid seed", 'The seed\'s "aws" must be a list of API calls.')
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
    except ModuleNotFoundError:
        raise SeedError(
            "Missing packages",
            'Filling AWS\'s stand-in needs boto3. Run: pip install "perimeter-as-code[aws,sandbox]"',
        ) from None
    connect: Any = boto3.client  # its stubs know each service by name only
    clients: dict[str, Any] = {}
    try:
        for number, item in enumerate(calls):
            service, call, arguments = _parts(number, item)
            if service not in clients:
                clients[service] = connect(
                    service,
                    endpoint_url=environment["AWS_ENDPOINT_URL"],
                    region_name=environment["AWS_DEFAULT_REGION"],
                    aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
                )
            method = getattr(clients[service], call, None)
            if method is None:
                raise SeedError("Invalid seed", f'{service} has no call "{call}".')
            method(**arguments)
    except (ClientError, ParamValidationError, BotoCoreError) as problem:
        raise SeedError("AWS's stand-in refuses the seed", f"{problem}") from None
    finally:
        for client in clients.values():
            client.close()


def _parts(number: int, item: Any) -> tuple[str, str, dict[str, Any]]:
    if isinstance(item, Mapping) and isinstance(item.get("with", {}), Mapping):
        service, call = item.get("service"), item.get("call")
        public = isinstance(call, str) and not call.startswith("_")
        if isinstance(service, str) and isinstance(call, str) and public:
            return service, call, dict(item.get("with", {}))
    raise SeedError(
        "Invalid seed",
        f'Entry {number} of "aws" is not of the form {{"service": "iam", "call": "create_user", "with": {{…}}}}.',
    )
