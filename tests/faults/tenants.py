"""Two emulated tenants, what is declared in them, and whether they hold just that: by content and by call log."""

import copy
import itertools
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field

from perimeter.sandbox.server import Sandbox
from perimeter_github.sandbox.vendor import GitHub
from perimeter_okta.sandbox.vendor import Okta
from tests.providers.github.world import OWNER, public_key
from tests.providers.github.world import seed as github_seed
from tests.providers.okta.seed import TOKEN
from tests.providers.okta.seed import seed as okta_seed
from tests.servers.processes import free_port

RENEWED = "ghp_renewed0000000000000000000000000000"
CONFIG = """
provider "github" {{
  organization   = "acme"
  base_url       = "{github}"
  capacity_share = 1
}}

provider "okta" {{
  org_url        = "{okta}"
  capacity_share = 1
}}

resource "github_organization_webhook" "h" {{
  for_each = {hooks}
  url      = each.value.url
  events   = each.value.events
}}

resource "github_deploy_key" "k" {{
  for_each   = {keys}
  repository = each.value.repository
  title      = each.value.title
  key        = each.value.key
  read_only  = true
}}

resource "okta_group" "g" {{
  for_each    = {groups}
  name        = each.value.name
  description = each.value.description
}}

resource "perimeter_data" "d" {{
  for_each = {groups}
  input    = okta_group.g[each.key].id
}}

output "hooks" {{
  value = {{ for key, hook in github_organization_webhook.h : key => hook.id }}
}}
"""


@dataclass(frozen=True)
class Wish:
    """What is declared: by key of ``for_each``, each type's attributes."""

    hooks: dict = field(default_factory=dict)
    keys: dict = field(default_factory=dict)
    groups: dict = field(default_factory=dict)

    def instances(self):
        """(type, key) of each declared object, with what it is."""
        for kind in ("hooks", "keys", "groups"):
            for key, item in getattr(self, kind).items():
                yield (kind, key), item


def changed(wish, chance, number):
    """Another wish: some objects new, some gone, some changed, some replaced."""
    hooks, keys, groups = (copy.deepcopy(item) for item in (wish.hooks, wish.keys, wish.groups))
    # Not so many that the guard against mass removals refuses the plan.
    for held, most, enough in ((hooks, 3, 12), (keys, 1, 4), (groups, 1, 4)):
        many = most if len(held) > enough else chance.randint(0, most - 1)
        for key in chance.sample(sorted(held), min(many, max(0, len(held) - 1))):
            del held[key]
    for item in hooks.values():
        if chance.random() < 0.3:
            item["events"] = sorted(chance.sample(["push", "repository", "member", "team"], 2))
    if keys and chance.random() < 0.4:  # GitHub changes no key: it is removed and made anew
        chance.choice(sorted(keys.items()))[1]["title"] = f"changed in {number}"
    for item in groups.values():
        if chance.random() < 0.3:
            item["description"] = f"changed in {number}"
    # Two of the webhooks are alike, and GitHub names neither.
    for place in range(3):
        url = f"https://siem.example/{number}-{place % 2}"
        hooks[f"h{number}{place}"] = {"url": url, "events": ["push"]}
    keys[f"k{number}"] = {
        "repository": chance.choice(["api", "billing"]),
        "title": f"made in {number}",
        "key": public_key(1000 + number),
    }
    groups[f"g{number}"] = {"name": f"Group {number}", "description": ""}
    return Wish(hooks, keys, groups)


class Tenants:
    """The tenants, and the oracle over them.

    Attributes:
        token: the one that GitHub takes now.
    """

    def __init__(self):
        self.token = OWNER
        seed = github_seed()
        plenty = {"limit": 1_000_000, "window": 60}
        seed["limits"] = dict.fromkeys(("core", "graphql", "points", "content"), plenty)
        seed["tokens"].append({**seed["tokens"][0], "token": RENEWED})
        self.github = GitHub(seed, time.time)
        self.okta = Okta(okta_seed(), time.time)
        self.hooked = []
        self.sandbox = Sandbox(
            {"github": self.github, "okta": self.okta},
            port=free_port(),
            on_exchange=self._exchanged,
        )
        self.foreign = {kind: set(found) for kind, found in self.objects().items()}
        self._since = 0

    def __enter__(self):
        self.sandbox.start()
        return self

    def __exit__(self, *_):
        self.sandbox.stop()
        assert not self.sandbox.problems, self.sandbox.problems[0]

    @property
    def environment(self):
        return {"GITHUB_TOKEN": self.token, "OKTA_API_TOKEN": TOKEN}

    @property
    def organization(self):
        """GitHub's content, to change behind everybody's back."""
        return self.github._content.data["organizations"][0]

    def config(self, wish):
        return CONFIG.format(
            github=self.sandbox.url("github"),
            okta=self.sandbox.url("okta"),
            **{kind: json.dumps(getattr(wish, kind)) for kind in ("hooks", "keys", "groups")},
        )

    def objects(self):
        """By kind and id, what the tenants hold: in the words of a wish."""
        organization = self.organization
        return {
            "hooks": {
                str(item["id"]): {"url": item["url"], "events": sorted(item["events"])}
                for item in organization["hooks"]
            },
            "keys": {
                str(key["id"]): {
                    "repository": repository["name"],
                    "title": key["title"],
                    "key": key["key"],
                }
                for repository in organization["repositories"]
                for key in repository["keys"]
            },
            "groups": {
                item["id"]: {
                    "name": item["profile"]["name"],
                    "description": item["profile"].get("description") or "",
                }
                for item in self.okta.dump()["groups"]
                if item.get("type", "OKTA_GROUP") == "OKTA_GROUP"
            },
        }

    def new_round(self):
        """From here on calls are counted; allowances are full again, as minutes later."""
        self.okta._buckets.clear()
        self.hooked.clear()
        self.sandbox.faults.clear()
        entries = self.sandbox.calls.entries
        self._since = entries[-1].seq if entries else 0

    @property
    def calls(self):
        """The round's calls."""
        return [call for call in self.sandbox.calls.entries if call.seq > self._since]

    def after_writes(self, number, act):
        """Do something when so many more writes were carried out, before the answer to the last of them leaves."""
        seen = itertools.count(1)

        def look(vendor, request, response):
            is_write = request.method != "GET" and _is_ours(request.path) and response.status < 300
            if is_write and next(seen) == number:
                act()

        self.hooked.append(look)

    @property
    def writes(self):
        """The round's writes that were carried out, heard of or not."""
        return [call for call in self.calls if call.committed]

    def check(self, before, wish, tally, *, repaired=()):
        """Each declared object is there once, nothing else; in the round each was made and removed once at most.

        ``repaired``: keys of objects that somebody else removed in the round, so that they were made once more.
        """
        held = self.objects()
        for kind, found in held.items():
            assert self.foreign[kind] <= found.keys(), f"{kind}: an object of others is gone"
            own = [item for key, item in found.items() if key not in self.foreign[kind]]
            missing = Counter(_sorted(getattr(wish, kind).values())) - Counter(_sorted(own))
            tally("objects lost", missing.total())
            assert _sorted(own) == _sorted(getattr(wish, kind).values()), kind
        old, new = dict(before.instances()), dict(wish.instances())
        made, gone = Counter(), Counter()
        for where, item in new.items():
            fresh = where not in old or where in repaired
            if fresh or (where[0] == "keys" and old[where] != item):
                made[where[0]] += 1
        for where, item in old.items():
            if where not in new or (where[0] == "keys" and new[where] != item):
                gone[where[0]] += 1
        counted = {"made": Counter(), "gone": Counter()}
        removed = Counter()
        for call in self.writes:
            kind, what = _kind(call)
            if what == "POST":
                counted["made"][kind] += 1
            elif what == "DELETE":
                counted["gone"][kind] += 1
                removed[call.path] += 1
        tally("objects made", counted["made"].total())
        tally("objects removed", counted["gone"].total())
        tally("objects made twice", (counted["made"] - made).total())
        assert counted["made"] == made, (counted["made"], made, self.writes)
        assert counted["gone"] == gone, (counted["gone"], gone, self.writes)
        assert all(times == 1 for times in removed.values()), removed

    def check_state(self, state, wish):
        """State knows each declared object, by the id and attributes that the tenant has, and no other."""
        held = self.objects()
        known = Counter()
        for address, instance in state.resources.items():
            kind = _TYPES.get(address.partition(".")[0])
            if kind is None:
                continue
            key = re.fullmatch(r'.*\["(.*)"\]', address)[1]
            (item,) = instance.objects
            assert not item.unconfirmed, address
            tenant_id = _tenant_id(kind, item)
            assert tenant_id in held[kind], (address, tenant_id)
            assert held[kind][tenant_id] == getattr(wish, kind)[key], address
            known[kind] += 1
        assert all(known[kind] == len(getattr(wish, kind)) for kind in _TYPES.values()), known
        assert len(state.outputs["hooks"].value) == len(wish.hooks)

    def _exchanged(self, vendor, request, response):
        for hook in list(self.hooked):
            hook(vendor, request, response)


_TYPES = {
    "github_organization_webhook": "hooks",
    "github_deploy_key": "keys",
    "okta_group": "groups",
}
_CREATES = {
    "hooks": re.compile(r"/orgs/acme/hooks(/\d+(/config)?)?"),
    "keys": re.compile(r"/repos/acme/[^/]+/keys(/\d+)?"),
    "groups": re.compile(r"/api/v1/groups(/[^/]+)?"),
}


def _is_ours(path):
    return any(pattern.fullmatch(path) for pattern in _CREATES.values())


def _kind(call):
    return next(kind for kind, path in _CREATES.items() if path.fullmatch(call.path)), call.method


def _tenant_id(kind, item):
    return str(item.attributes["key_id"]) if kind == "keys" else item.id


def _sorted(items):
    return sorted(json.dumps(item, sort_keys=True) for item in items)
