"""Terraform states of version 4, made small."""

import json


def resource(kind, name, *instances, module="", mode="managed"):
    """A resource with instances, each (key, attributes) or (key, attributes, sensitive paths)."""
    made = {
        "mode": mode,
        "type": kind,
        "name": name,
        "provider": 'provider["registry.terraform.io/x/x"]',
        "instances": [],
    }
    for key, attributes, *sensitive in instances:
        instance = {"schema_version": 0, "attributes": attributes}
        if key is not None:
            instance["index_key"] = key
        instance["sensitive_attributes"] = sensitive[0] if sensitive else []
        made["instances"].append(instance)
    return {"module": module, **made} if module else made


def state(*resources, outputs=None, version=4):
    """A whole state as text."""
    return json.dumps(
        {
            "version": version,
            "terraform_version": "1.11.4",
            "serial": 9,
            "lineage": "3f2c8d3e-0000-4000-8000-000000000001",
            "outputs": outputs or {},
            "resources": list(resources),
        },
        indent=2,
    )
