// Subjects of NATS: names with dots between them.

/** The subject, which has no wildcards. Throws `TypeError` for any other. */
export function checkedSubject(subject: string): string {
  if (/^[^\s.*>]+(?:\.[^\s.*>]+)*$/.test(subject)) return subject
  throw new TypeError(`nats: ${JSON.stringify(subject)} is no subject to send to`)
}
