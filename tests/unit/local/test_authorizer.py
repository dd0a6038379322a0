from __future__ import annotations

import base64
import hmac
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from banyan.entrypoints.http.identity import ForbiddenTenant, identify
from banyan_tools.local.authorizer import JwtAuthorizer
from banyan_tools.local.keys import AUDIENCE, ISSUER, key_id, local_key
from banyan_tools.local.problems import Problem
from banyan_tools.local.token import make_token


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def authorizer(data: Path) -> JwtAuthorizer:
    return JwtAuthorizer(ISSUER, [AUDIENCE, "other"], local_key(data).public_key())


def token(data: Path, algorithm: str = "RS256", key: Any = None, **changes: Any) -> str:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kim", "exp": int(time.time()) + 60} | changes
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key if key is not None else local_key(data), algorithm=algorithm)


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def refused(authorizer: JwtAuthorizer, headers: dict[str, str], scopes: tuple[str, ...] = ()) -> Problem:
    with pytest.raises(Problem) as raised:
        authorizer.authorize(headers, scopes)
    return raised.value


def test_a_printed_token_passes(authorizer: JwtAuthorizer, data: Path) -> None:
    claims = authorizer.authorize(bearer(make_token("acme", data, actor="kim")))["jwt"]["claims"]

    assert (claims["tenant"], claims["sub"], claims["iss"]) == ("acme", "kim", ISSUER)


def test_claims_are_text(authorizer: JwtAuthorizer, data: Path) -> None:
    sent = token(data, aud=["other", "third"], admin=True, level=3, groups=["a", "b"])
    claims = authorizer.authorize(bearer(sent))["jwt"]["claims"]

    assert claims["exp"].isdigit()
    assert (claims["admin"], claims["level"]) == ("true", "3")
    assert (claims["groups"], claims["aud"]) == ("[a b]", "[other third]")


def test_the_scheme_may_be_left_out(authorizer: JwtAuthorizer, data: Path) -> None:
    assert authorizer.authorize({"authorization": token(data)})["jwt"]["claims"]["sub"] == "kim"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": None},
        {"nbf": 4102444800},
        {"iss": "https://elsewhere/"},
        {"iss": None},
        {"aud": "someone-else"},
        {"aud": None},
        {"aud": []},
        {"aud": ["someone-else"]},
        {"aud": 7},
        {"aud": ""},
        {"aud": "banyan-local other"},
        {"aud": "someone-else", "client_id": AUDIENCE},
        {"aud": [], "client_id": AUDIENCE},
        {"aud": None, "client_id": "someone-else"},
        {"aud": None, "client_id": 7},
        {"iat": 4102444800},
        {"iat": "yesterday"},
        {"exp": "tomorrow"},
        {"nbf": "yesterday"},
        {"iss": ISSUER.rstrip("/")},
        {"iss": ISSUER.upper()},
    ],
    ids=str,
)
def test_a_token_with_wrong_claims_is_refused(authorizer: JwtAuthorizer, data: Path, changes: dict[str, Any]) -> None:
    problem = refused(authorizer, bearer(token(data, **changes)))

    assert (problem.status, problem.code) == (401, "unauthorized")


def cognito(data: Path, **changes: Any) -> str:
    """An access token as a Cognito user pool makes it: no audience, but the id of its client."""
    now = int(time.time())
    access = {"aud": None, "client_id": AUDIENCE, "token_use": "access", "scope": "banyan/admin openid", "iat": now}
    return token(data, **{**access, "version": 2, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": "other"},
        {"aud": ["someone-else", AUDIENCE]},
        {"aud": ["someone-else", AUDIENCE], "client_id": "someone-else"},
        {"aud": None, "client_id": AUDIENCE},
        {"aud": None, "client_id": "other"},
        {"nbf": 1, "iat": 1},
        {"sub": 7},
        {"jti": 7},
    ],
    ids=str,
)
def test_a_token_with_right_claims_passes(authorizer: JwtAuthorizer, data: Path, changes: dict[str, Any]) -> None:
    assert authorizer.authorize(bearer(token(data, **changes)))["jwt"]["claims"]["iss"] == ISSUER


def test_an_access_token_of_cognito_passes(authorizer: JwtAuthorizer, data: Path) -> None:
    found = authorizer.authorize(bearer(cognito(data)), ["banyan/admin"])["jwt"]

    assert (found["claims"]["client_id"], found["scopes"]) == (AUDIENCE, ["banyan/admin"])
    assert refused(authorizer, bearer(cognito(data, client_id="someone-else"))).status == 401


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_every_rsa_signature_is_checked(authorizer: JwtAuthorizer, data: Path, tmp_path: Path, algorithm: str) -> None:
    assert authorizer.authorize(bearer(token(data, algorithm)))
    assert refused(authorizer, bearer(token(data, algorithm, local_key(tmp_path)))).status == 401


def test_a_token_names_the_key_that_signed_it(authorizer: JwtAuthorizer, data: Path) -> None:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kim", "exp": int(time.time()) + 60}
    another = jwt.encode(claims, local_key(data), algorithm="RS256", headers={"kid": "another"})

    assert jwt.get_unverified_header(make_token("acme", data))["kid"] == key_id(local_key(data).public_key())
    assert refused(authorizer, bearer(another)).status == 401


@pytest.mark.parametrize(
    ("claims", "matching"),
    [
        ({"scope": "a b"}, ["b"]),
        ({"scope": ["a", "b"]}, ["b"]),
        ({"scp": "a b"}, ["b"]),
        ({"scp": ["a", "b"]}, ["b"]),
        ({"scp": ["b", "c"]}, ["b", "c"]),
        ({"scope": "a", "scp": ["b"]}, ["b"]),
    ],
    ids=str,
)
def test_scopes_are_text_or_a_list_in_either_claim(
    authorizer: JwtAuthorizer, data: Path, claims: dict[str, Any], matching: list[str]
) -> None:
    assert authorizer.authorize(bearer(token(data, **claims)), ["b", "c"])["jwt"]["scopes"] == matching


@pytest.mark.parametrize(
    "claims",
    [
        {"scp": "a bc"},
        {"scp": ["a b"]},
        {"scp": [["b"]]},
        {"scp": {"b": 1}},
        {"scope": "", "scp": ""},
        {"scope": "[b]"},
        {},
    ],
    ids=str,
)
def test_other_scopes_do_not_pass(authorizer: JwtAuthorizer, data: Path, claims: dict[str, Any]) -> None:
    assert refused(authorizer, bearer(token(data, **claims)), ("b",)).status == 403


@pytest.mark.parametrize(
    ("tenant", "text"),
    [
        ("acme", "acme"),
        ("1001", "1001"),
        (True, "true"),
        (["acme"], "[acme]"),
        (["a", ["b", 1]], "[a [b 1]]"),
        ([], "[]"),
        ({"a": 1}, '{"a": 1}'),
    ],
    ids=str,
)
def test_only_text_is_a_tenant(authorizer: JwtAuthorizer, data: Path, tenant: Any, text: str) -> None:
    context = authorizer.authorize(bearer(token(data, tenant=tenant)))

    assert context["jwt"]["claims"]["tenant"] == text
    if isinstance(tenant, str):
        assert identify({"requestContext": {"authorizer": context}}, "tenant").tenant == tenant
        return
    with pytest.raises(ForbiddenTenant):
        identify({"requestContext": {"authorizer": context}}, "tenant")


@pytest.mark.parametrize("tenant", [7, 1.5, True, ["acme"], {"a": 1}], ids=str)
def test_a_claim_that_has_to_be_text_is_left_out_unless_it_is(data: Path, tenant: Any) -> None:
    strict = JwtAuthorizer(ISSUER, [AUDIENCE], local_key(data).public_key(), text_claims={"tenant"})
    context = strict.authorize(bearer(token(data, tenant=tenant, level=7)))

    assert context["jwt"]["claims"]["level"] == "7"
    with pytest.raises(ForbiddenTenant):
        identify({"requestContext": {"authorizer": context}}, "tenant")
    named = strict.authorize(bearer(token(data, tenant="1001")))
    assert identify({"requestContext": {"authorizer": named}}, "tenant").tenant == "1001"


def test_a_tenant_that_is_null_is_forbidden(authorizer: JwtAuthorizer, data: Path) -> None:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kim", "exp": int(time.time()) + 60, "tenant": None}
    context = authorizer.authorize(bearer(jwt.encode(claims, local_key(data), algorithm="RS256")))

    with pytest.raises(ForbiddenTenant):
        identify({"requestContext": {"authorizer": context}}, "tenant")


def test_a_token_of_another_key_is_refused(authorizer: JwtAuthorizer, data: Path, tmp_path: Path) -> None:
    assert refused(authorizer, bearer(token(data, key=local_key(tmp_path)))).status == 401


def test_a_token_without_a_signature_is_refused(authorizer: JwtAuthorizer, data: Path) -> None:
    assert refused(authorizer, bearer(token(data, algorithm="none", key=""))).status == 401


def test_the_public_key_is_no_shared_secret(authorizer: JwtAuthorizer, data: Path) -> None:
    public = local_key(data).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = base64url(b'{"alg":"HS256","typ":"JWT"}')
    signed = f"{header}.{token(data).split('.')[1]}"
    signature = base64url(hmac.digest(public, signed.encode(), "sha256"))

    assert refused(authorizer, bearer(f"{signed}.{signature}")).status == 401


@pytest.mark.parametrize("headers", [{}, {"authorization": ""}, {"authorization": "Bearer "}, bearer("a.b.c")])
def test_nothing_or_nonsense_is_refused(authorizer: JwtAuthorizer, headers: dict[str, str]) -> None:
    answer = refused(authorizer, headers).response()

    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_route_may_ask_for_a_scope(authorizer: JwtAuthorizer, data: Path) -> None:
    sent = bearer(make_token("acme", data, scopes=["orders:read", "orders:write"]))

    assert authorizer.authorize(sent, ["orders:write", "admin"])["jwt"]["scopes"] == ["orders:write"]
    assert refused(authorizer, sent, ("admin",)).status == 403


def test_the_key_is_made_once_and_for_its_user_alone(tmp_path: Path) -> None:
    first, second = local_key(tmp_path / "new"), local_key(tmp_path / "new")

    assert first.private_numbers() == second.private_numbers()
    assert [(file.name, file.stat().st_mode & 0o777) for file in (tmp_path / "new").iterdir()] == [
        ("jwt-key.pem", 0o600)
    ]
