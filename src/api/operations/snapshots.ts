import { z } from 'zod';
import { CollectorError } from '../../core/errors.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import { quoted } from '../../core/problem.js';
import { instant } from '../../core/time-text.js';
import { instantSchema, textSchema } from '../answers/answer-schema.js';
import { type ApiContext, jsonReply } from '../request/api-context.js';
import { isPossibleId, parseParameters } from '../request/parameters.js';

/**
 * `POST /api/v1/maintenance/snapshots`, `DELETE /api/v1/maintenance/snapshots/{snapshot_id}`: an image of the data
 * directory, beside its files and on its disk, for `tidemark backup`. The answer tells none of its content.
 */
export function createSnapshotRoutes(context: ApiContext): HttpRoute[] {
  return [createTakeRoute(context), createDropRoute(context)];
}

const noParameters = z.strictObject({});
const snapshotId = textSchema.meta({ description: 'Its folder below `snapshot` in the data directory.' });

function createTakeRoute({ snapshots }: ApiContext): HttpRoute {
  return {
    method: 'POST',
    path: '/api/v1/maintenance/snapshots',
    scope: 'admin',
    operation: {
      id: 'takeSnapshot',
      tag: 'administration',
      summary: 'Takes an image of the data directory beside it, for tidemark backup, in place of the last one',
      query: noParameters,
      status: 201,
      answer: { kind: 'json', schema: z.strictObject({ snapshot_id: snapshotId, taken_at: instantSchema }) },
      errors: ['snapshot_unsupported'],
    },
    handle: async (request) => {
      parseParameters(noParameters, request.query);
      const { id, takenMs } = await snapshots.take();
      return { ...jsonReply({ snapshot_id: id, taken_at: instant(takenMs) }, 201), audited: { snapshot_id: id } };
    },
  };
}

function createDropRoute({ snapshots }: ApiContext): HttpRoute {
  return {
    method: 'DELETE',
    path: '/api/v1/maintenance/snapshots/{snapshot_id}',
    scope: 'admin',
    operation: {
      id: 'dropSnapshot',
      tag: 'administration',
      summary: 'Deletes an image of the data directory; one that is not there is no error',
      query: noParameters,
      answer: { kind: 'json', schema: z.strictObject({ dropped: z.boolean() }) },
      errors: ['not_found'],
    },
    handle: async (request) => {
      parseParameters(noParameters, request.query);
      const id = request.params.snapshot_id ?? '';
      if (!isPossibleId(id)) throw new CollectorError('not_found', `cannot find snapshot ${quoted(id)}`);
      return jsonReply({ dropped: await snapshots.drop(id) });
    },
  };
}
