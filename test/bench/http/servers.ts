// Servers over HTTP: two routes, each the way its users would write them for production, under the same load.
import type { Bench, Contender } from '../bench.js'
import { columns, passes, served } from './measured.js'

const own = (name: string, module: string, ...args: readonly string[]): Contender => ({
  name,
  file: `http/servers/${module}.mjs`,
  args,
})
const peer = (name: string, module: string, ...args: readonly string[]): Contender => ({
  name,
  file: `peers/http/${module}.mjs`,
  args,
})

const byHand = 'node:http by hand, tuned'
const tenon = 'Tenon'
const fastify = 'Fastify 5'
const express = 'Express 5'
const onExpress = 'Tenon on Express 5'

export const httpServers: Bench = {
  name: 'http-servers',
  title: 'Servers over HTTP, 64 connections with one request at a time: µs of the server’s CPU time per request',
  contenders: [
    own(byHand, 'by-hand'),
    own(tenon, 'tenon'),
    own('Tenon, arktype', 'tenon', 'arktype'),
    peer(onExpress, 'tenon-express'),
    peer('Tenon, fetch server on @hono/node-server', 'tenon-fetch'),
    peer(fastify, 'fastify'),
    peer('Hono on @hono/node-server', 'hono'),
    peer('NestJS on Fastify', 'nestjs', 'fastify'),
    peer('Koa', 'koa'),
    peer('Effect 4 platform-node', 'effect'),
    peer('Moleculer and moleculer-web', 'moleculer'),
    peer('oRPC, OpenAPI handler', 'orpc'),
    peer(express, 'express'),
    peer('NestJS on Express', 'nestjs', 'express'),
    peer('tRPC, standalone', 'trpc'),
  ],
  columns: Object.values(columns),
  passes,
  rounds: 9,
  against: { contender: byHand, column: columns.post },
  targets: Object.values(columns).flatMap(column => [
    { ours: tenon, theirs: byHand, column, atMost: 1.2 },
    { ours: tenon, theirs: fastify, column, atMost: 1 },
    { ours: onExpress, theirs: express, column, atMost: 1.1 },
  ]),
  peers: [
    'fastify',
    'hono',
    '@hono/node-server',
    '@nestjs/core',
    'koa',
    'effect',
    'moleculer',
    'moleculer-web',
    '@orpc/server',
    'express',
    '@trpc/server',
    'zod',
    'arktype',
  ],
  run: served,
}
