// "tenon/auth/session": sessions of browsers, kept by the server and shared by its processes.
export { type Sessions, type SessionsOptions, sessions } from './session.js'
