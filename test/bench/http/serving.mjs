// The side of a measured process that talks with the harness: says where it listens, and what it has used when asked.
// The channel costs nothing while nobody uses it.

/**
 * @param {number} port - where the server listens
 * @param {string} [dialect] - how requests are written for it; see `load.mjs`
 */
export function listening(port, dialect = 'plain') {
  process.on('message', () => process.send({ usage: process.cpuUsage() }))
  process.send({ port, dialect })
}

/** The same for a server of node:http that does not listen yet. */
export function listen(server, dialect) {
  server.listen(0, '127.0.0.1', () => listening(server.address().port, dialect))
}
