"""Credentials and sinks of GitHub, used as the engine uses them."""

from perimeter.sdk import DeliverRequest, IssueRequest


def issued(acting, previous="", **attributes):
    request = IssueRequest(
        tenant=acting.tenant, attributes=attributes, token="rotation-1", previous=previous
    )
    return acting.kind.credential.issue(acting.client, request)


def delivered(acting, identifier, payload):
    request = DeliverRequest(
        tenant=acting.tenant,
        id=identifier,
        attributes=acting.read(identifier).attributes,
        payload=payload,
        token="rotation-1",
        credential="api/SHA256:x",
    )
    return acting.kind.sink.deliver(acting.client, request)
