"""The workbench of one planning pass: its inputs, and what accumulates while it goes through the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from perimeter.addresses import Address, InstanceKey, ModulePath, key_text
from perimeter.config.model import Config, Import, ProviderRef
from perimeter.diagnostics import Diagnostics
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.model import Change, CheckResult, Invocation, NotVisible, Options
from perimeter.engine.needs import HydrateNeed, ListNeed, Need, TenantNeed
from perimeter.engine.scope import Each
from perimeter.engine.selection import Selection
from perimeter.engine.snapshot import Snapshot
from perimeter.engine.wording import Wording
from perimeter.lang.values import Reason, Unseen
from perimeter.sdk.contract import Attributes, Listing, Observed, Tenant
from perimeter.sdk.provider import Provider, ResourceType
from perimeter.state.digests import SecretDigests
from perimeter.state.model import Intent, State

Block = tuple[tuple[str, ...], str, str]
"""A resource block: the path of its module, its type and its name."""


class Pending:
    """Stands for an answer that is not there yet."""

    __slots__ = ()


PENDING: Final = Pending()

_UNASKED = Unseen(
    reason=Reason.NOT_REQUESTED, detail="Neither the list nor a single read shows it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportId:
    """What an instance takes over: the vendor's id, or attributes that identify it; None once it is reported as unsuitable."""

    block: Import
    id: str | Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderInstance:
    """A provider and its configuration.

    Attributes:
        key: printed: ``github``, ``github.eu``, ``github.by_org["acme"]``, ``module.m.okta``.
        name: the provider's entry-point name.
        config: decoded by the provider's schema; holds secrets. None while it is not wholly known.
    """

    key: str
    name: str
    provider: Provider
    config: Attributes | None = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Work:
    """Everything a pass needs at hand."""

    config: Config
    evaluation: Evaluation
    snapshot: Snapshot
    state: State
    pending: Mapping[str, Intent]
    digests: SecretDigests | None = field(default=None, repr=False)
    origins: Mapping[str, Address] = field(default_factory=dict)
    providers: Mapping[str, Provider]
    now: str
    options: Options
    selection: Selection = field(default_factory=lambda: Selection(options=Options()))
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    needs: dict[Need, None] = field(default_factory=dict)
    instances: dict[str, ProviderInstance] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    drift: list[Change] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    not_visible: dict[tuple[str, str], NotVisible] = field(default_factory=dict)
    imports: dict[str, ImportId] = field(default_factory=dict)
    actions: dict[tuple[ModulePath, str, str], Any] = field(default_factory=dict)
    expressions: dict[str, Mapping[str, str]] = field(default_factory=dict)
    invocations: list[Invocation] = field(default_factory=list)
    ephemeral: dict[tuple[ModulePath, str, str], dict[InstanceKey, str]] = field(
        default_factory=dict
    )
    declared_ids: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    undecided_keys: set[tuple[str, str]] = field(default_factory=set)
    word_all: bool = False
    _wording: Wording | None = None
    _by_id: dict[ListNeed, dict[str, Observed]] = field(default_factory=dict)
    _siblings: dict[ListNeed, tuple[Attributes, ...]] = field(default_factory=dict)

    @property
    def wording(self) -> Wording:
        """Words what is not known yet; with ``word_all`` what is known, too, as an earlier plan may not have known it."""
        if self._wording is None:
            self._wording = Wording(self.evaluation)
        return self._wording

    def see(self, need: Need) -> Any:
        """The answer to a need, or ``PENDING`` after noting the need."""
        if self.snapshot.answered(need):
            return self.snapshot.answer(need)
        self.needs[need] = None
        return PENDING

    def tenant(self, instance: ProviderInstance) -> Tenant | Unseen | Pending:
        """Which tenant a provider instance speaks to."""
        answer: Tenant | Unseen | Pending = self.see(
            TenantNeed(instance.key, instance.name, instance.config or {})
        )
        return answer

    def listing(
        self, instance: ProviderInstance, kind: ResourceType, parent: str | None
    ) -> Listing | Unseen | Pending:
        """A collection as the tenant shows it."""
        answer: Listing | Unseen | Pending = self.see(ListNeed(instance.key, kind.name, parent))
        return answer

    def by_id(
        self, instance: ProviderInstance, kind: ResourceType, parent: str | None, listing: Listing
    ) -> dict[str, Observed]:
        """The objects of a listing by vendor id."""
        need = ListNeed(instance.key, kind.name, parent)
        if need not in self._by_id:
            self._by_id[need] = {item.id: item for item in listing.objects}
        return self._by_id[need]

    def siblings(
        self, instance: ProviderInstance, kind: ResourceType, parent: str | None
    ) -> tuple[Attributes, ...]:
        """The attributes of all objects of a collection, as far as seen."""
        need = ListNeed(instance.key, kind.name, parent)
        if need not in self._siblings:
            answer = self.snapshot.answers.get(need)
            found = (
                tuple(item.attributes for item in answer.objects)
                if isinstance(answer, Listing)
                else ()
            )
            self._siblings[need] = found
        return self._siblings[need]

    def whole(
        self, instance: ProviderInstance, kind: ResourceType, observed: Observed, parent: str | None
    ) -> Attributes | Pending | None:
        """All attributes of an object, those included that the list does not carry; None when it went away meanwhile."""
        known = dict(observed.attributes)
        names = [*kind.schema.attributes, *kind.schema.blocks]
        if kind.listed is not None and any(
            name not in known and name not in kind.listed for name in self._readable(kind)
        ):
            answer = self.see(HydrateNeed(instance.key, kind.name, observed.id, parent))
            if isinstance(answer, Pending):
                return answer
            if answer is None:
                return None
            if isinstance(answer, Unseen):
                known.update(
                    {
                        name: answer
                        for name in self._readable(kind)
                        if name not in kind.listed and name not in known
                    }
                )
            else:
                known.update(answer)
            return {
                name: known.get(name, None if name in kind.listed else _UNASKED) for name in names
            }
        return {name: known.get(name) for name in names}

    @staticmethod
    def _readable(kind: ResourceType) -> tuple[str, ...]:
        from perimeter.sdk.schema import Mode

        hidden = {
            name
            for name, attribute in kind.schema.attributes.items()
            if attribute.is_secret or attribute.mode in (Mode.LOCAL, Mode.WRITE_ONLY)
        }
        return tuple(
            name for name in (*kind.schema.attributes, *kind.schema.blocks) if name not in hidden
        )

    def hide(self, provider: str, subject: str, unseen: Unseen, blocks: str = "") -> None:
        """Note something that the tenant did not show, and which instance hangs on it."""
        known = self.not_visible.get((provider, subject))
        names = (known.blocks if known else ()) + ((blocks,) if blocks else ())
        self.not_visible[provider, subject] = NotVisible(
            provider=provider, subject=subject, unseen=unseen, blocks=tuple(dict.fromkeys(names))
        )

    def claim(
        self, instance: ProviderInstance, kind: ResourceType, identifier: str, address: Address
    ) -> None:
        """Note where an object is declared (or remembered), so that it is not undeclared."""
        known = self.declared_ids.setdefault((instance.key, kind.name), {})
        known.setdefault(identifier, str(address))

    def provider_of(
        self, module: ModulePath, ref: ProviderRef, each: Each | None = None
    ) -> ProviderInstance | None:
        """The provider instance that a block in a module uses: its own, a passed one, or the caller's of the same name.

        ``each``: of the block's instance, for a reference such as ``github.by_org[each.key]``.
        """
        key = ref.key
        suffix = self._instance_key(module, ref, each)
        while True:
            path = module.names
            declared = self.config.modules[path]
            name = key.partition(".")[0]
            found = self.instances.get(printed_provider(path, key) + suffix)
            if found is not None:
                return found
            if not path:
                break
            caller = ModulePath(module.steps[:-1])
            call = self.config.modules[caller.names].calls[path[-1]]
            passed = call.providers.get(key)
            required = declared.required_providers.get(name)
            if passed is not None:
                key = passed.key
                if passed.instance is not None:
                    one = self.evaluation.each_of(caller, call, module.steps[-1][1])
                    suffix = self._instance_key(caller, passed, one)
            elif required is not None and required.entry_point != name:
                key = required.entry_point
            module = caller
        return self._implicit(key + suffix)

    def _instance_key(self, module: ModulePath, ref: ProviderRef, each: Each | None) -> str:
        if ref.instance is None:
            return ""
        problems = Diagnostics()
        value = self.evaluation.value(ref.instance, module, problems, each)
        self.diagnostics.extend(problems)
        if isinstance(value.raw, str) and not value.deep_marks():
            return key_text(value.raw)
        if not problems.has_errors:
            self.diagnostics.error(
                "Invalid provider instance key",
                "The key of a provider instance must be a string that is known while planning and not sensitive.",
                ref.instance.range,
            )
        return key_text("")

    def _implicit(self, key: str) -> ProviderInstance | None:
        if "." in key or "[" in key:
            return None
        required = self.config.root.required_providers.get(key)
        name = required.entry_point if required is not None else key
        provider = self.providers.get(name)
        if provider is None:
            return None
        made = ProviderInstance(key=key, name=name, provider=provider, config={})
        self.instances[key] = made
        return made


def printed_provider(path: tuple[str, ...], key: str) -> str:
    """How a provider instance of a module is named: ``github``, ``module.m.okta.eu``."""
    return ".".join([*(f"module.{name}" for name in path), key])
