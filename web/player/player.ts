// What the listener wants, what the engine does, and what is said of both.
import { Addresses } from './addresses';
import { bufferedAhead, chooseKind, NOTHING } from './engine';
import type { Engine, Failure, Look, Setting } from './engine';
import type { Facts } from './facts';
import { HlsEngine, loadHls } from './hls_engine';
import { IcyEngine, NativeEngine } from './plain_engines';
import { LockScreen, rememberLow, Tabs, wantsLow } from './session';
import { Clock, distance, SECOND } from './times';
import { View } from './view';
import type { Model } from './view';

const LIVE_WITHIN = 10 * SECOND; // nearer to live is live
const HOLD_BACK = 18 * SECOND;
const TELL_BEHIND = 30 * SECOND;
const TELL_TROUBLE_AFTER = 1.5 * SECOND;
const ASLEEP_AFTER = 30 * SECOND; // between two ticks

type Phase = 'idle' | 'on' | 'paused';

export class Player {
  private readonly clock: Clock;
  private readonly view: View;
  private readonly tabs: Tabs;
  private readonly lockScreen: LockScreen;
  private readonly setting: Setting;
  private readonly ends = new AbortController();
  private readonly ticker: number;
  private engine: Engine | null = null;
  private phase: Phase = 'idle';
  private wish: number | null; // where Play begins; null = live
  private isBarred = false; // HLS does not work here
  private isWaiting = false; // no sound although there should be
  private troubleSince: number | null = null;
  private isTroubleTold = false;
  private note = '';
  private title: string | null = null;
  private isLow = wantsLow();
  private tickedAt = Date.now();

  constructor(section: HTMLElement, private readonly facts: Facts,
    private readonly audio: HTMLAudioElement) {
    this.clock = new Clock(facts.now);
    this.wish = facts.at;
    this.setting = {
      facts,
      audio,
      clock: this.clock,
      addresses: new Addresses(facts),
      isLow: () => this.isLow,
      events: {
        changed: () => this.render(),
        failed: (why) => this.onFailed(why),
        gone: () => this.tell('That moment is no longer available. This is the oldest that is.'),
      },
    };
    this.view = new View(section, audio, facts.zone, {
      press: () => this.press(),
      prepare: () => this.prepare(),
      live: () => this.live(),
      skip: (seconds) => this.skip(seconds),
      goTo: (moment) => this.goTo(moment),
      setLow: (isLow) => this.setLow(isLow),
    }, facts.lowKbps && facts.hls ? { kbps: facts.lowKbps, isOn: this.isLow } : null);
    this.tabs = new Tabs(() => this.onOtherTab());
    this.lockScreen = new LockScreen(facts.name, {
      play: () => this.phase !== 'on' && this.press(),
      pause: () => this.phase === 'on' && this.press(),
      stop: () => this.stop(),
      skip: (seconds) => this.skip(seconds),
      seekTo: (moment) => this.goTo(moment),
    });
    this.listen();
    this.ticker = window.setInterval(() => this.tick(), SECOND);
    this.render(true);
  }

  get isOn(): boolean {
    return this.phase === 'on';
  }

  private listen(): void {
    const { signal } = this.ends;
    const { audio } = this;
    const wake = () => document.visibilityState === 'visible' && this.wake();
    audio.addEventListener('playing', () => this.onSound(), { signal });
    audio.addEventListener('waiting', () => this.setWaiting(true), { signal });
    audio.addEventListener('seeked', () => this.render(true), { signal });
    audio.addEventListener('pause', () => this.onPause(), { signal });
    audio.addEventListener('ended', () => this.onEnded(), { signal });
    document.addEventListener('visibilitychange', wake, { signal });
    window.addEventListener('pageshow', wake, { signal });
    window.addEventListener('online', () => this.wake(), { signal });
    window.addEventListener('offline', () => this.render(), { signal });
  }

  // ---- what the listener does ----

  prepare(): void {
    const { facts, setting } = this;
    if (!facts.script || this.kind() !== 'hls') return;
    for (const part of [loadHls(facts.script), setting.addresses.load()]) part.catch(() => undefined);
  }

  private kind(): Engine['kind'] | null {
    return chooseKind(this.setting, this.isBarred);
  }

  press(): void {
    this.note = '';
    if (this.phase === 'idle') this.start(this.wish);
    else if (this.phase === 'paused') this.resume();
    else if (this.engine?.canPause) this.pause();
    else this.stop();
  }

  // Play, from the page or from the one before it.
  start(at: number | null): void {
    const kind = this.kind();
    this.engine?.close();
    this.engine = null;
    if (!kind) {
      this.tell('This browser cannot play it. The addresses below work in any player.');
      return;
    }
    const made = { hls: HlsEngine, native: NativeEngine, icy: IcyEngine }[kind];
    this.engine = new made(this.setting);
    this.phase = 'on';
    this.wish = at;
    this.setWaiting(true);
    this.engine.open(at);
    this.tabs.claim();
    this.render(true);
  }

  private resume(): void {
    this.phase = 'on';
    this.setWaiting(true);
    this.engine?.play();
    this.tabs.claim();
    this.render(true);
  }

  private pause(): void {
    this.phase = 'paused';
    this.setWaiting(false);
    this.engine?.pause();
    this.view.say('Paused');
    this.render(true);
  }

  stop(): void {
    if (this.phase === 'idle') return;
    this.phase = 'idle';
    this.wish = null;
    this.setWaiting(false);
    this.engine?.close();
    this.engine = null;
    this.view.say('Stopped');
    this.render(true);
  }

  live(): void {
    this.note = '';
    if (this.engine && this.phase !== 'idle') {
      this.engine.seek(null);
      if (this.phase === 'paused') this.resume();
      this.render(true);
    } else {
      this.start(null);
    }
  }

  skip(seconds: number): void {
    const { at, live } = this.look();
    const from = at ?? live;
    if (from !== null) this.goTo(from + seconds * SECOND);
  }

  goTo(moment: number): void {
    this.note = '';
    const { live, isPast } = this.look();
    const isBeyond = live !== null && moment > live - 2 * SECOND;
    const at = isBeyond && !isPast ? null : moment;
    if (this.engine && this.phase !== 'idle') this.engine.seek(at);
    else this.wish = at;
    this.render(true);
  }

  private setLow(isLow: boolean): void {
    this.isLow = isLow;
    rememberLow(isLow);
    if (this.phase !== 'on' || !this.engine) return;
    const look = this.look();
    this.engine.open(this.isLiveAt(look) ? null : look.at);
  }

  // ---- what happens ----

  private onSound(): void {
    this.setWaiting(false);
    if (this.phase !== 'on') return;
    this.view.say(`Playing ${this.facts.name}`);
    this.render(true);
  }

  // The system took the sound (a call, a headset pulled out), or nobody had pressed anything yet.
  private onPause(): void {
    if (this.phase !== 'on' || !this.audio.paused || this.audio.ended || this.audio.seeking) return;
    if (!this.engine?.canPause) this.stop();
    else this.pause();
  }

  // A closed range is at its end: what comes then is in the next one, or in the live window.
  private onEnded(): void {
    const { at, isPast } = this.look();
    if (this.phase !== 'on' || !isPast || at === null) return;
    if (!this.facts.isOn && at > this.facts.newest - HOLD_BACK) {
      this.stop();
      this.tell('This is where the recording ends.');
      return;
    }
    this.engine?.open(at + SECOND / 2);
  }

  private onFailed(why: Failure): void {
    const at = this.look().at;
    this.engine?.close();
    this.engine = null;
    // Not enough segments yet is over in some seconds; the other reasons stay.
    if (why !== 'short') this.isBarred = true;
    if (this.phase !== 'on' || !this.facts.icy) {
      this.phase = 'idle';
      this.setWaiting(false);
      this.tell('This cannot be played just now. The addresses below work in any player.');
      return;
    }
    const isLive = at === null || this.clock.now() - at < HOLD_BACK + LIVE_WITHIN;
    this.engine = new IcyEngine(this.setting);
    this.engine.open(isLive ? null : at);
    this.render(true);
  }

  private onOtherTab(): void {
    if (this.phase !== 'on') return;
    if (this.engine?.canPause) this.pause();
    else this.stop();
    this.tell('Playing in another tab.');
  }

  private wake(): void {
    if (this.phase === 'on') this.engine?.wake();
    this.render();
  }

  private tick(): void {
    const now = Date.now();
    const wasAsleep = now - this.tickedAt > ASLEEP_AFTER;
    this.tickedAt = now;
    if (wasAsleep) this.wake();
    else this.render();
  }

  private setWaiting(isWaiting: boolean): void {
    if (this.isWaiting === isWaiting) return;
    this.isWaiting = isWaiting;
    this.render();
  }

  // ---- what is said ----

  private tell(note: string): void {
    this.note = note;
    this.view.say(note);
    this.render();
  }

  private followTrouble(look: Look): void {
    const now = performance.now();
    if (this.phase === 'on' && (look.isInTrouble || !navigator.onLine)) {
      this.troubleSince ??= now;
      if (!this.isTroubleTold && now - this.troubleSince >= TELL_TROUBLE_AFTER) {
        this.isTroubleTold = true;
        this.view.say('Reconnecting');
      }
      return;
    }
    this.troubleSince = null;
    if (!this.isTroubleTold) return;
    this.isTroubleTold = false;
    if (this.phase !== 'on') return;
    const behind = look.at !== null && look.live !== null ? look.live - look.at : 0;
    const isTold = behind > TELL_BEHIND && this.engine?.canPause;
    this.note = isTold ? `Reconnected, ${distance(behind)} behind live.` : '';
    this.view.say(this.note || 'Reconnected');
  }

  private noteNow(isLive: boolean): string {
    if (this.isTroubleTold) {
      const seconds = Math.floor(bufferedAhead(this.audio));
      return `Reconnecting… ${seconds > 0 ? `${seconds} s buffered` : ''}`.trim();
    }
    if (isLive && this.note.startsWith('Reconnected')) this.note = '';
    return this.note;
  }

  // Of what plays, or of what Play would begin with.
  private look(): Look {
    const { facts, clock } = this;
    const look = this.engine?.look() ?? NOTHING;
    const now = facts.isOn ? clock.now() : Math.min(facts.newest, clock.now());
    const live = look.live ?? now - HOLD_BACK;
    const oldest = look.oldest ?? Math.max(facts.oldest, now - facts.windowMs);
    const at = look.at ?? (this.engine ? null : this.wish);
    // Before anything was loaded, a wish older than the window widens it.
    return { ...look, at, live, oldest: at === null ? oldest : Math.min(oldest, at) };
  }

  private isLiveAt(look: Look): boolean {
    return !look.isPast && (look.at === null || look.live! - look.at < LIVE_WITHIN);
  }

  private render(isAsked = false): void {
    const { clock, engine } = this;
    const look = this.look();
    this.followTrouble(look);
    const isLive = this.isLiveAt(look);
    if (look.title !== null) this.title = look.title;
    const live = look.live!;
    const oldest = Math.min(look.oldest!, live);
    const at = look.at === null ? live : Math.min(Math.max(look.at, oldest), live);
    const model: Model = {
      button: this.phase !== 'on' ? 'play' : engine?.canPause ? 'pause' : 'stop',
      buttonName: this.buttonName(isLive),
      isBusy: this.phase === 'on' && this.isWaiting,
      isLive,
      canSeek: engine ? engine.kind !== 'icy' : this.kind() !== 'icy' && this.kind() !== null,
      now: clock.now(),
      at,
      oldest,
      live,
      isPast: look.isPast,
      title: this.title,
      note: this.noteNow(isLive),
    };
    this.view.render(model, isAsked);
    if (this.phase === 'idle') return;
    const state = this.phase === 'on' ? 'playing' : 'paused';
    this.lockScreen.show(state, this.title || 'Live', { ...look, at, live, oldest }, isLive);
  }

  private buttonName(isLive: boolean): string {
    if (this.phase === 'on') return this.engine?.canPause ? 'Pause' : 'Stop';
    return `Play ${this.facts.name}${isLive ? ' live' : ''}`;
  }

  close(): void {
    window.clearInterval(this.ticker);
    this.ends.abort();
    this.tabs.close();
    this.phase = 'idle';
    this.engine?.close();
    this.engine = null;
    this.view.close();
  }
}
