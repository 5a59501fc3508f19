// The side of a measured server that talks with the harness: says that it listens, and what it has used when asked.

/** @param {string} dialect - how requests are written for it; see `load.mjs` */
export function listening(dialect) {
  process.on('message', () => process.send({ usage: process.cpuUsage() }))
  process.send({ dialect })
}
