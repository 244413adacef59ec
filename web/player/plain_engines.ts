// The two ways without hls.js: HLS by the browser itself (Safari), and the endless plain stream.
import { NoSuchThing } from './addresses';
import { bufferedAhead, startPlaying, NOTHING } from './engine';
import type { Engine, Look, Setting } from './engine';
import { SECOND } from './times';

const BACKOFF_MAX = 8 * SECOND;
const STALLED_AFTER = 10 * SECOND;
const HOLD_BACK = 18 * SECOND;
const ICY_DELAY = 4 * SECOND; // studio to ear

// A source that is set anew when it breaks, ever more slowly.
class Reconnector {
  isInTrouble = false;
  private tries = 0;
  private timer = 0;
  private readonly ends = new AbortController();

  constructor(private readonly setting: Setting, private readonly again: () => void) {
    const { audio, events } = setting;
    const { signal } = this.ends;
    audio.addEventListener('error', () => audio.getAttribute('src') && this.retry(), { signal });
    audio.addEventListener('playing', () => {
      this.tries = 0;
      this.isInTrouble = false;
      window.clearTimeout(this.timer);
      events.changed();
    }, { signal });
    for (const name of ['waiting', 'stalled'])
      audio.addEventListener(name, () => this.retry(STALLED_AFTER), { signal });
  }

  retry(wait?: number): void {
    if (wait === undefined) {
      this.isInTrouble = true;
      this.setting.events.changed();
      wait = this.tries++ === 0 ? Math.random() * 4 * SECOND : Math.min(BACKOFF_MAX, 500 * 2 ** this.tries);
    }
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      const { audio } = this.setting;
      if (!audio.paused && audio.readyState >= 3) return;
      this.isInTrouble = true;
      this.again();
      this.setting.events.changed();
    }, wait);
  }

  now(): void {
    if (this.isInTrouble) this.retry(0);
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.ends.abort();
  }
}

function clear(audio: HTMLAudioElement): void {
  audio.removeAttribute('src');
  audio.load();
}

// There is no pause in an endless stream: what is paused comes back late, and stays late.
export class IcyEngine implements Engine {
  readonly kind = 'icy';
  readonly canPause = false;
  private readonly reconnector: Reconnector;
  private begunAt: number | null = null; // ?at= of what is heard
  private begun = 0; // currentTime then

  constructor(private readonly setting: Setting) {
    this.reconnector = new Reconnector(setting, () => this.load(this.look().at));
    setting.audio.addEventListener('ended', this.onEnded);
  }

  private readonly onEnded = () => this.reconnector.retry();

  open(at: number | null): void {
    this.load(at);
  }

  private load(at: number | null): void {
    const { audio, facts } = this.setting;
    const base = facts.icy ?? '';
    this.begunAt = at;
    this.begun = 0;
    audio.src = at === null ? base : `${base}?at=${new Date(at).toISOString()}`;
    this.play();
  }

  play(): void {
    const { audio } = this.setting;
    startPlaying(audio, () => audio.dispatchEvent(new Event('pause')));
  }

  pause(): void {
    clear(this.setting.audio);
  }

  seek(at: number | null): void {
    this.load(at);
  }

  wake(): void {
    this.reconnector.now();
  }

  look(): Look {
    const { audio, clock } = this.setting;
    const live = clock.now() - ICY_DELAY;
    const at = this.begunAt === null ? null : this.begunAt + (audio.currentTime - this.begun) * SECOND;
    const { isInTrouble } = this.reconnector;
    return { ...NOTHING, at, live, buffered: bufferedAhead(audio), isInTrouble };
  }

  close(): void {
    this.reconnector.close();
    this.setting.audio.removeEventListener('ended', this.onEnded);
    clear(this.setting.audio);
  }
}

interface DatedAudio extends HTMLAudioElement {
  getStartDate?(): Date; // of currentTime 0
}

// Safari: AirPlay, lock screen and background only work with its own.
export class NativeEngine implements Engine {
  readonly kind = 'native';
  readonly canPause = true;
  private readonly reconnector: Reconnector;
  private turn = 0;
  private wish: number | null = null;
  private isPast = false;
  private isAimed = true;

  constructor(private readonly setting: Setting) {
    this.reconnector = new Reconnector(setting, () => this.load(this.look().at));
    setting.audio.addEventListener('loadedmetadata', this.onMetadata);
    setting.audio.addEventListener('progress', this.onMetadata);
  }

  // Safari may know its dates and its window only some time after the metadata.
  private readonly onMetadata = () => {
    if (this.isAimed || this.wish === null) return;
    const time = this.mediaTime(this.wish);
    if (time === null) return;
    this.isAimed = true;
    this.setting.audio.currentTime = time;
  };

  private startMs(): number | null {
    const ms = (this.setting.audio as DatedAudio).getStartDate?.().getTime();
    return ms === undefined || Number.isNaN(ms) ? null : ms;
  }

  private mediaTime(moment: number): number | null {
    const start = this.startMs();
    const { seekable } = this.setting.audio;
    if (start === null || seekable.length === 0) return null;
    const time = (moment - start) / SECOND;
    return Math.min(Math.max(time, seekable.start(0)), seekable.end(seekable.length - 1));
  }

  open(at: number | null): void {
    this.load(at);
  }

  // Within the press itself: Safari lets nothing sound that begins later.
  private load(at: number | null): void {
    const { audio, facts, clock, addresses } = this.setting;
    const turn = ++this.turn;
    this.wish = at;
    this.isAimed = at === null;
    this.isPast = false;
    audio.src = facts.hls!;
    this.play();
    if (at === null) return;
    addresses.load().then(() => {
      const address = addresses.find(at, clock.now(), this.setting.isLow());
      if (turn !== this.turn || !address.isPast) return;
      this.isPast = true;
      audio.src = address.url;
      this.play();
    }, (fault: unknown) => {
      if (turn === this.turn && fault instanceof NoSuchThing) this.setting.events.failed('none');
    });
  }

  play(): void {
    const { audio } = this.setting;
    startPlaying(audio, () => audio.dispatchEvent(new Event('pause')));
  }

  pause(): void {
    this.setting.audio.pause();
  }

  seek(at: number | null): void {
    const { audio } = this.setting;
    const { seekable } = audio;
    const start = this.startMs();
    if (at === null && !this.isPast && seekable.length > 0) {
      audio.currentTime = seekable.end(seekable.length - 1) - HOLD_BACK / SECOND;
      return;
    }
    const time = at === null ? null : this.mediaTime(at);
    if (at === null || start === null || time === null || Math.abs(start + time * SECOND - at) > SECOND)
      this.load(at);
    else audio.currentTime = time;
  }

  wake(): void {
    this.reconnector.now();
  }

  look(): Look {
    const { audio } = this.setting;
    const start = this.startMs();
    const { seekable } = audio;
    const { isInTrouble } = this.reconnector;
    if (start === null || seekable.length === 0 || !this.isAimed)
      return { ...NOTHING, at: this.wish, isInTrouble };
    const end = seekable.end(seekable.length - 1) - (this.isPast ? 0 : HOLD_BACK / SECOND);
    return {
      at: start + audio.currentTime * SECOND,
      oldest: start + seekable.start(0) * SECOND,
      live: start + end * SECOND,
      buffered: bufferedAhead(audio),
      title: null,
      isInTrouble,
      isPast: this.isPast,
    };
  }

  close(): void {
    this.turn++;
    this.reconnector.close();
    const { audio } = this.setting;
    audio.removeEventListener('loadedmetadata', this.onMetadata);
    audio.removeEventListener('progress', this.onMetadata);
    clear(audio);
  }
}
