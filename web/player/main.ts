// Puts the player on a station's page, and goes from station to station without a new page. All of
// it is also there without this script: <audio controls>, and links.
import { readFacts } from './facts';
import { Player } from './player';

let player: Player | null = null;
let audio: HTMLAudioElement | null = null;

// One <audio> for all stations: a browser that let it sound once lets it sound again.
function boot(): void {
  const section = document.querySelector<HTMLElement>('.player[data-station]');
  const own = section?.querySelector('audio');
  if (!section || !own) return;
  const facts = readFacts(section);
  if (!facts) return;
  if (audio) {
    audio.setAttribute('aria-label', own.getAttribute('aria-label') ?? facts.name);
    own.replaceWith(audio);
  } else {
    audio = own;
  }
  audio.replaceChildren(); // an error of the player's source must not fall back to these
  audio.removeAttribute('src');
  player = new Player(section, facts, audio);
}

async function fetchPage(url: string): Promise<Document> {
  const response = await fetch(url, { headers: { Accept: 'text/html' } });
  const type = response.headers.get('Content-Type') ?? '';
  if (!response.ok || !type.startsWith('text/html')) throw new Error(String(response.status));
  return new DOMParser().parseFromString(await response.text(), 'text/html');
}

let turn = 0;
let path = location.pathname; // of the page that is shown; a fragment makes no other page

// What sounded goes on until the other station's page is there.
async function switchTo(url: string, isNew: boolean, isPlay: boolean): Promise<void> {
  const own = ++turn;
  let page: Document;
  try {
    page = await fetchPage(url);
  } catch {
    location.assign(url);
    return;
  }
  if (own !== turn) return;
  const main = page.querySelector('main');
  const old = document.querySelector('main');
  if (!main || !old) {
    location.assign(url);
    return;
  }
  player?.close();
  player = null;
  if (isNew) history.pushState(null, '', url);
  path = location.pathname;
  document.title = page.title;
  for (const name of ['link[rel=canonical]', 'meta[name=description]']) {
    const from = page.querySelector(name);
    if (from) document.querySelector(name)?.replaceWith(from);
  }
  old.replaceWith(main);
  boot();
  if (isPlay) (player as Player | null)?.start(null);
  const heading = main.querySelector('h1');
  heading?.setAttribute('tabindex', '-1');
  heading?.focus({ preventScroll: !isNew });
}

function isPlain(event: MouseEvent): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || !isPlain(event) || event.defaultPrevented) return;
  if (link.closest('.dial')) {
    event.preventDefault();
    if (link.getAttribute('aria-current')) player?.isOn || player?.press();
    else void switchTo(link.href, true, true);
    return;
  }
  // "15 minutes ago" needs no other page while this one plays.
  const at = link.closest('.jumps') && new URL(link.href).searchParams.get('at');
  const moment = at ? Date.parse(at) : NaN;
  if (!player?.isOn || Number.isNaN(moment)) return;
  event.preventDefault();
  player.goTo(moment);
});

window.addEventListener('popstate', () => {
  if (location.pathname === path) return;
  void switchTo(location.href, false, player?.isOn ?? false);
});

boot();
