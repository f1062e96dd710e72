"""Ending what was issued under a grant that ends: refresh tokens, what was issued with them, and sessions.

A grant is ended first, so that nothing new is issued meanwhile; then the tokens are revoked, and read back. What cannot be
revoked is told as a failure of its own: the grant has ended by then.

Source: ApplicationTokens, UserOAuth and UserSessions of Okta's Management API description, 2026.06.3. Okta lists neither
sessions nor access tokens; an access token that was issued without a refresh token cannot be revoked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from perimeter.sdk import Forbidden, NotFound, ProviderError, path_of
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.decode import flag, text

Token = dict[str, Any]
_T = TypeVar("_T")
_R = TypeVar("_R")
_AT_ONCE = 4
"""Calls in flight for one change; the limiter holds them to Okta's allowances."""


def tokens_of_app(reader: OktaReader, app: str) -> list[Token]:
    """The refresh tokens of an application; none when it is gone."""
    try:
        found = reader.all(path_of("api", "v1", "apps", app, "tokens"), {"limit": 200})
    except NotFound:
        return []
    return [token for token in found if text(token, "status") in {None, "ACTIVE"}]


def holders_losing(
    reader: OktaReader, app: str, group: str, users: Iterable[str]
) -> frozenset[str]:
    """Which of these users have an application by this group alone, before they lose it."""
    asked = sorted(set(users))
    if not asked:
        return frozenset()
    held = reader.find(path_of("api", "v1", "apps", app))
    if held is None or flag(held, "settings", "implicitAssignment"):
        return frozenset()
    groups = reader.all(path_of("api", "v1", "apps", app, "groups"), {"limit": 200})
    others = {text(one, "id") for one in groups} - {group}

    def loses(user: str) -> bool:
        try:
            mine = {one["id"] for one in reader.all(path_of("api", "v1", "users", user, "groups"))}
        except NotFound:
            return False
        if group not in mine or mine & others:
            return False
        there = reader.find(path_of("api", "v1", "apps", app, "users", user))
        return text(there, "scope") != "USER"

    answers = _each(loses, asked)
    return frozenset(user for user, lost in zip(asked, answers, strict=True) if lost)


def attempt(find: Callable[[], _T]) -> _T | ProviderError:
    """What is to be revoked; a refusal waits until the grant has ended."""
    try:
        return find()
    except ProviderError as problem:
        return problem


def revoke_some(
    writer: OktaWriter,
    app: str,
    which: Callable[[Token], bool],
    also: list[str],
    *,
    ended: str,
) -> None:
    """Revoke an application's refresh tokens that fit, look again, and note it in ``also``.

    ``ended`` begins the sentence that tells of a failure: ``The scopes were revoked``.

    Raises:
        ProviderError: they were not revoked; says until when they may be used.
    """
    live: list[Token] = []
    with not_revoked(ended, app, live):
        live += [token for token in tokens_of_app(writer, app) if which(token)]
        if not live:
            return
        _each(
            lambda token: _surely(
                lambda: writer.delete(path_of("api", "v1", "apps", app, "tokens", token["id"]))
            ),
            live,
        )
        left = sum(1 for token in tokens_of_app(writer, app) if which(token))
    also.append(_told(len(live), left))


def revoke_all(writer: OktaWriter, app: str, also: list[str], *, ended: str) -> None:
    """Revoke all refresh tokens of an application by one call; otherwise as ``revoke_some``.

    Raises:
        ProviderError: they were not revoked.
    """
    live: list[Token] = []
    with not_revoked(ended, app, live):
        live += tokens_of_app(writer, app)
        if not live:
            return
        _surely(lambda: writer.delete(path_of("api", "v1", "apps", app, "tokens")))
        left = len(tokens_of_app(writer, app))
    also.append(_told(len(live), left))


def clients_of_user(reader: OktaReader, user: str) -> frozenset[str]:
    """Client ids of the applications that hold grants or tokens of a user."""
    try:
        found = reader.get(path_of("api", "v1", "users", user, "clients")).data
    except NotFound:
        return frozenset()
    names = (text(item, "client_id") for item in found if isinstance(found, list))
    return frozenset(name for name in names if name)


def apps_lost_with(reader: OktaReader, user: str, group: str) -> tuple[str, ...]:
    """Client ids of applications that hold a user's tokens and that the user has by this group alone."""
    clients = clients_of_user(reader, user)
    if not clients:
        return ()
    path = path_of("api", "v1", "groups", group, "apps")
    found: dict[str, str] = {}
    for app in reader.all(path, {"limit": 200}):
        client = text(app, "credentials", "oauthClient", "client_id") or str(app["id"])
        if client in clients:
            found[client] = str(app["id"])
    return tuple(
        client
        for client, app in sorted(found.items())
        if holders_losing(reader, app, group, (user,))
    )


def revoke_of_user(
    writer: OktaWriter, user: str, clients: Sequence[str], also: list[str], *, ended: str
) -> None:
    """Revoke what some applications hold of a user; otherwise as ``revoke_some``.

    Raises:
        ProviderError: it was not revoked.
    """
    live: list[Token] = []
    left = 0
    with not_revoked(ended, user, live):
        for client in clients:
            live += _tokens_of_both(writer, user, client)
        if not live:
            return
        for client in clients:
            _surely(partial(writer.delete, _both(user, client)))
            left += len(_tokens_of_both(writer, user, client))
    also.append(_told(len(live), left))


def end_sessions(writer: OktaWriter, user: str, also: list[str], *, ended: str) -> None:
    """End a user's sessions and revoke all their tokens; otherwise as ``revoke_some``.

    Raises:
        ProviderError: they go on.
    """
    live: list[Token] = []
    with not_revoked(ended, user, live):
        held = _tokens_of_user(writer, user)
        live += held
        try:
            path = path_of("api", "v1", "users", user, "sessions")
            _surely(lambda: writer.end(path, {"oauthTokens": "true"}))
        except NotFound:
            return
        left = len(_tokens_of_user(writer, user))
    also.append("sessions ended (Okta lists none to look at)")
    if live:
        also.append(_told(len(live), left))


@contextmanager
def not_revoked(ended: str, where: str, live: Sequence[Token]) -> Iterator[None]:
    """Tell a refused revocation as what it is: the grant has ended, and what was issued under it goes on."""
    try:
        yield
    except ProviderError as problem:
        raise unrevoked(problem, ended, where, live) from None


def unrevoked(
    problem: ProviderError, ended: str, where: str, live: Sequence[Token] = ()
) -> ProviderError:
    """The failure to revoke what was issued under a grant that has ended."""
    ends = max((end for token in live if (end := text(token, "expiresAt"))), default="")
    until = f"until {ends}" if ends else "until they expire"
    needs = problem.needs if isinstance(problem, Forbidden) else ""
    said = problem.message
    if problem.committed is None:
        said = f"{said.partition(' It is not known')[0]} It is not known whether Okta did it."
    right = f" It takes {needs}." if needs and needs not in problem.message else ""
    return ProviderError(
        f"{ended}, but the refresh tokens and sessions of {where} were not all revoked: {said}{right} They may live "
        f"on {until}; revoke them in Okta's console.",
        committed=True,
        status=problem.status,
        request_id=problem.request_id,
    )


def _tokens_of_user(reader: OktaReader, user: str) -> list[Token]:
    found: list[Token] = []
    for tokens in _each(
        lambda client: _tokens_of_both(reader, user, client), sorted(clients_of_user(reader, user))
    ):
        found += tokens
    return found


def _tokens_of_both(reader: OktaReader, user: str, client: str) -> list[Token]:
    try:
        found = reader.all(_both(user, client), {"limit": 200})
    except NotFound:
        return []
    return [token for token in found if text(token, "status") in {None, "ACTIVE"}]


def _both(user: str, client: str) -> str:
    return path_of("api", "v1", "users", user, "clients", client, "tokens")


def _each(call: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    """Call for each, a few at once; the first failure is raised once all have ended."""
    if len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return list(pool.map(call, items))


def _surely(call: Callable[[], str]) -> str:
    """Call, and once more when the answer was lost: nothing is revoked twice."""
    try:
        return call()
    except ProviderError as problem:
        if problem.committed is not None:
            raise
        return call()


def _told(revoked: int, left: int) -> str:
    text = f"{revoked:,} refresh token{'' if revoked == 1 else 's'} revoked"
    return f"{text}, the tenant still shows {left:,}" if left else f"{text}, none left"
