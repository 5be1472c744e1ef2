/** Whether what is sent to `host` stays on this machine. @param host a name or address, IPv6 without brackets */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
