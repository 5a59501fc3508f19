// "tenon/auth/casbin": rules for `authorize` that casbin decides. Loads nothing of casbin by itself: enforcers are given.
export { type Casbin, type CasbinRequest, type CasbinValue, casbin } from './casbin.js'
export type { CasbinEvent, CasbinOptions } from './casbin-options.js'
