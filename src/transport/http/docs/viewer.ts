// The files of the viewer, out of its installed package. They are read when somebody first asks for them: most processes are never
// asked.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Content, contentOf, type Resource } from './resource.js'

/** All that a browser may ask for, with its type. */
const types = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

/** The files by name. Throws `TypeError` where the package is not installed. */
export function viewerFiles(): ReadonlyMap<string, Resource> {
  const folder = viewerFolder()
  return new Map(Object.entries(types).map(([name, type]) => [name, fileResource(join(folder, name), type)]))
}

function viewerFolder(): string {
  const require = createRequire(import.meta.url)
  try {
    return dirname(require.resolve('swagger-ui-dist/package.json'))
  } catch (thrown) {
    throw new TypeError('docs: install swagger-ui-dist, or set page to false', { cause: thrown })
  }
}

function fileResource(path: string, type: string): Resource {
  let content: Promise<Content> | undefined
  return {
    read() {
      content ??= readFile(path).then(body => contentOf(type, body))
      return content
    },
  }
}
