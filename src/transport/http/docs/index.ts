// "tenon/transport/http/docs": the API's description beside the API, for programs and for people.
export { type DocsOptions, docs } from './docs.js'
