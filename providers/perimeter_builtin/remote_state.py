"""``perimeter_remote_state``: the root outputs of another state."""

from __future__ import annotations

from typing import Any

from perimeter.sdk import (
    DYNAMIC,
    STRING,
    Attribute,
    Attributes,
    DataRequest,
    DataSource,
    Permissions,
    Schema,
    StateOutput,
)


class RemoteState(DataSource):
    """Behaves as Terraform's ``terraform_remote_state``: https://developer.hashicorp.com/terraform/language/state/remote-state-data."""

    name = "perimeter_remote_state"
    permissions = Permissions()
    reads_states = True
    schema = Schema(
        doc="Reads the root outputs of another state, through its own backend.",
        attributes={
            "backend": Attribute(
                type=STRING, doc="The kind of backend, such as `local` or `s3`.", required=True
            ),
            "config": Attribute(
                type=DYNAMIC, doc="Its arguments, as in a `backend` block.", optional=True
            ),
            "workspace": Attribute(
                type=STRING, doc="Whose state it is; `default` when omitted.", optional=True
            ),
            "defaults": Attribute(
                type=DYNAMIC, doc="Values for outputs that the state does not have.", optional=True
            ),
            "outputs": Attribute(
                type=DYNAMIC,
                doc="The outputs, as an object; sensitive ones stay sensitive.",
                computed=True,
            ),
        },
    )

    def read(self, reader: Any, request: DataRequest) -> Attributes:
        """Read the state through ``reader``, a ``StateReader``."""
        config = request.config
        found = reader.outputs(
            backend=config["backend"],
            config=config.get("config") or {},
            workspace=config.get("workspace") or "default",
        )
        defaults = {
            name: StateOutput(value=value) for name, value in (config.get("defaults") or {}).items()
        }
        return {**config, "outputs": {**defaults, **found}}
