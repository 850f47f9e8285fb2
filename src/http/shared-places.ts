import type { Principal } from '../core/ports/authenticator.js';
import type { Peer } from './peer-address.js';

export interface PlaceLimits {
  readonly placesMax: number;
  /** Of `placesMax`, what one API key may hold; at least one place. */
  readonly keyRatioMax: number;
  /** The same of one address. */
  readonly addressRatioMax: number;
}

export interface PlaceHolder {
  /** Empty: no key was needed, and only the address counts. */
  readonly key: string;
  readonly address: string;
}

export function holderOf({ tenant, keyName }: Principal, { address }: Peer): PlaceHolder {
  return { key: keyName === '' ? '' : `${tenant}/${keyName}`, address };
}

export type PlaceRefusal = 'overloaded' | 'key_overloaded' | 'address_overloaded';

/**
 * A bounded number of places (requests, connections, bytes) of which no key and no address can take all: whoever holds
 * its share is refused while others still get in. Whoever holds nothing takes no memory here.
 */
export class SharedPlaces {
  readonly #limits: PlaceLimits;
  readonly #keyPlacesMax: number;
  readonly #addressPlacesMax: number;
  readonly #keys = new Map<string, number>();
  readonly #addresses = new Map<string, number>();
  #taken = 0;

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
    this.#keyPlacesMax = Math.max(1, Math.floor(limits.placesMax * limits.keyRatioMax));
    this.#addressPlacesMax = Math.max(1, Math.floor(limits.placesMax * limits.addressRatioMax));
  }

  get taken(): number {
    return this.#taken;
  }

  /** Null when the places are taken; each `tryTake` that gave null is followed by one `give` of as many. */
  tryTake({ key, address }: PlaceHolder, places: number): PlaceRefusal | null {
    if (this.#taken + places > this.#limits.placesMax) return 'overloaded';
    const ofKey = (this.#keys.get(key) ?? 0) + places;
    if (key !== '' && ofKey > this.#keyPlacesMax) return 'key_overloaded';
    const ofAddress = (this.#addresses.get(address) ?? 0) + places;
    if (ofAddress > this.#addressPlacesMax) return 'address_overloaded';
    this.#taken += places;
    if (key !== '') this.#keys.set(key, ofKey);
    this.#addresses.set(address, ofAddress);
    return null;
  }

  give({ key, address }: PlaceHolder, places: number): void {
    this.#taken -= places;
    if (key !== '') lessen(this.#keys, key, places);
    lessen(this.#addresses, address, places);
  }
}

function lessen(counts: Map<string, number>, name: string, places: number): void {
  const left = (counts.get(name) ?? 0) - places;
  if (left > 0) counts.set(name, left);
  else counts.delete(name);
}
