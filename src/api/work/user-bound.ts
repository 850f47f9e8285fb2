import { runKind, taskKind, workKey } from '../../clickhouse/queries/work/history-kind.js';
import { type TaskRow, taskWorkId } from '../../clickhouse/queries/work/task-row.js';
import { type Owner, readOwnerByTasks, readOwners } from '../../clickhouse/queries/work/work-owner.js';
import { CollectorError } from '../../core/errors.js';
import type { Principal } from '../../core/ports/authenticator.js';
import type { HttpRoute } from '../../core/ports/http-route.js';
import type { StoreReader } from '../../core/ports/store-reader.js';

/** Whose work is asked for; null: of the whole tenant. */
export interface Reader {
  readonly tenant: string;
  readonly user: string | null;
}

export function readerOf({ tenant, user = null }: Principal): Reader {
  return { tenant, user };
}

/** The route, closed to keys that are bound to a user unless it tells them apart. */
export function refusingUsers(route: HttpRoute): HttpRoute {
  if (route.scope === null || route.byUser === true) return route;
  return {
    ...route,
    handle: (request, principal) => {
      if ((principal.user ?? null) === null) return route.handle(request, principal);
      throw new CollectorError(
        'user_bound',
        `cannot answer ${route.method} ${route.path} to a key of one user: it is not kept by user`,
      );
    },
  };
}

/** The user a list is restricted to: that of the key, else the one that is asked for. Throws `user_bound`. */
export function listedUser({ user }: Reader, asked: string | undefined): string | undefined {
  if (user === null || asked === undefined || asked === user) return user ?? asked;
  throw new CollectorError('user_bound', 'cannot list what is of another user: the key is bound to one');
}

/** Whether a run is the reader's: by its own events, by its tasks where those name nobody. */
export async function mayReadRun(store: StoreReader, { tenant, user }: Reader, runId: string): Promise<boolean> {
  if (user === null) return true;
  const owner = (await readOwners(store, runKind, { tenant, user, ids: [runId] })).get(runId) ?? 'nobody';
  return isOwn(owner === 'nobody' ? await readOwnerByTasks(store, { tenant, user, runId }) : owner);
}

/** Whether a task is the reader's: by its own events, by its run where those name nobody. */
export async function mayReadTask(store: StoreReader, reader: Reader, task: TaskRow): Promise<boolean> {
  const { tenant, user } = reader;
  if (user === null) return true;
  const owners = await readOwners(store, taskKind, { tenant, user, ids: [task.task_id] });
  const owner = owners.get(workKey(taskWorkId(task))) ?? 'nobody';
  if (owner !== 'nobody') return isOwn(owner);
  return task.run_id !== null && (await mayReadRun(store, reader, task.run_id));
}

function isOwn(owner: Owner): boolean {
  return owner === 'own';
}

/** What names the reader's user, or nobody. */
export function ofReader<Row extends { readonly user_id: string | null }>(
  rows: readonly Row[],
  { user }: Reader,
): readonly Row[] {
  return user === null ? rows : rows.filter((row) => row.user_id === null || row.user_id === user);
}
