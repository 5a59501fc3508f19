// Loaded as its documentation says, and not used.
import '@orpc/server'
