// Where a caller says that it has given up a call. Members of a queue group cannot be told apart from outside, so all of them hear it,
// and the one that runs the call knows it by the subject that its answer goes to, which nobody else knows.

/** Where those who serve `service` hear of cancelled calls; the body of such a message is the call's reply subject. */
export function cancelSubject(service: string): string {
  return `_TENON.cancel.${service}`
}
