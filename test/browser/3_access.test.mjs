// For everybody: keyboard, screen readers, small and large, light and dark, without script.
import path from 'node:path';
import { assert, AXE, look, needsHls, open, OUT, sleep, station, until, waitForSound } from './lib/rig.mjs';

const NEWS = '/listen/fairhaven-news';

const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  const ring = getComputedStyle(element);
  return {
    tag: element.tagName,
    name: element.getAttribute('aria-label') ?? element.textContent.trim(),
    isShown: element.matches(':focus-visible'),
    type: element.getAttribute('type'),
    ring: ring.outlineStyle,
  };
});

async function keyboardWalk() {
  const { url } = await station();
  await needsHls(await station());
  const page = await open(url + NEWS);
  const names = [];
  for (let i = 0; i < 14; i++) {
    await page.keyboard.press('Tab');
    const { name, isShown, ring, type } = await focused(page);
    names.push(name);
    assert(isShown, `${name}: focus is not shown`);
    assert(type === 'range' || ring !== 'none', `${name}: no ring`);
  }
  const order = ['Skip to the content', 'Live radio', 'Play Fairhaven News live', 'Go back 30 seconds',
    'Go back 15 seconds', 'Go forward 15 seconds', 'Go forward 30 seconds', 'Live',
    'Position in live broadcast'];
  order.forEach((name, i) => assert(names[i] === name, `${i}: ${names[i]}, not ${name}`));
  await page.focus('.go');
  await page.keyboard.press('Space');
  await waitForSound(page);
  await until('it is said', 2000, async () => (await look(page)).said === 'Playing Fairhaven News');
  await page.focus('.seek input');
  const from = (await look(page)).heard;
  await page.keyboard.press('PageDown');
  assert(/^[\d:]+( \S+)?, 5 minutes behind live$/.test((await look(page)).value), (await look(page)).value);
  await page.keyboard.press('ArrowLeft');
  await until('five minutes back', 4000, async () => Math.abs(from - (await look(page)).heard - 315e3) < 8e3);
  await page.keyboard.press('Home');
  await until('the oldest', 4000, async () => /^Go to live, 1\d minutes/.test((await look(page)).live));
  await page.keyboard.press('End');
  await until('live', 4000, async () => (await look(page)).live.startsWith('Live'));
  await page.focus('.go');
  await page.keyboard.press('Enter');
  await until('paused', 2000, async () => (await look(page)).said === 'Paused');
}

async function axe(page, where) {
  await page.evaluate(AXE);
  const faults = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations.map((x) => `${x.id}: ${x.nodes.map((node) => node.html).join(' ')}`);
  });
  assert(faults.length === 0, `${where}: ${faults.join('\n')}`);
}

async function cleanAndSeen() {
  const { url } = await station();
  const looks = {
    'desk-light': { colorScheme: 'light' },
    'desk-dark': { colorScheme: 'dark' },
    'phone-light': { viewport: { width: 390, height: 844 }, colorScheme: 'light' },
    'phone-dark': { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
    'zoom-400': { viewport: { width: 320, height: 256 } },
    'forced-colours': { viewport: { width: 390, height: 844 }, forcedColors: 'active' },
    'reduced-motion': { reducedMotion: 'reduce' },
  };
  for (const [name, options] of Object.entries(looks)) {
    const page = await open(url + NEWS, options);
    const shot = (state) => page.screenshot({ path: path.join(OUT, `${name}-${state}.png`), fullPage: true });
    await axe(page, `${name}, idle`);
    await shot('idle');
    await page.click('.go');
    await waitForSound(page);
    if (await page.locator('.skip-by').first().isVisible())
      for (let i = 0; i < 4; i++) await page.click('.skip-by:first-child');
    await waitForSound(page);
    await axe(page, `${name}, playing`);
    await shot('playing');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert(wide <= 0, `${name}: ${wide} px too wide`);
    const small = await page.evaluate(() => [...document.querySelectorAll('.controls button, .dial a')]
      .filter((x) => x.offsetParent && (x.offsetWidth < 44 || x.offsetHeight < 44))
      .map((x) => `${x.outerHTML.slice(0, 60)} ${x.offsetWidth}x${x.offsetHeight}`));
    assert(small.length === 0, small.join('\n'));
    assert(page.faults.length === 0, page.faults.join('\n'));
    await page.context().close();
  }
}

async function withoutScript() {
  const { url } = await station();
  const page = await open(url + NEWS, { wait: false, javaScriptEnabled: false });
  const audio = page.locator('audio[controls]');
  assert(await audio.isVisible(), 'the browser has its own player');
  assert(await page.locator('audio source').count() >= 2, 'with all renditions');
  assert(await page.locator('.controls').count() === 0, 'no dead buttons');
  assert(await page.locator('.dial a').count() === 2, 'the other station is a link');
  await page.screenshot({ path: path.join(OUT, 'no-script.png'), fullPage: true });
  await page.click('.dial a:not([aria-current])');
  await page.waitForURL('**/fairhaven-classical');
}

async function aScriptThatNeverComes() {
  const { url } = await station();
  const page = await open('about:blank', { wait: false });
  await page.route('**/site/*.js', (route) => route.abort());
  await page.goto(url + NEWS);
  await sleep(500);
  assert(await page.locator('audio[controls]').isVisible(), 'the browser has its own player');
}

async function quietForScreenReaders() {
  const { url } = await station();
  await needsHls(await station());
  const page = await open(url + NEWS);
  await page.click('.go');
  await waitForSound(page);
  await page.click('.skip-by:first-child');
  await waitForSound(page);
  await sleep(500);
  const changes = await page.evaluate(() => new Promise((done) => {
    let count = 0;
    const watch = new MutationObserver((list) => (count += list.length));
    watch.observe(document.querySelector('[role=status]'), { childList: true, characterData: true, subtree: true });
    watch.observe(document.querySelector('.seek input'), { attributeFilter: ['aria-valuetext'] });
    setTimeout(() => done(count), 5000);
  }));
  assert(changes === 0, `${changes} announcements in five seconds of plain listening`);
}

export default function tests(add) {
  add('every_control_can_be_reached_and_used_by_keys', keyboardWalk);
  add('axe_finds_nothing_and_everything_fits', cleanAndSeen, { timeoutS: 180 });
  add('without_script_the_page_is_what_it_was', withoutScript);
  add('a_script_that_never_comes_leaves_the_browsers_player', aScriptThatNeverComes);
  add('plain_listening_announces_nothing', quietForScreenReaders);
}
