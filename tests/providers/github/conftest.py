import pytest

from .world import APP, OWNER, seed, world_of


@pytest.fixture
def world(tmp_path):
    with world_of(seed(), tmp_path) as it:
        yield it


class Acting:
    """One resource type, used as the engine uses it."""

    def __init__(self, world, name, token):
        self.world = world
        self.kind = world.kind(name)
        self.client = world.connect(token, write=True)
        self.tenant = world.tenant(self.client)

    def list(self, client=None):
        from perimeter.sdk import ListRequest

        request = ListRequest(tenant=self.tenant, attributes=self.kind.listed or frozenset())
        return self.kind.list(client or self.client, request)

    def objects(self):
        return {item.id: dict(item.attributes) for item in self.list().objects}

    def hydrate(self, *ids):
        from perimeter.sdk import HydrateRequest

        objects = tuple(item for item in self.list().objects if item.id in ids)
        names = frozenset(self.kind.schema.attributes) - self.kind.listed
        request = HydrateRequest(tenant=self.tenant, objects=objects, attributes=names)
        return {item.id: dict(item.attributes) for item in self.kind.hydrate(self.client, request)}

    def read(self, number):
        from perimeter.sdk import ReadRequest

        return self.kind.read(self.client, ReadRequest(tenant=self.tenant, id=number))

    def create(self, **attributes):
        from perimeter.sdk import CreateRequest

        request = CreateRequest(tenant=self.tenant, attributes=attributes, token="t")
        return self.kind.create(self.client, request)

    def update(self, number, **changes):
        from perimeter.sdk import UpdateRequest

        before = dict(self.read(number).attributes)
        after = {**before, **changes}
        changed = frozenset(name for name in changes if before.get(name) != changes[name])
        request = UpdateRequest(
            tenant=self.tenant, id=number, before=before, after=after, changed=changed
        )
        return self.kind.update(self.client, request)

    def delete(self, number, **attributes):
        from perimeter.sdk import DeleteRequest

        request = DeleteRequest(tenant=self.tenant, id=number, attributes=attributes)
        return self.kind.delete(self.client, request)

    def transition(self, before, after, siblings=()):
        from perimeter.sdk import Transition

        return Transition(before=before, after=after, siblings=siblings, tenant=self.tenant)


@pytest.fixture
def acting(world):
    def acting(name, token=None):
        app_only = name.startswith("personal_access_token")
        return Acting(world, name, token or (APP if app_only else OWNER))

    return acting
