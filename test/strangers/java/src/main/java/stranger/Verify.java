package stranger;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.Ed25519Verifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKMatcher;
import com.nimbusds.jose.jwk.JWKSelector;
import com.nimbusds.jose.jwk.KeyType;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import java.io.FileInputStream;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Verifies tokens with nimbus-jose-jwt, through OpenID discovery, knowing nothing of who issued them.
 *
 * <p>Arguments: issuer URL, audience, CA file, then token files. Prints one JSON line per token: {"accepted", "why"}.
 */
public final class Verify {
  private static final Set<String> REQUIRED = Set.of("sub", "iat", "exp");

  public static void main(String[] args) throws Exception {
    String issuer = args[0];
    var retriever = new DefaultResourceRetriever(5_000, 5_000, 100_000, true, trusting(args[2]).getSocketFactory());
    var document = retriever.retrieveResource(new URL(issuer + "/.well-known/openid-configuration"));
    Map<String, Object> configuration = JSONObjectUtils.parse(document.getContent());
    if (!issuer.equals(configuration.get("issuer"))) throw new IllegalStateException("discovery names another issuer");
    URL keysUrl = URI.create(JSONObjectUtils.getString(configuration, "jwks_uri")).toURL();
    // Kept for 5 minutes: JWKSourceBuilder's default.
    JWKSource<SecurityContext> keys = JWKSourceBuilder.create(keysUrl, retriever).build();
    var expected = new JWTClaimsSet.Builder().issuer(issuer).build();
    var claims = new DefaultJWTClaimsVerifier<SecurityContext>(args[1], expected, REQUIRED);
    for (String file : List.of(args).subList(3, args.length)) {
      System.out.println(JSONObjectUtils.toJSONString(judge(Files.readString(Path.of(file)), keys, claims)));
    }
  }

  private static Map<String, Object> judge(
      String token, JWKSource<SecurityContext> keys, DefaultJWTClaimsVerifier<SecurityContext> claims) {
    Map<String, Object> verdict = new LinkedHashMap<>();
    try {
      SignedJWT signed = SignedJWT.parse(token);
      // Without this switch Nimbus takes no `typ` but `JWT`.
      new DefaultJOSEObjectTypeVerifier<SecurityContext>(new JOSEObjectType("at+jwt"))
          .verify(signed.getHeader().getType(), null);
      List<JWK> found = keys.get(new JWKSelector(JWKMatcher.forJWSHeader(signed.getHeader())), null);
      if (found.isEmpty()) throw new JOSEException("no key fits the header");
      if (!signed.verify(verifierOf(found.get(0)))) throw new JOSEException("signature is wrong");
      claims.verify(signed.getJWTClaimsSet(), null);
      verdict.put("accepted", true);
      verdict.put("why", signed.getJWTClaimsSet().getSubject());
    } catch (Exception refused) {
      verdict.put("accepted", false);
      verdict.put("why", refused.getClass().getSimpleName() + ": " + refused.getMessage());
    }
    return verdict;
  }

  /** DefaultJWSVerifierFactory knows no Ed25519, so the verifier is chosen by the key, as Nimbus' own guide does. */
  private static JWSVerifier verifierOf(JWK key) throws JOSEException {
    if (key.getKeyType().equals(KeyType.OKP)) return new Ed25519Verifier(key.toOctetKeyPair().toPublicJWK());
    if (key.getKeyType().equals(KeyType.EC)) return new ECDSAVerifier(key.toECKey());
    return new RSASSAVerifier(key.toRSAKey());
  }

  private static SSLContext trusting(String caFile) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (var input = new FileInputStream(caFile)) {
      int number = 0;
      for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(input)) {
        store.setCertificateEntry("ca-" + number++, one);
      }
    }
    var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(store);
    var context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    return context;
  }
}
