import type { HttpRoute } from '../core/ports/http-route.js';
import { type PlaceHolder, type PlaceRefusal, SharedPlaces } from './shared-places.js';

export interface RequestPlacesOptions {
  /** HTTP requests under way at once: uploads, and apart from them reads. */
  readonly requestsMax: number;
  /** Requests for health and metrics under way at once. */
  readonly monitoringRequestsMax: number;
  /** Bytes of bodies that arrive or are being handled. */
  readonly bodiesBytesMax: number;
  /** Of each of the three, what one key or one address may hold. */
  readonly requestsKeyRatioMax: number;
  readonly requestsAddressRatioMax: number;
}

/** `open-ended`: bounded by its route. */
type Lane = 'upload' | 'read' | 'monitoring' | 'open-ended';

/**
 * How many requests are under way, by what they are for: uploads, however slow, leave reads their places, and neither
 * takes those of health and metrics. Within a lane, no key and no address has all places.
 */
export class RequestPlaces {
  readonly bodies: SharedPlaces;
  readonly #lanes: Readonly<Record<Exclude<Lane, 'open-ended'>, SharedPlaces>>;

  constructor(options: RequestPlacesOptions) {
    const { requestsMax, monitoringRequestsMax, bodiesBytesMax } = options;
    const ratios = { keyRatioMax: options.requestsKeyRatioMax, addressRatioMax: options.requestsAddressRatioMax };
    const places = (placesMax: number) => new SharedPlaces({ placesMax, ...ratios });
    this.#lanes = { upload: places(requestsMax), read: places(requestsMax), monitoring: places(monitoringRequestsMax) };
    this.bodies = places(bodiesBytesMax);
  }

  /** Null when the request may go on; `leave` must follow. */
  tryEnter(route: HttpRoute, holder: PlaceHolder): PlaceRefusal | null {
    const lane = laneOf(route);
    return lane === 'open-ended' ? null : this.#lanes[lane].tryTake(holder, 1);
  }

  leave(route: HttpRoute, holder: PlaceHolder): void {
    const lane = laneOf(route);
    if (lane !== 'open-ended') this.#lanes[lane].give(holder, 1);
  }
}

function laneOf({ scope, monitoring, longLived, bodyBytesMax = 0 }: HttpRoute): Lane {
  if (longLived === true) return 'open-ended';
  if (scope === null || monitoring === true) return 'monitoring';
  return bodyBytesMax > 0 ? 'upload' : 'read';
}
