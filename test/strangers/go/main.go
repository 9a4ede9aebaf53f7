// Verifies tokens with coreos/go-oidc, through OpenID discovery, knowing nothing of who issued them.
//
// Arguments: issuer URL, audience, CA file, then token files. Prints one JSON line per token: {"accepted", "why"}.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

type verdict struct {
	Accepted bool   `json:"accepted"`
	Why      string `json:"why"`
}

func client(caFile string) *http.Client {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		log.Fatalf("%s holds no certificate", caFile)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	return &http.Client{Transport: transport, Timeout: 5 * time.Second}
}

func judge(ctx context.Context, verifier *oidc.IDTokenVerifier, tokenFile string) verdict {
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		log.Fatal(err)
	}
	identity, err := verifier.Verify(ctx, string(token))
	if err != nil {
		return verdict{Why: err.Error()}
	}
	return verdict{Accepted: true, Why: identity.Subject}
}

func main() {
	issuer, audience, caFile, tokenFiles := os.Args[1], os.Args[2], os.Args[3], os.Args[4:]
	ctx := oidc.ClientContext(context.Background(), client(caFile))
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		log.Fatal(err)
	}
	// The algorithms come from discovery: id_token_signing_alg_values_supported.
	verifier := provider.Verifier(&oidc.Config{ClientID: audience})
	out := json.NewEncoder(os.Stdout)
	for _, tokenFile := range tokenFiles {
		if err := out.Encode(judge(ctx, verifier, tokenFile)); err != nil {
			log.Fatal(err)
		}
	}
}
