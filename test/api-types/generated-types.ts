import { readFileSync } from 'node:fs';
import openapiTS, { type OpenAPI3 } from 'openapi-typescript';
import { createApiRoutes } from '../../src/api/api-routes.js';
import { openApiDocument } from '../../src/api/openapi/openapi-document.js';
import type { ApiDependencies, ApiSettings } from '../../src/api/request/api-context.js';
import { packageFile } from '../../src/core/package-root.js';

export const typesPath = 'src/sdk/api-types.d.ts';

/** Types of every operation of the API as its description tells them, for clients: TypeScript, as text. */
export async function generatedTypes(): Promise<string> {
  // To describe a route nothing of what it is made of is called; some take their parts out at once.
  const clock = { nowMs: () => 0, monotonicMs: () => 0 };
  const dependencies = { clock, instruments: {}, store: {} } as unknown as ApiDependencies;
  const routes = createApiRoutes(dependencies, { retention: {} } as ApiSettings);
  const document = openApiDocument(routes, { version: '0', sockets: [] });
  const comment = '/** Made by npm run reference from the description of the API: change the routes, not this. */';
  const types = await openapiTS(document as unknown as OpenAPI3, { immutableTypes: true, commentHeader: comment });
  return `${types.replaceAll(/[ \t]+$/gm, '').trimEnd()}\n`;
}

export function writtenTypes(): string {
  return readFileSync(packageFile(typesPath), 'utf8');
}
