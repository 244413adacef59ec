// What plays: one of three ways, behind one interface.
import type { Addresses } from './addresses';
import type { Facts } from './facts';
import type { Clock } from './times';

export interface Look {
  at: number | null; // the moment that is heard, or will be; null = unknown, live
  oldest: number | null; // what can be reached here; null = nothing but live
  live: number | null; // the moment that a listener at the live edge hears
  buffered: number; // seconds in hand
  title: string | null; // of what is heard; null = unknown
  isInTrouble: boolean; // the network does not answer
  isPast: boolean; // a closed range: it does not grow
}

// Why an engine gives up. none: the server does not have it; short: not enough of it yet.
export type Failure = 'none' | 'short' | 'media';

export interface Events {
  changed(): void;
  failed(why: Failure): void;
  gone(): void; // the moment that was asked for is not there; it begins at the oldest
}

export interface Engine {
  readonly kind: 'hls' | 'native' | 'icy';
  readonly canPause: boolean;
  open(at: number | null): void; // null = live; plays as soon as it can
  play(): void;
  pause(): void;
  seek(at: number | null): void;
  wake(): void; // after sleep, or when the network is back: look at once whether all goes on
  look(): Look;
  close(): void;
}

export interface Setting {
  facts: Facts;
  clock: Clock;
  audio: HTMLAudioElement;
  addresses: Addresses;
  events: Events;
  isLow(): boolean;
}

export const NOTHING: Look = {
  at: null, oldest: null, live: null, buffered: 0, title: null, isInTrouble: false, isPast: false,
};

const HLS_TYPE = 'application/vnd.apple.mpegurl';
const SEGMENT_MS = 6000;

// canPlayType says "maybe" in Chromium too, whose own HLS cannot go back.
function hasAppleHls(audio: HTMLAudioElement): boolean {
  if (!audio.canPlayType(HLS_TYPE)) return false;
  return 'ManagedMediaSource' in window || !('MediaSource' in window);
}

function hasSegments(facts: Facts, clock: Clock): boolean {
  const newest = facts.isOn ? facts.newest + clock.now() - facts.now : facts.newest;
  return newest - facts.oldest >= 4 * SEGMENT_MS; // three whole ones, wherever they are cut
}

export function chooseKind(setting: Setting, isBarred: boolean): Engine['kind'] | null {
  const { facts, clock, audio } = setting;
  const plain = facts.icy || facts.at !== null ? 'icy' : null;
  if (!facts.hls || isBarred || !hasSegments(facts, clock)) return plain;
  if (hasAppleHls(audio)) return 'native';
  const aac = 'audio/mp4; codecs="mp4a.40.2"';
  if (facts.script && 'MediaSource' in window && MediaSource.isTypeSupported(aac)) return 'hls';
  return plain;
}

// Bytes that are still to be heard, in seconds.
export function bufferedAhead(audio: HTMLAudioElement): number {
  const { buffered, currentTime } = audio;
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= currentTime + 0.5 && buffered.end(i) > currentTime)
      return buffered.end(i) - currentTime;
  }
  return 0;
}

// play() may be refused (nobody pressed anything) or overtaken by the next load; only the first is
// worth telling.
export function startPlaying(audio: HTMLAudioElement, refused: () => void): void {
  audio.play().catch((fault: unknown) => {
    if (fault instanceof DOMException && fault.name === 'NotAllowedError') refused();
  });
}
