// "tenon/tracing/zipkin": spans for Zipkin, over zipkin and zipkin-transport-http.
export { type ZipkinOptions, zipkin } from './zipkin.js'
