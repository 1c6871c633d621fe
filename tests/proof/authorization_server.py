"""A partner with an OAuth2 authorization server of Authlib, and a webhook that takes only its bearer tokens.

    with AuthorizationServer() as partner:
        ... ask partner.token_url for a token, send to partner.url + "/in" ...
        partner.pass_time(4000)      # every token that was issued so far has expired
        partner.revoke(token)        # by Authlib's revocation endpoint (RFC 7009)

Authlib authenticates the client, reads the request and writes the answers; here are only its tables and its socket.
The client IN_BODY may send its secret only in the body, IN_HEADER only in a Basic header; both have SECRET.
"""

from __future__ import annotations

import json
import secrets
import ssl
import time
from base64 import b64encode
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from authlib.oauth2.rfc6749 import AuthorizationServer as Authlib
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Error, OAuth2Request, ResourceProtector, TokenMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint

from tests.receiver import Answer, Received, Receiver

IN_BODY, IN_HEADER = "feeder-body", "feeder-header"
SECRET = "s3cret/+&:~% ü"
LIFE = 3600  # seconds
SCOPE = "events:write"

_METHODS = {IN_BODY: "client_secret_post", IN_HEADER: "client_secret_basic"}


class Client(ClientMixin):
    def __init__(self, client_id: str) -> None:
        self.client_id = client_id

    def get_client_id(self) -> str:
        return self.client_id

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(client_secret.encode(), SECRET.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint == "revocation" or method == _METHODS[self.client_id]

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"

    def get_allowed_scope(self, scope: str | None) -> str | None:
        return "" if not scope else scope if scope == SCOPE else None


class Token(TokenMixin):
    def __init__(self, partner: AuthorizationServer, client_id: str, ends: float) -> None:
        self._partner = partner
        self._client_id = client_id
        self._ends = ends
        self.revoked = False

    def check_client(self, client: Client) -> bool:
        return client.client_id == self._client_id

    def get_scope(self) -> str:
        return SCOPE

    def is_expired(self) -> bool:
        return self._partner.now() >= self._ends

    def is_revoked(self) -> bool:
        return self.revoked


class AuthorizationServer(Receiver):
    """`tokens` by their text in the order of their making; `asked` and `sent` are the requests of either kind."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._answer, tls=tls)
        self.tokens: dict[str, Token] = {}
        self._later = 0.0
        self._authlib = _Authlib(self)
        self._protector = ResourceProtector()
        self._protector.register_token_validator(_Validator(self))

    @property
    def token_url(self) -> str:
        return self.url + "/token"

    @property
    def asked(self) -> list[Received]:
        return [each for each in self.requests if each.path == "/token"]

    @property
    def sent(self) -> list[Received]:
        return [each for each in self.requests if each.path == "/in"]

    def now(self) -> float:
        return time.time() + self._later

    def pass_time(self, seconds: float) -> None:
        self._later += seconds

    def revoke(self, token: str) -> None:
        pair = b64encode(f"{IN_HEADER}:{quote(SECRET, safe='')}".encode()).decode()
        request = _Request("POST", {"authorization": f"Basic {pair}"}, urlencode({"token": token}).encode())
        answer = self._authlib.create_endpoint_response("revocation", request)
        assert answer.status == 200, answer

    def _answer(self, received: Received) -> Answer:
        request = _Request(received.method, received.headers, received.body)
        if received.path == "/token":
            answer: Answer = self._authlib.create_token_response(request)
            return answer
        try:
            self._protector.validate_request(None, request)
        except OAuth2Error as error:
            return _as_answer(*error())
        return Answer(202)


class _Request(OAuth2Request):
    """A received request as Authlib sees it. TLS ends before it, as behind a proxy."""

    def __init__(self, method: str, headers: dict[str, str], body: bytes) -> None:
        named = defaultdict(str, {name.title(): value for name, value in headers.items()})
        super().__init__(method, "https://login.partner.example/token", headers=named)
        self._fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        self.payload = BasicOAuth2Payload(self._fields)

    @property
    def form(self) -> dict[str, str]:
        return self._fields


class _Authlib(Authlib):
    def __init__(self, partner: AuthorizationServer) -> None:
        super().__init__()
        self._partner = partner
        tokens = BearerTokenGenerator(lambda **_: secrets.token_urlsafe(32), expires_generator=LIFE)
        self.register_token_generator("default", tokens.generate)
        self.register_grant(_Grant)
        self.register_endpoint(_Revocation)

    def query_client(self, client_id: str) -> Client | None:
        return Client(client_id) if client_id in _METHODS else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        ends = self._partner.now() + token["expires_in"]
        self._partner.tokens[token["access_token"]] = Token(self._partner, request.client.client_id, ends)

    def find_token(self, text: str) -> Token | None:
        return self._partner.tokens.get(text)

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        return _as_answer(status, body, headers)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        pass


class _Grant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


class _Revocation(RevocationEndpoint):
    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        found: Token | None = self.server.find_token(token_string)
        return found

    def revoke_token(self, token: Token, request: OAuth2Request) -> None:
        token.revoked = True


class _Validator(BearerTokenValidator):
    def __init__(self, partner: AuthorizationServer) -> None:
        super().__init__()
        self._partner = partner

    def authenticate_token(self, token_string: str) -> Token | None:
        return self._partner.tokens.get(token_string)


def _as_answer(status: int, body: Any, headers: Any) -> Answer:
    return Answer(status, tuple(headers), json.dumps(body).encode())
