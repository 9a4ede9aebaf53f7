"""Verifies tokens with PyJWT, through OpenID discovery, knowing nothing of who issued them.

Arguments: issuer URL, audience, CA file, then token files. Prints one JSON line per token: {"accepted", "why"}.
"""

import json
import ssl
import sys
import urllib.request

import jwt

ALGORITHMS = ["EdDSA", "ES256", "RS256"]


def discover(issuer, context):
    with urllib.request.urlopen(issuer + "/.well-known/openid-configuration", context=context, timeout=5) as answer:
        document = json.load(answer)
    if document["issuer"] != issuer:
        raise ValueError("discovery names another issuer")
    return document


def verdict(token, keys, issuer, audience):
    try:
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=ALGORITHMS,
            audience=audience,
            issuer=issuer,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        return {"accepted": False, "why": f"{type(error).__name__}: {error}"}
    return {"accepted": True, "why": claims["sub"]}


def main():
    issuer, audience, ca_file, *token_files = sys.argv[1:]
    context = ssl.create_default_context(cafile=ca_file)
    document = discover(issuer, context)
    # PyJWT keeps the key set for `lifespan` seconds; 300 is its default.
    keys = jwt.PyJWKClient(document["jwks_uri"], lifespan=300, timeout=5, ssl_context=context)
    for path in token_files:
        with open(path, encoding="ascii") as file:
            print(json.dumps(verdict(file.read(), keys, issuer, audience)))


main()
