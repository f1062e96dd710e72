"""The commands by name, and the usage texts that need no command to be loaded."""

from __future__ import annotations

MAIN = {
    "init": "Download modules, check providers, prepare the directory",
    "validate": "Check whether the configuration is valid",
    "plan": "Show the changes that the configuration asks for",
    "apply": "Make the changes",
    "destroy": "Remove everything that perimeter manages here",
}

OTHER = {
    "console": "Try expressions at an interactive prompt",
    "fmt": "Bring configuration files into canonical style",
    "force-unlock": "Release a stuck lock on the state",
    "get": "Download the modules that the configuration calls",
    "graph": "Print the configuration's dependencies as a graph",
    "metadata": "Describe the language to programs",
    "migrate": "Translate another tool's configuration",
    "modules": "Show the modules that the configuration calls",
    "observe": "Read the tenants into a snapshot to plan on",
    "output": "Show the outputs",
    "providers": "Show the providers that the configuration requires",
    "query": "List the tenants' objects, and write configuration for them",
    "sandbox": "Run emulated tenants on this machine",
    "show": "Show the state or a saved plan",
    "state": "Inspect and repair the state",
    "test": "Run the configuration's own tests",
    "taint": "Mark a resource instance to be replaced",
    "untaint": "Take back the mark of a resource instance",
    "version": "Show the version",
}

SUB = {
    "metadata functions": "Show the language's functions as JSON",
    "migrate terraform": "Translate Terraform's configuration and state",
    "providers schema": "Show the providers' schemas as JSON",
    "sandbox down": "Stop the running sandbox",
    "sandbox drift": "Change the tenants behind perimeter's back",
    "sandbox seed": "Show or replace what the tenants hold",
    "sandbox up": "Start emulated tenants",
    "state list": "List the resource instances in the state",
    "state mv": "Remember resource instances under another address",
    "state pull": "Print the state as it is stored",
    "state rm": "Forget resource instances; their objects stay",
    "state show": "Show one resource instance",
}

GROUPS = frozenset({"metadata", "migrate", "providers", "sandbox", "state"})
"""Names that have commands below them."""

COMMANDS = frozenset({*MAIN, *OTHER, *SUB} - {"metadata", "migrate", "sandbox", "state"})
"""Names that can be run."""


def usage(group: str = "") -> str:
    """What a bare ``perimeter``, or a bare group, prints."""
    if group:
        members = {
            name.partition(" ")[2]: text
            for name, text in SUB.items()
            if name.startswith(f"{group} ")
        }
        return (
            f"Usage: perimeter [global options] {group} <subcommand> [options] [args]\n\n"
            f"  {OTHER[group]}.\n\nSubcommands:\n{_listed(members)}\n"
        )
    return (
        "Usage: perimeter [global options] <subcommand> [args]\n\n"
        "The available commands are listed below. The primary workflow commands come\nfirst.\n\n"
        f"Main commands:\n{_listed(MAIN)}\n\nAll other commands:\n{_listed(OTHER)}\n\n"
        "Global options (before the subcommand, if any):\n"
        "  -chdir=DIR    Switch to a different working directory first.\n"
        "  -help         Show this help, or the help of a subcommand.\n"
        "  -no-color     Write no colours; so does the environment variable NO_COLOR.\n"
        "  -version      An alias for the version subcommand.\n"
    )


def _listed(members: dict[str, str]) -> str:
    return "\n".join(f"  {name:<13} {text}" for name, text in members.items())
