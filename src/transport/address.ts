// Addresses and names of hosts as a context's `peer` has them.

/** An address without its zone; an IPv4 one that came in IPv6 dress without that. */
export function plainAddress(address: string | undefined): string | undefined {
  const zone = address?.indexOf('%') ?? -1
  const bare = zone === -1 ? address : address?.slice(0, zone)
  return bare?.startsWith('::ffff:') === true && bare.includes('.') ? bare.slice('::ffff:'.length) : bare
}

/** Whether a text can name a host, with or without its port, so that it is safe to build URLs with. */
export function isHost(text: string): boolean {
  return /^(?:[a-z0-9](?:[a-z0-9._-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i.test(text)
}
