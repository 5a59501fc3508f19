// The page around the viewer. It has no script or style of its own inside, so that its policy can forbid such.
import { posix } from 'node:path'

/** The page. Its links are relative, so that it works behind a proxy that cuts off a prefix. */
export function html({
  title,
  page,
  document,
}: {
  readonly title: string
  readonly page: string
  readonly document: string
}): string {
  const files = relativePath(page, page)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="icon" type="image/png" href="${files}/favicon-32x32.png">
<link rel="stylesheet" href="${files}/swagger-ui.css">
</head>
<body>
<div id="docs" data-document="${relativePath(page, document)}"></div>
<script src="${files}/swagger-ui-bundle.js"></script>
<script src="${files}/start.js"></script>
</body>
</html>
`
}

/** Starts the viewer. No validator: the default one is another host, which would be sent the document. */
export const script = `const place = document.getElementById('docs')
SwaggerUIBundle({
  domNode: place,
  url: new URL(place.dataset.document, location.href).href,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null,
})
`

/** How `to` is written in a page at `from`. */
export function relativePath(from: string, to: string): string {
  const folder = from.endsWith('/') ? from : posix.dirname(from)
  return posix.join(posix.relative(folder, posix.dirname(to)), posix.basename(to))
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, letter => entities[letter] ?? letter)
}
