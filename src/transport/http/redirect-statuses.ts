// Which statuses are redirects to a `location`: 300 offers a choice, 304 and 305 are something else.

/** The statuses that send a caller to the `location` beside them. */
export const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
