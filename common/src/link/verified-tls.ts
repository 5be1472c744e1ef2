/**
 * Whoever opens TLS says that the peer is verified: a key or what was said goes to nobody else. Without it Node asks
 * `NODE_TLS_REJECT_UNAUTHORIZED`, and a pinned certificate authority does not change that.
 */
export const VERIFIED_TLS = { rejectUnauthorized: true } as const;

/**
 * For the libraries that open TLS themselves and take no such option (`fetch`): the variable is gone before they ask,
 * in this process and in those it starts.
 * @returns true when it was set: worth a warning
 */
export function insistOnVerifiedTls(env: NodeJS.ProcessEnv): boolean {
  const was = env[TLS_SWITCH] !== undefined;
  delete env[TLS_SWITCH];
  return was;
}

export const TLS_SWITCH = 'NODE_TLS_REJECT_UNAUTHORIZED';
