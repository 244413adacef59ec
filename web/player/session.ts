// The world around the page: lock screen and headset keys, other tabs, what is remembered.
import type { Look } from './engine';
import { SECOND } from './times';

export interface Keys {
  play(): void;
  pause(): void;
  stop(): void;
  skip(seconds: number): void;
  seekTo(moment: number): void;
}

export class LockScreen {
  private look: Look | null = null;

  constructor(private readonly station: string, keys: Keys) {
    this.on('play', () => keys.play());
    this.on('pause', () => keys.pause());
    this.on('stop', () => keys.stop());
    this.on('seekbackward', (details) => keys.skip(-(details.seekOffset ?? 15)));
    this.on('seekforward', (details) => keys.skip(details.seekOffset ?? 30));
    this.on('seekto', (details) => {
      if (this.look?.oldest && details.seekTime !== undefined)
        keys.seekTo(this.look.oldest + details.seekTime * SECOND);
    });
  }

  private on(action: MediaSessionAction, handler: MediaSessionActionHandler): void {
    try {
      navigator.mediaSession?.setActionHandler(action, handler);
    } catch {
      // An action that this browser does not know.
    }
  }

  show(state: MediaSessionPlaybackState, title: string, look: Look, isLive: boolean): void {
    const session = navigator.mediaSession;
    if (!session) return;
    this.look = look;
    session.playbackState = state;
    const { station } = this;
    if (session.metadata?.title !== title || session.metadata.album !== station)
      session.metadata = new MediaMetadata({ title, artist: station, album: station });
    const { at, oldest, live } = look;
    try {
      if (isLive || at === null || oldest === null || live === null || live <= oldest)
        session.setPositionState({ duration: Infinity, position: 0 });
      else
        session.setPositionState({
          duration: (live - oldest) / SECOND,
          position: Math.min(Math.max(0, at - oldest), live - oldest) / SECOND,
        });
    } catch {
      // Older browsers refuse an endless duration.
    }
  }
}

// Of several tabs one plays.
export class Tabs {
  private readonly channel = 'BroadcastChannel' in window ? new BroadcastChannel('mast-player') : null;

  constructor(onOther: () => void) {
    this.channel?.addEventListener('message', onOther);
  }

  claim(): void {
    this.channel?.postMessage('playing');
  }

  close(): void {
    this.channel?.close();
  }
}

const LOW = 'mast-low-data';

// Storage may be forbidden; then the choice holds for this page.
export function rememberLow(isLow: boolean): void {
  try {
    localStorage.setItem(LOW, isLow ? '1' : '0');
  } catch {
    // Forbidden.
  }
}

export function wantsLow(): boolean {
  let choice: string | null = null;
  try {
    choice = localStorage.getItem(LOW);
  } catch {
    // Forbidden.
  }
  if (choice !== null) return choice === '1';
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  return connection?.saveData === true;
}
