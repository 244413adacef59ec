// Where sound lies on the server: the live window of the master's renditions, and closed ranges of
// what is older.
import type { Facts } from './facts';
import { HOUR, MINUTE, SECOND } from './times';

const RANGE = 6 * HOUR;
const MARGIN = MINUTE;
const LEAD_IN = 30 * MINUTE; // can be gone back from where a range was asked for
const NOT_YET = 30 * SECOND; // the newest segments are not listed as closed

export interface Address {
  url: string;
  isPast: boolean;
}

interface Variant {
  url: URL;
  bandwidth: number;
}

export function parseMaster(text: string, base: string): Variant[] {
  const variants: Variant[] = [];
  let bandwidth: number | null = null;
  for (const line of text.split('\n').map((x) => x.trim())) {
    if (line.startsWith('#EXT-X-STREAM-INF:'))
      bandwidth = Number(/[:,]BANDWIDTH=(\d+)/.exec(line)?.[1] ?? 0);
    else if (line && !line.startsWith('#') && bandwidth !== null) {
      variants.push({ url: new URL(line, base), bandwidth });
      bandwidth = null;
    }
  }
  return variants;
}

export class NoSuchThing extends Error {}

// The master is asked for once: the listener's number that it gives out stays with him.
export class Addresses {
  private variants: Variant[] | null = null;
  private loading: Promise<void> | null = null;

  constructor(private readonly facts: Facts) {}

  load(): Promise<void> {
    this.loading ??= this.fetch().catch((fault: unknown) => {
      this.loading = null;
      throw fault;
    });
    return this.loading;
  }

  private async fetch(): Promise<void> {
    const response = await fetch(this.facts.hls ?? '', { cache: 'no-store' });
    if (response.status >= 400 && response.status < 500 && response.status !== 429)
      throw new NoSuchThing(String(response.status));
    if (!response.ok) throw new Error(String(response.status));
    const variants = parseMaster(await response.text(), response.url);
    if (variants.length === 0) throw new NoSuchThing('empty');
    this.variants = variants;
  }

  private variant(isLow: boolean): Variant {
    const [first, ...rest] = this.variants!;
    if (!isLow) return first!;
    return rest.reduce((low, other) => (other.bandwidth < low.bandwidth ? other : low), first!);
  }

  // The live window if it has the moment, else a range around it.
  find(at: number | null, now: number, isLow: boolean): Address {
    const { oldest, windowMs, lowWindowMs } = this.facts;
    const { url } = this.variant(isLow);
    const reach = now - (isLow ? lowWindowMs : windowMs) + MARGIN;
    if (at === null || at >= reach) return { url: url.href, isPast: false };
    const from = Math.floor(Math.max(at - LEAD_IN, Math.min(at, oldest + SECOND)) / SECOND);
    const to = Math.floor(Math.min((from + RANGE / SECOND) * SECOND, now - NOT_YET) / SECOND);
    const range = new URL(`${from}-${to}.m3u8`, url);
    range.search = url.search;
    return { url: range.href, isPast: true };
  }
}
