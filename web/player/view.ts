// The controls, put in the place of the browser's own. Knows nothing of engines: it shows a model
// and tells what was pressed.
import { distance, MINUTE, SECOND, Wall } from './times';

export interface Model {
  button: 'play' | 'pause' | 'stop';
  buttonName: string;
  isBusy: boolean;
  isLive: boolean; // the live edge is heard, or would be
  canSeek: boolean;
  now: number;
  at: number; // the moment that is heard, or would be
  oldest: number;
  live: number;
  isPast: boolean;
  title: string | null; // null = leave what the page says
  note: string; // visible
}

export interface Actions {
  press(): void;
  prepare(): void; // the press is near
  live(): void;
  skip(seconds: number): void;
  goTo(moment: number): void;
  setLow(isLow: boolean): void;
}

const BUSY_AFTER = 300;
const COMMIT_AFTER = 400; // keys that repeat are one seek
const SKIPS = [-30, -15, 15, 30];
const SHAPES: Record<Model['button'], string> = {
  play: 'M8 5.2v13.6L19 12z',
  pause: 'M7 5h3.6v14H7zM13.4 5H17v14h-3.6z',
  stop: 'M6.5 6.5h11v11h-11z',
};
const SVG = 'http://www.w3.org/2000/svg';

function make<K extends keyof HTMLElementTagNameMap>(name: K, className: string,
  ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export class View {
  private readonly root = make('div', 'controls');
  private readonly button = make('button', 'go');
  private readonly shape = document.createElementNS(SVG, 'path');
  private readonly liveButton = make('button', 'live', 'LIVE');
  private readonly skips: HTMLButtonElement[] = [];
  private readonly seek = make('div', 'seek');
  private readonly slider = make('input', '');
  private readonly place = make('p', 'place');
  private readonly from = make('span', '');
  private readonly to = make('span', '');
  private readonly note = make('p', 'note');
  private readonly said = make('p', 'hidden');
  private readonly wall: Wall;
  private model: Model | null = null;
  private preview: number | null = null;
  private commit = 0;
  private busy = 0;
  private spokenAt = 0;

  constructor(private readonly section: HTMLElement, audio: HTMLAudioElement, zone: string,
    private readonly actions: Actions, low: { kbps: number; isOn: boolean } | null) {
    this.wall = new Wall(zone);
    this.makeButtons();
    this.makeSlider();
    this.said.setAttribute('role', 'status');
    this.root.append(make('div', 'line', this.place, this.note), this.seek, this.said);
    if (low) this.root.append(this.makeLow(low));
    audio.controls = false;
    audio.hidden = true;
    audio.after(this.root);
  }

  private makeButtons(): void {
    const icon = document.createElementNS(SVG, 'svg');
    icon.setAttribute('viewBox', '0 0 24 24');
    icon.setAttribute('aria-hidden', 'true');
    icon.append(this.shape);
    this.button.type = this.liveButton.type = 'button';
    this.button.append(icon);
    this.button.addEventListener('click', () => this.actions.press());
    for (const name of ['pointerenter', 'pointerdown', 'focus'])
      this.button.addEventListener(name, () => this.actions.prepare(), { once: true });
    this.liveButton.addEventListener('click', () => {
      if (this.liveButton.getAttribute('aria-disabled') !== 'true') this.actions.live();
    });
    const row = make('div', 'row', this.button);
    const group = make('div', 'skips');
    for (const seconds of SKIPS) {
      const button = make('button', 'skip-by', `${seconds < 0 ? '−' : '+'}${Math.abs(seconds)}`);
      button.type = 'button';
      button.setAttribute('aria-label',
        `Go ${seconds < 0 ? 'back' : 'forward'} ${Math.abs(seconds)} seconds`);
      button.addEventListener('click', () => {
        if (button.getAttribute('aria-disabled') !== 'true') this.actions.skip(seconds);
      });
      this.skips.push(button);
      group.append(button);
    }
    row.append(group, this.liveButton);
    this.root.append(row);
  }

  private makeSlider(): void {
    const { slider } = this;
    slider.type = 'range';
    slider.step = '1';
    slider.setAttribute('aria-label', 'Position in live broadcast');
    slider.addEventListener('input', () => this.show(Number(slider.value) * SECOND));
    slider.addEventListener('change', () => this.goToPreview());
    slider.addEventListener('keydown', (event) => this.onKey(event));
    slider.addEventListener('blur', () => this.goToPreview());
    this.seek.append(slider, make('p', 'ends', this.from, this.to));
  }

  private makeLow(low: { kbps: number; isOn: boolean }): HTMLElement {
    const box = make('input', '');
    box.type = 'checkbox';
    box.checked = low.isOn;
    box.addEventListener('change', () => this.actions.setLow(box.checked));
    return make('label', 'low', box, ` Low data (${low.kbps} kbit/s)`);
  }

  // ---- the slider ----

  private onKey(event: KeyboardEvent): void {
    const { model } = this;
    if (!model || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = this.preview ?? model.at;
    const steps: Record<string, number> = {
      ArrowLeft: at - 15 * SECOND, ArrowDown: at - 15 * SECOND,
      ArrowRight: at + 15 * SECOND, ArrowUp: at + 15 * SECOND,
      PageDown: at - 5 * MINUTE, PageUp: at + 5 * MINUTE,
      Home: model.oldest, End: model.live,
    };
    const goal = steps[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    this.show(Math.min(Math.max(goal, model.oldest), model.live));
    window.clearTimeout(this.commit);
    this.commit = window.setTimeout(() => this.goToPreview(), COMMIT_AFTER);
  }

  private show(moment: number): void {
    this.preview = moment;
    this.renderPlace(true);
  }

  private goToPreview(): void {
    window.clearTimeout(this.commit);
    const goal = this.preview;
    if (goal === null) return;
    this.preview = null;
    if (this.model && goal >= this.model.live - SECOND && !this.model.isPast) this.actions.live();
    else this.actions.goTo(goal);
  }

  // ---- showing ----

  // "09:42:10, 18 minutes behind live"
  private placeWords(at: number, model: Model): string {
    const behind = model.isPast ? model.now - at : model.live - at;
    if (!model.isPast && (behind < 10 * SECOND || (model.isLive && this.preview === null)))
      return 'Live';
    return `${this.wall.full(at, model.now)}, ${distance(behind)} behind live`;
  }

  private renderPlace(isAsked: boolean): void {
    const { model, slider } = this;
    if (!model) return;
    const isFree = this.preview === null;
    const at = this.preview ?? model.at;
    const words = this.placeWords(at, model);
    const clock = model.button === 'play' ? '' : this.wall.full(at, model.now);
    setText(this.place, words === 'Live' ? clock : words);
    setAttribute(slider, 'min', String(Math.ceil(model.oldest / SECOND)));
    setAttribute(slider, 'max', String(Math.floor(model.live / SECOND)));
    const value = isFree && model.isLive ? model.live : at;
    slider.value = String(Math.floor(value / SECOND));
    const share = (value - model.oldest) / Math.max(1, model.live - model.oldest);
    slider.style.setProperty('--share', `${(Math.min(1, Math.max(0, share)) * 100).toFixed(2)}%`);
    setText(this.from, this.wall.short(model.oldest, model.now));
    setText(this.to, model.isPast ? this.wall.short(model.live, model.now) : 'Live');
    // Every second would be read aloud every second.
    const isDue = performance.now() - this.spokenAt > MINUTE && document.activeElement !== slider;
    if (isAsked || isDue || !slider.hasAttribute('aria-valuetext')) this.speakPlace(words);
  }

  private speakPlace(words: string): void {
    const { model } = this;
    const isTitled = model?.title && this.preview === null;
    setAttribute(this.slider, 'aria-valuetext', isTitled ? `${words}, in ${model.title}` : words);
    this.spokenAt = performance.now();
  }

  // isAsked: the listener did something; what the slider says is made new.
  render(model: Model, isAsked: boolean): void {
    this.model = model;
    const { button, liveButton } = this;
    setAttribute(button, 'aria-label', model.buttonName);
    setAttribute(this.shape, 'd', SHAPES[model.button]);
    this.renderBusy(model.isBusy);
    liveButton.hidden = !model.canSeek;
    setAttribute(liveButton, 'aria-disabled', String(model.isLive));
    const behind = distance((model.isPast ? model.now : model.live) - model.at);
    setAttribute(liveButton, 'aria-label', !model.isLive ? `Go to live, ${behind} behind`
      : model.button === 'play' ? 'Live' : 'Live, currently playing live');
    this.skips.forEach((skip, i) => {
      const isOff = SKIPS[i]! > 0 && model.isLive;
      setAttribute(skip, 'aria-disabled', String(isOff));
      skip.hidden = !model.canSeek;
    });
    this.seek.hidden = !model.canSeek;
    if (model.canSeek) this.renderPlace(isAsked);
    this.place.hidden = !model.canSeek;
    setText(this.note, model.note);
    // For who wants to know exactly, such as a test.
    setAttribute(this.section, 'data-heard', String(Math.round(model.at)));
    this.renderWords(model);
  }

  // A ring that comes and goes within a blink would only disturb.
  private renderBusy(isBusy: boolean): void {
    if (isBusy && !this.busy)
      this.busy = window.setTimeout(() => this.button.classList.add('busy'), BUSY_AFTER);
    if (isBusy) return;
    window.clearTimeout(this.busy);
    this.busy = 0;
    this.button.classList.remove('busy');
  }

  private renderWords(model: Model): void {
    const state = this.section.querySelector('.state');
    if (state && model.canSeek) {
      state.classList.toggle('on', model.isLive);
      state.classList.toggle('past', !model.isLive);
      setText(state, model.isLive ? 'On the air' : 'From the recording');
    }
    if (model.title === null) return;
    let line = this.section.querySelector('.now');
    if (!line) {
      line = make('p', 'now', make('span', 'label'), ' ', make('span', 'title'));
      state?.after(line);
    }
    const label = model.isLive ? 'On now' : 'On then';
    setText(line.querySelector('.label')!, model.title ? label : '');
    setText(line.querySelector('.title')!, model.title);
  }

  // Politely, to who cannot see it.
  say(text: string): void {
    setText(this.said, text);
  }

  close(): void {
    window.clearTimeout(this.commit);
    window.clearTimeout(this.busy);
    this.root.remove();
  }
}
