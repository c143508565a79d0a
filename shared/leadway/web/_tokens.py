"""Who is calling: tokens, the key that signs them, and the caller that they name."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeGuard, get_args

import jwt

from leadway.web._problems import TokenExpired, Unauthenticated

Role = Literal["admin", "cam", "partner", "analyst"]
Scope = Literal["all", "assigned"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
ISSUER: Final = "leadway"
AUDIENCE: Final = "leadway"
TOKEN_CHARACTERS_MAX: Final = 8_192
LEEWAY: Final = timedelta(seconds=5)
_KEY_BYTES: Final = 32
_SUBJECT_CHARACTERS_MAX: Final = 200

VerificationKey = bytes | str | jwt.PyJWK
"""What a signature is checked with: a shared secret, a PEM public key, or a key of a JWKS."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the token says.

    `partner_id` is there for role partner and only there. `scope` matters for role cam: `assigned` means the partners
    whose `cam` is this subject.
    """

    subject: str
    role: Role
    partner_id: str | None = None
    scope: Scope = "all"

    @property
    def actor(self) -> str:
        """The caller as facts, idempotency keys and logs name it."""
        return f"{self.role}:{self.subject}"

    @property
    def sees_personal_data(self) -> bool:
        """Analysts never do; whether a partner does depends on the lead too."""
        return self.role != "analyst"

    def may_see_partner(self, partner_id: str | None, cam: str | None) -> bool:
        """Whether what concerns that partner (whose channel account manager is `cam`) is this caller's to see."""
        if self.role == "partner":
            return partner_id is not None and partner_id == self.partner_id
        if self.role == "cam" and self.scope == "assigned":
            return cam is not None and cam == self.subject
        return True


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """What an identity provider calls what we need beside `sub`."""

    role: str = "role"
    partner_id: str = "partner_id"
    scope: str = "scope"


@dataclass(frozen=True)
class TokenVerifier:
    """Checks tokens: signature, issuer, audience, expiry, and that they name a caller.

    `key_for(key id)` gives the key that must have signed (None: unknown); `algorithms` are those allowed with it, and
    they never come from the token. Use `for_key` for one key, `for_jwks` for a provider's set of keys.
    """

    key_for: Callable[[str | None], VerificationKey | None] = field(repr=False)
    algorithms: Sequence[str] = ("HS256",)
    issuer: str = ISSUER
    audience: str = AUDIENCE
    claims: ClaimNames = ClaimNames()

    @classmethod
    def for_key(
        cls,
        key: bytes | str,
        *,
        algorithms: Sequence[str] = ("HS256",),
        issuer: str = ISSUER,
        audience: str = AUDIENCE,
        claims: ClaimNames | None = None,
    ) -> TokenVerifier:
        """One key: the deployment's own, or a provider's public key in PEM with its algorithm."""
        return cls(lambda _: key, algorithms, issuer, audience, claims or ClaimNames())

    @classmethod
    def for_jwks(
        cls,
        document: Mapping[str, Any],
        *,
        algorithms: Sequence[str] = ("RS256", "ES256"),
        issuer: str,
        audience: str,
        claims: ClaimNames | None = None,
    ) -> TokenVerifier:
        """A provider's JWKS document; tokens must name one of its keys. Raises ValueError where it is none."""
        try:
            keys = jwt.PyJWKSet.from_dict(dict(document)).keys
        except jwt.PyJWTError as error:
            raise ValueError(f"not a usable JWKS document: {error}") from error
        by_id = {key.key_id: key for key in keys if key.key_id is not None}
        return cls(
            lambda key_id: by_id.get(key_id) if key_id else None, algorithms, issuer, audience, claims or ClaimNames()
        )

    def verify(self, token: str) -> Caller:
        """The caller that `token` names. Raises TokenExpired or Unauthenticated, saying which check failed."""
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise Unauthenticated("The token is longer than any that this deployment issues.")
        try:
            key = self.key_for(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise Unauthenticated("The token names a key that is not known here.")
            claims = jwt.decode(
                token,
                key,
                algorithms=list(self.algorithms),
                issuer=self.issuer,
                audience=self.audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except jwt.InvalidTokenError as error:
            raise Unauthenticated(_why(error)) from None
        return self._caller(claims)

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        subject, role = claims["sub"], claims.get(self.claims.role)
        if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_CHARACTERS_MAX or not subject.isprintable():
            raise Unauthenticated("The token names no usable subject.")
        if not _is_role(role):
            raise Unauthenticated(f"The token names none of the roles {', '.join(ROLES)}.")
        partner_id = claims.get(self.claims.partner_id)
        if role != "partner":
            assigned = role == "cam" and claims.get(self.claims.scope) == "assigned"
            return Caller(subject, role, None, "assigned" if assigned else "all")
        if not isinstance(partner_id, str) or not partner_id:
            raise Unauthenticated("A partner's token must name the partner that it is bound to.")
        return Caller(subject, role, partner_id)


def issue_token(
    key: bytes,
    *,
    role: Role,
    subject: str,
    partner_id: str | None = None,
    scope: Scope = "all",
    ttl: timedelta = timedelta(hours=12),
    now: datetime | None = None,
    issuer: str = ISSUER,
    audience: str = AUDIENCE,
) -> str:
    """A token signed with the deployment's key. Raises ValueError where role and partner do not go together."""
    if (role == "partner") != (partner_id is not None):
        raise ValueError("a token of role partner, and only such a one, is bound to a partner")
    if ttl <= timedelta(0):
        raise ValueError("a token must live for some time")
    issued_at = now or datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "role": role,
        "iat": issued_at,
        "exp": issued_at + ttl,
    }
    if partner_id is not None:
        claims["partner_id"] = partner_id
    if role == "cam":
        claims["scope"] = scope
    return jwt.encode(claims, key, algorithm="HS256")


def load_or_create_key(path: Path) -> bytes:
    """The deployment's key, kept in `path` for its owner's eyes only; made where it is missing.

    Raises ValueError where the file holds no key.
    """
    if not path.exists():
        _create_key(path)
    path.chmod(0o600)
    text = path.read_text("ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < _KEY_BYTES:
        raise ValueError(f"{path.name} holds no key: {_KEY_BYTES} bytes in hexadecimal were expected")
    return key


def _create_key(path: Path) -> None:
    # Written aside and linked into place: of two processes that start together one wins, and neither reads half a key.
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            return
    finally:
        Path(name).unlink()


def _is_role(value: object) -> TypeGuard[Role]:
    return value in ROLES


def _why(error: jwt.InvalidTokenError) -> str:
    match error:
        case jwt.InvalidSignatureError():
            return "The token was not signed by this deployment's key."
        case jwt.InvalidIssuerError():
            return "The token was issued by somebody else."
        case jwt.InvalidAudienceError():
            return "The token is meant for another audience."
        case jwt.ImmatureSignatureError() | jwt.InvalidIssuedAtError():
            return "The token is not valid yet."
        case jwt.MissingRequiredClaimError():
            return f"The token lacks the claim {error.claim}."
        case _:
            return "The token cannot be read."
