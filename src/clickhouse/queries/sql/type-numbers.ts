import { type EventType, eventTypes } from '../../../core/event-types.js';

/** Numbers of the types as the column `type` has them, separated by commas. */
export function typeNumbers(types: readonly EventType[]): string {
  return types.map((type) => eventTypes[type]).join(', ');
}
