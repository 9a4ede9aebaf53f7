#!/bin/sh
# Makes an Ed25519 key pair: accesskey.yaml with its public half, secret.yaml with its private half, to be encrypted.
# usage: make-key.sh NAME NAMESPACE CLIENT CLIENT_ID ISSUER     (ISSUER: chart value issuer.url)
set -eu
[ $# -eq 5 ] || { echo 'usage: make-key.sh NAME NAMESPACE CLIENT CLIENT_ID ISSUER' >&2; exit 2; }
for file in accesskey.yaml secret.yaml; do
  [ ! -e "$file" ] || { echo "$file is there already, and may be the only copy of a key: call this in another folder" >&2; exit 1; }
done
name=$1 namespace=$2 client=$3 client_id=$4 issuer=$5
umask 077

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
pem=$(openssl genpkey -algorithm ed25519)
# Both halves are the last 32 bytes of their DER form: RFC 8410.
d=$(printf '%s\n' "$pem" | openssl pkey -outform DER | tail -c 32 | base64url)
x=$(printf '%s\n' "$pem" | openssl pkey -pubout -outform DER | tail -c 32 | base64url)
# The key id is the thumbprint of the public half: RFC 7638.
kid=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$x" | openssl dgst -sha256 -binary | base64url)

cat >accesskey.yaml <<YAML
apiVersion: latchkey.dev/v1alpha1
kind: AccessKey
metadata:
  name: $name
  namespace: $namespace
spec:
  clientRef:
    name: $client
  publicKey:
    kty: OKP
    crv: Ed25519
    x: $x
YAML
cat >secret.yaml <<YAML
apiVersion: v1
kind: Secret
metadata:
  name: $name
  namespace: $namespace
type: servicebinding.io/latchkey
stringData:
  type: latchkey
  provider: latchkey
  client-id: $client_id
  key-id: $kid
  issuer: $issuer
  private.jwk: '{"kty":"OKP","crv":"Ed25519","x":"$x","d":"$d","kid":"$kid","alg":"EdDSA","client_id":"$client_id","issuer":"$issuer/v1/clients/$client_id"}'
YAML
