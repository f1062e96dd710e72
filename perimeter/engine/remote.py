"""Other states' outputs: read through their own backends, and as expressions see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from perimeter.diagnostics import did_you_mean
from perimeter.lang.plain import from_plain
from perimeter.lang.typenames import type_from_json
from perimeter.lang.types import DYNAMIC
from perimeter.lang.values import SENSITIVE, Unseen, Value, object_of, unknown
from perimeter.sdk.contract import Attributes, StateOutput
from perimeter.sdk.errors import Invalid, NotFound, ProviderError
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.schema import Schema
from perimeter.state.backend import Backend
from perimeter.state.codec import PLAIN, Codec
from perimeter.state.errors import StateError
from perimeter.state.replay import replay


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStates:
    """Opens other states; see ``perimeter.sdk.provider.StateReader``.

    Attributes:
        codec: gives the codec of this run's own state: the keys that may also open others.
        environment: where backends find credentials.
    """

    codec: Callable[[], Codec] = lambda: PLAIN
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def outputs(
        self, *, backend: str, config: Attributes, workspace: str
    ) -> Mapping[str, StateOutput]:
        """The root outputs of another state.

        Raises:
            NotFound: there is no state.
            ProviderError: the backend cannot be opened or read.
        """
        try:
            held = self._opened(backend, config, workspace).load()
            if not held.etag and not held.records:
                raise NotFound(
                    "No stored state was found for the given workspace in the given backend."
                )
            state = replay(held.state, held.records).state
        except StateError as problem:
            found = problem.diagnostic
            raise ProviderError(f"{found.summary}: {found.detail}") from None
        for output in state.outputs.values():
            if output.sensitive:
                SECRETS.add_all(output.value)
        return {
            name: StateOutput(value=output.value, type=output.type, sensitive=output.sensitive)
            for name, output in state.outputs.items()
        }

    def _opened(self, backend: str, config: Attributes, workspace: str) -> Backend:
        from perimeter.state.places import KINDS, chosen

        kind = KINDS.get(backend)
        if kind is None:
            known = ", ".join(sorted(KINDS))
            raise Invalid(
                f'There is no backend type named "{backend}".{did_you_mean(backend, KINDS)} There are: {known}.'
            )
        for name in config:
            if name not in kind.settings:
                raise Invalid(
                    f'The {backend} backend takes no argument "{name}".{did_you_mean(name, kind.settings)}'
                )
        own = self.codec()
        codec = Codec(workspace=workspace, keys=own.keys)
        settings = chosen(kind.settings, config, self.environment)
        return kind.open(settings, workspace, codec, self.environment)


def read_value(schema: Schema, answer: Attributes) -> Value:
    """What a data source says, as expressions see it; another state's sensitive outputs stay sensitive."""
    return object_of(
        {name: _part(answer.get(name), kind) for name, kind in schema.type.attributes.items()}
    )


def _part(part: Any, kind: Any) -> Value:
    if isinstance(part, Mapping) and any(isinstance(item, StateOutput) for item in part.values()):
        return object_of({name: _output(item) for name, item in part.items()})
    return from_plain(part, kind)


def _output(item: Any) -> Value:
    if isinstance(item, Unseen):
        return unknown(DYNAMIC, item)
    if not isinstance(item, StateOutput):
        return from_plain(item, DYNAMIC)
    value = from_plain(item.value, type_from_json(item.type))
    return value.with_marks([SENSITIVE]) if item.sensitive else value
