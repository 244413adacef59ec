// hls.js in browsers with Media Source Extensions: the place is kept by wall clock, nothing that was
// not heard is ever jumped over, and an outage is waited out for as long as it takes.
import type Hls from 'hls.js';
import type { ErrorData, HlsConfig, LevelDetails, LoadPolicy, RetryConfig } from 'hls.js';
import { NoSuchThing } from './addresses';
import { bufferedAhead, startPlaying, NOTHING } from './engine';
import type { Engine, Look, Setting } from './engine';
import { firstOf, mediaTimeOf, momentOf, titleAt } from './places';
import { MINUTE, SECOND } from './times';

type HlsClass = typeof Hls;

const SEGMENTS_MIN = 3;
const REST_AFTER = MINUTE; // paused for so long: playlists are no longer asked for
const RESETS_MAX = 3; // in RESETS_WITHIN: this browser cannot play it
const RESETS_WITHIN = 10 * SECOND;
const RECOVER_EVERY = 5 * SECOND;
const BACKOFF_MAX = 8 * SECOND;

// When a server comes back, not all its listeners come back in the same instant.
function jitter(): number {
  return Math.random() * 4 * SECOND;
}

// Whatever is no clear "no" may be over in a while: a refused connection too, which hls.js by
// itself takes for an answer.
function shouldRetry(config: RetryConfig | null | undefined, count: number, isTimeout: boolean,
  response: { code?: number } | undefined): boolean {
  const code = response?.code ?? 0;
  return count < (config?.maxNumRetry ?? 0) && (isTimeout || code < 400 || code >= 500 || code === 429);
}

function policy(): LoadPolicy {
  const retry = { maxNumRetry: 1000, maxRetryDelayMs: BACKOFF_MAX, shouldRetry } as const;
  return {
    default: {
      maxTimeToFirstByteMs: 8 * SECOND,
      maxLoadTimeMs: 20 * SECOND,
      timeoutRetry: { ...retry, retryDelayMs: 500 },
      errorRetry: { ...retry, retryDelayMs: 100 + jitter(), backoff: 'exponential' },
    },
  };
}

function settings(): Partial<HlsConfig> {
  return {
    enableWorker: false, // there is next to nothing to do for fMP4
    preferManagedMediaSource: false,
    lowLatencyMode: false,
    enableDateRangeMetadataCues: false, // titles are read from the playlist
    enableID3MetadataCues: false,
    maxBufferLength: 60,
    backBufferLength: 300,
    // Nobody is pulled forward: liveMaxLatencyDurationCount is Infinity as it comes (to set it would
    // want a liveSyncDurationCount, and that takes HOLD-BACK's place).
    manifestLoadPolicy: policy(),
    playlistLoadPolicy: policy(),
    fragLoadPolicy: policy(),
  };
}

let script: Promise<HlsClass> | null = null;
let scriptTries = 0;

// Fetched when somebody is about to press Play, not before.
export function loadHls(address: string): Promise<HlsClass> {
  // A browser may remember that an address failed.
  const url = scriptTries++ > 0 && !script ? `${address}?${scriptTries}` : address;
  script ??= (import(url) as Promise<{ default: HlsClass }>).then((module) => module.default);
  script.catch(() => (script = null));
  return script;
}

export class HlsEngine implements Engine {
  readonly kind = 'hls';
  readonly canPause = true;
  private hls: Hls | null = null;
  private details: LevelDetails | null = null;
  private turn = 0; // of open(): an older one that is still waiting gives up
  private timer = 0;
  private rest = 0; // timer that ends loading after a long pause
  private isResting = false;
  private wish: number | null = null;
  private isPast = false;
  private isInTrouble = false;
  private isWanted = true;
  private resets: number[] = [];
  private recoveredAt = -Infinity;

  constructor(private readonly setting: Setting) {}

  open(at: number | null): void {
    this.isWanted = true;
    this.load(at);
  }

  private load(at: number | null): void {
    const turn = ++this.turn;
    this.drop();
    this.wish = at;
    void this.begin(turn, at, 0);
  }

  private async begin(turn: number, at: number | null, tries: number): Promise<void> {
    const { facts, clock, isLow, addresses, events } = this.setting;
    let made: HlsClass;
    try {
      [made] = await Promise.all([loadHls(facts.script!), addresses.load()]);
    } catch (fault) {
      if (turn !== this.turn) return;
      if (fault instanceof NoSuchThing) {
        events.failed('none');
        return;
      }
      this.setTrouble(true);
      const wait = tries === 0 ? jitter() : Math.min(BACKOFF_MAX, 500 * 2 ** tries);
      this.timer = window.setTimeout(() => void this.begin(turn, at, tries + 1), wait);
      return;
    }
    if (turn !== this.turn) return;
    const address = addresses.find(at, clock.now(), isLow());
    this.isPast = address.isPast;
    this.attach(made, address.url);
  }

  private attach(made: HlsClass, url: string): void {
    const { audio, events } = this.setting;
    const { Events } = made;
    const hls = (this.hls = new made(settings()));
    let isFirst = true;
    // Where to begin is known only when the playlist is there, and hls.js asks for its first
    // segment as soon as it is told of it: so it is told with the place already in it.
    const trigger = hls.trigger.bind(hls);
    hls.trigger = (event, data) => {
      if (event === Events.LEVEL_LOADED && isFirst) {
        isFirst = false;
        this.aim((data as { details: LevelDetails }).details);
      }
      return trigger(event, data);
    };
    hls.on(Events.LEVEL_LOADED, (_, { details }) => this.take(details));
    hls.on(Events.LEVEL_UPDATED, (_, { details }) => this.take(details));
    hls.on(Events.LEVEL_PTS_UPDATED, (_, { details }) => this.take(details));
    hls.on(Events.FRAG_LOADED, () => this.setTrouble(false));
    hls.on(Events.ERROR, (_, data) => this.onError(made, data));
    hls.on(Events.MEDIA_ATTACHED, () => {
      if (this.isWanted) startPlaying(audio, () => audio.dispatchEvent(new Event('pause')));
    });
    hls.loadSource(url);
    hls.attachMedia(audio);
    events.changed();
  }

  private aim(details: LevelDetails): void {
    const first = firstOf(details);
    if (details.live && this.wish === null && details.fragments.length < SEGMENTS_MIN) {
      queueMicrotask(() => this.setting.events.failed('short'));
      return;
    }
    if (this.wish === null || !first) return;
    const time = mediaTimeOf(details, this.wish);
    if (time === null && this.wish < first.programDateTime - SECOND) {
      this.wish = first.programDateTime;
      this.setting.events.gone();
    }
    if (time !== null && details.live && time > details.edge - details.holdBack) this.wish = null;
    else details.startTimeOffset = (time ?? first.start) - details.fragmentStart;
  }

  private take(details: LevelDetails): void {
    this.details = details;
    this.setTrouble(false);
    const end = momentOf(details, details.edge);
    if (end !== null) this.setting.clock.notBefore(end);
    this.setting.events.changed();
  }

  private setTrouble(isInTrouble: boolean): void {
    if (this.isInTrouble === isInTrouble) return;
    this.isInTrouble = isInTrouble;
    this.setting.events.changed();
  }

  // ---- faults ----

  private onError(made: HlsClass, data: ErrorData): void {
    const { ErrorTypes, ErrorDetails } = made;
    if (data.type === ErrorTypes.NETWORK_ERROR) {
      this.setTrouble(true);
      if (data.fatal) this.onRefused(data);
      return;
    }
    const isReset = data.details === ErrorDetails.BUFFER_APPEND_ERROR ||
      data.details === ErrorDetails.BUFFER_APPENDING_ERROR;
    if (!data.fatal && !isReset) return;
    const now = performance.now();
    this.resets = this.resets.filter((then) => now - then < RESETS_WITHIN);
    if (this.resets.push(now) > RESETS_MAX) {
      this.setting.events.failed('media');
      return;
    }
    if (!data.fatal) return;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.recoveredAt = performance.now();
      this.hls?.recoverMediaError();
    }, Math.max(0, this.recoveredAt + RECOVER_EVERY - now));
  }

  // The policy tries again by itself; what is left is a clear "no".
  private onRefused(data: ErrorData): void {
    const code = data.response?.code ?? 0;
    const fragment = data.frag;
    if (!fragment && (code === 404 || code === 410)) {
      this.setting.events.failed('none');
      return;
    }
    let at = this.isAtLive() ? null : this.moment();
    // A segment that is no more: go on behind it.
    if (fragment && code >= 400 && code < 500 && this.details)
      at = momentOf(this.details, fragment.start + fragment.duration + 0.1);
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.load(at), SECOND + jitter());
  }

  // ---- what is heard ----

  private moment(): number | null {
    const { audio } = this.setting;
    if (!this.hls || !this.details || audio.readyState === 0) return this.wish;
    return momentOf(this.details, audio.currentTime);
  }

  private livePoint(): number | null {
    const { details, hls } = this;
    if (!details) return null;
    if (this.isPast) return momentOf(details, details.edge);
    const time = hls?.liveSyncPosition ?? null;
    return time === null ? null : momentOf(details, time);
  }

  private isAtLive(): boolean {
    const at = this.moment();
    const live = this.livePoint();
    return !this.isPast && (at === null || (live !== null && live - at < 10 * SECOND));
  }

  look(): Look {
    const at = this.moment();
    const { details } = this;
    if (!details) return { ...NOTHING, at: this.wish, isInTrouble: this.isInTrouble };
    return {
      at,
      oldest: firstOf(details)?.programDateTime ?? null,
      live: this.livePoint(),
      buffered: bufferedAhead(this.setting.audio),
      title: at === null ? null : titleAt(details, at),
      isInTrouble: this.isInTrouble,
      isPast: this.isPast,
    };
  }

  // ---- what the listener wants ----

  play(): void {
    window.clearTimeout(this.rest);
    this.isWanted = true;
    const { audio } = this.setting;
    if (this.isResting) {
      this.isResting = false;
      const at = this.moment();
      const { details } = this;
      const pausedOut = details && audio.currentTime < details.fragmentStart + MINUTE / SECOND;
      // What was listed then may be gone by now, which only a new playlist can tell.
      if (!details || pausedOut || this.restedFor() > 10 * MINUTE) {
        this.load(at);
        return;
      }
      this.hls?.startLoad(audio.currentTime, true);
    }
    startPlaying(audio, () => audio.dispatchEvent(new Event('pause')));
  }

  private restedAt = 0;
  private restedFor(): number {
    return Date.now() - this.restedAt;
  }

  pause(): void {
    this.isWanted = false;
    this.setting.audio.pause();
    window.clearTimeout(this.rest);
    this.rest = window.setTimeout(() => {
      this.isResting = true;
      this.restedAt = Date.now();
      this.hls?.stopLoad();
    }, REST_AFTER);
  }

  seek(at: number | null): void {
    const { hls, details } = this;
    const { audio } = this.setting;
    let time: number | null = null;
    if (hls && details && !this.isResting) {
      if (at !== null) time = mediaTimeOf(details, at);
      else if (!this.isPast) time = hls.liveSyncPosition;
      if (time !== null && time >= details.edge - 0.05 && (this.isPast || at === null)) time = null;
    }
    if (time === null) {
      this.isResting = false;
      this.load(at);
      return;
    }
    this.wish = at;
    audio.currentTime = time;
    this.setting.events.changed();
  }

  wake(): void {
    if (!this.hls || this.isResting || !this.isWanted || !this.isInTrouble) return;
    this.hls.stopLoad();
    this.hls.startLoad(this.setting.audio.currentTime, true);
  }

  private drop(): void {
    window.clearTimeout(this.timer);
    window.clearTimeout(this.rest);
    this.hls?.destroy();
    this.hls = null;
    this.details = null;
  }

  close(): void {
    this.turn++;
    this.drop();
    const { audio } = this.setting;
    audio.removeAttribute('src');
    audio.load();
  }
}
