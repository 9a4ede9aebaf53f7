/** What runs until it is stopped. Each is a bundle of its own, so that a guard never loads what only the operator needs. */
export const processes: Readonly<
  Record<string, { readonly source: string; readonly summary: string; readonly hasHelp: boolean }>
> = {
  operator: {
    source: '../operator/main.ts',
    summary: 'Controllers: keys, grants, certificates. Reads its settings from LATCHKEY_*.',
    hasHelp: false,
  },
  issuer: {
    source: '../issuer/main.ts',
    summary: 'JWKS, discovery, and the snapshots that guards decide from.',
    hasHelp: false,
  },
  webhook: { source: '../webhook/main.ts', summary: 'Admission checks and guard injection.', hasHelp: false },
  guard: {
    source: '../guard/main.ts',
    summary: 'Decides every call to one service. `latchkey guard --help` tells its form without a cluster.',
    hasHelp: true,
  },
  authorizer: {
    source: '../authorizer/main.ts',
    summary:
      'Answers Envoy, nginx, haproxy and Traefik whether a call may pass. `latchkey authorizer --help` tells more.',
    hasHelp: true,
  },
}
