// What a listener hears, told by the time that is coded in the sound.
import { assert, get, heard, look, median, needsHls, offBy, open, prickUp, sleep, Station, station,
  until, waitForSound } from './lib/rig.mjs';

const NEWS = '/listen/fairhaven-news';
const EXACT_MS = 100;

async function play(page) {
  await page.click('.go');
  return waitForSound(page);
}

// The page's word for the moment is the truth.
function assertTrue(bursts, count) {
  assert(bursts.length >= count, `only ${bursts.length} seconds were understood`);
  for (const { second, claimed } of bursts) {
    if (claimed === null) continue;
    const off = offBy(second, claimed);
    assert(Math.abs(off) <= EXACT_MS, `heard ${second}, ${off.toFixed(0)} ms from what the page says`);
  }
  assert(bursts.filter((x) => x.claimed !== null).length >= count, 'the page did not say what it played');
}

async function soundWithinASecond() {
  const { url } = await station();
  await needsHls(await station());
  const took = [];
  for (let i = 0; i < 3; i++) {
    const page = await open(url + NEWS);
    await page.hover('.go');
    await sleep(500);
    took.push(await play(page));
    assert((await look(page)).go === 'Pause', 'what plays can be paused');
    assert(page.faults.length === 0, page.faults.join('\n'));
    await page.context().close();
  }
  assert(median(took) < 1000, `took ${took.map(Math.round)} ms`);
}

async function liveIsLive() {
  const { url } = await station();
  await needsHls(await station());
  const page = await open(url + NEWS);
  await play(page);
  await prickUp(page);
  await sleep(6000);
  const { bursts } = await heard(page);
  assertTrue(bursts, 4);
  const late = -offBy(bursts[0].second, bursts[0].clock);
  assert(late > 12e3 && late < 28e3, `${late} ms behind the clock`);
  const { live, value, state } = await look(page);
  assert(live === 'Live, currently playing live', live);
  assert(value.startsWith('Live'), value);
  assert(state === 'On the air', state);
}

async function tenMinutesBack() {
  const { url } = await station();
  await needsHls(await station());
  const page = await open(url + NEWS);
  await play(page);
  await prickUp(page);
  await sleep(4000);
  const from = (await look(page)).heard;
  for (let i = 0; i < 20; i++) await page.click('.skip-by:first-child');
  await waitForSound(page);
  await sleep(6000);
  const { bursts } = await heard(page);
  const lag = ({ second, clock }) => -offBy(second, clock) / 1000;
  const before = bursts.filter((x) => lag(x) < 60);
  const after = bursts.filter((x) => lag(x) > 500);
  assertTrue(before, 2);
  assertTrue(after, 4);
  // What the seeks themselves took comes on top.
  const back = lag(after[after.length - 1]) - lag(before[0]);
  assert(back > 599.9 && back < 606, `${back} s back`);
  const { heard: at, live, place } = await look(page);
  assert(Math.abs(from - at - 600e3) < 15e3, `${(from - at) / 1000} s back on the page`);
  assert(/^Go to live, 10 minutes behind$/.test(live), live);
  assert(/10 minutes behind live$/.test(place), place);
  await page.click('button.live');
  await until('live again', 5000, async () => (await look(page)).live.startsWith('Live'));
}

async function startOverByAddress() {
  const { url } = await station();
  await needsHls(await station());
  const at = Math.floor(Date.now() / 1000) * 1000 - 300e3;
  const page = await open(`${url}${NEWS}?at=${new Date(at).toISOString()}`);
  const ready = await look(page);
  assert(ready.isPaused && ready.time === 0, 'nothing sounds by itself');
  assert(ready.go === 'Play Fairhaven News', ready.go);
  await page.evaluate(() => { // the first moment that is claimed to sound
    const audio = document.querySelector('audio');
    audio.addEventListener('playing', () => { window.firstTime ??= audio.currentTime; });
  });
  await play(page);
  await prickUp(page);
  const first = await page.evaluate(() => window.firstTime);
  await sleep(5000);
  const { bursts } = await heard(page);
  assertTrue(bursts, 3);
  const begun = bursts[0].claimed - (bursts[0].media - first) * 1000;
  assert(Math.abs(begun - at) <= EXACT_MS, `began ${begun - at} ms from the second that was asked for`);
}

async function olderThanTheWindow() {
  const { url } = await station();
  await needsHls(await station());
  const at = Math.floor(Date.now() / 1000) * 1000 - 600e3;
  const page = await open('about:blank', { wait: false });
  // As if the window were of five minutes.
  await page.route(`**${NEWS}*`, async (route) => {
    const answer = await route.fetch();
    const body = (await answer.text()).replace(/data-window="\d+"/, 'data-window="300"');
    await route.fulfill({ response: answer, body });
  });
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(`${url}${NEWS}?at=${new Date(at).toISOString()}`);
  await page.waitForSelector('.controls');
  await play(page);
  await prickUp(page);
  await sleep(5000);
  const { bursts } = await heard(page);
  assert(asked.some((x) => /\/\d+-\d+\.m3u8/.test(x)), 'a closed range was asked for');
  assertTrue(bursts, 3);
  assert(Math.abs(offBy(bursts[0].second, at)) < 8000, `heard ${bursts[0].second}`);
  await page.click('button.live');
  await until('live again', 8000, async () => (await look(page)).live.startsWith('Live'));
  await waitForSound(page);
}

async function pauseKeepsThePlace() {
  const { url } = await station();
  await needsHls(await station());
  const page = await open(url + NEWS);
  await play(page);
  await prickUp(page);
  await sleep(3000);
  await page.click('.go');
  const { time, go } = await look(page);
  assert(go === 'Play Fairhaven News live', go);
  let asked = 0;
  page.on('request', (request) => { if (request.url().includes('.m3u8')) asked++; });
  await sleep(62e3);
  const before = asked;
  await sleep(14e3);
  assert(asked === before, 'who pauses asks for nothing');
  assert((await look(page)).time === time, 'the place is kept');
  await play(page);
  await sleep(6000);
  const { bursts, steps } = await heard(page);
  assertTrue(bursts, 6);
  for (let i = 1; i < bursts.length; i++)
    assert(bursts[i].second - bursts[i - 1].second === 1, 'nothing is missed or heard twice');
  assert(steps.every(([, x], i) => i === 0 || x >= steps[i - 1][1]), 'never back');
  assert(/^Go to live/.test((await look(page)).live), 'it is behind now');
}

async function plainStreamWhileThereIsLittle() {
  const young = await Station.start(0);
  try {
    const page = await open(young.url + NEWS);
    await play(page);
    const { go } = await look(page);
    assert(go === 'Stop', go);
    await page.click('.go');
    assert((await look(page)).go.startsWith('Play'), 'stopped');
    await needsHls(young);
    await until('three segments', 40e3, async () => {
      const { text } = await get(`${young.url}${NEWS}`);
      const [oldest, newest] = ['oldest', 'newest'].map((x) => Number(new RegExp(`data-${x}="(\\d+)"`).exec(text)?.[1]));
      return newest - oldest > 26e3;
    });
    await page.click('.go');
    await waitForSound(page);
    assert((await look(page)).go === 'Pause', 'HLS by now');
  } finally {
    await young.end();
  }
}

async function anotherStation() {
  const { url } = await station();
  const page = await open(url + NEWS);
  await play(page);
  await page.click('.dial a:not([aria-current])');
  await page.waitForURL('**/fairhaven-classical');
  await waitForSound(page);
  const shown = await page.evaluate(() => ({
    title: document.title,
    heading: document.querySelector('h1').textContent,
    focus: document.activeElement.tagName,
    current: document.querySelector('.dial [aria-current]').textContent,
    audios: document.querySelectorAll('audio').length,
  }));
  assert(shown.title.startsWith('Fairhaven Classical'), shown.title);
  assert(shown.heading === 'Fairhaven Classical' && shown.focus === 'H1', shown.heading);
  assert(shown.current.includes('Classical') && shown.audios === 1, shown.current);
  await page.goBack();
  await until('the first station again', 5000, () =>
    page.evaluate(() => document.querySelector('h1').textContent === 'Fairhaven News'));
  await waitForSound(page);
}

async function oneTabPlays() {
  const { url } = await station();
  const first = await open(url + NEWS);
  await play(first);
  const second = await first.context().newPage();
  await second.goto(url + NEWS);
  await second.waitForSelector('.controls');
  await play(second);
  await until('the first one is silent', 3000, async () => (await look(first)).isPaused);
  assert((await look(first)).note === 'Playing in another tab.', (await look(first)).note);
}

async function lockScreen() {
  const { url } = await station();
  await needsHls(await station());
  const page = await open(url + NEWS);
  await play(page);
  await sleep(1200);
  const shown = await page.evaluate(() => {
    const { metadata, playbackState } = navigator.mediaSession;
    return { title: metadata.title, artist: metadata.artist, album: metadata.album, playbackState };
  });
  assert(shown.artist === 'Fairhaven News' && shown.album === 'Fairhaven News', shown.artist);
  assert(shown.title.length > 0 && shown.playbackState === 'playing', shown.title);
  await page.click('.go');
  assert(await page.evaluate(() => navigator.mediaSession.playbackState) === 'paused', 'paused');
}

async function smallBeforePlay() {
  const { url } = await station();
  const page = await open('about:blank', { wait: false });
  let bytes = 0;
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  const scripts = new Set();
  session.on('Network.responseReceived', ({ requestId, response }) => {
    if (response.mimeType.includes('javascript')) scripts.add(requestId);
  });
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (scripts.has(requestId)) bytes += encodedDataLength;
  });
  await page.goto(url + NEWS);
  await page.waitForSelector('.controls');
  await sleep(1500);
  assert(bytes > 1000 && bytes <= 15e3, `${bytes} bytes of script before Play`);
}

export default function tests(add) {
  add('sound_comes_within_a_second_of_play', soundWithinASecond);
  add('live_is_live_and_the_page_says_truly_which_moment_is_heard', liveIsLive);
  add('ten_minutes_back_the_coded_time_says_ten_minutes_back', tenMinutesBack);
  add('an_address_with_a_time_starts_at_that_second', startOverByAddress);
  add('what_is_older_than_the_window_is_played_from_a_closed_range', olderThanTheWindow);
  add('a_pause_keeps_the_place_and_asks_for_nothing', pauseKeepsThePlace, { timeoutS: 120 });
  add('while_there_are_few_segments_the_plain_stream_plays', plainStreamWhileThereIsLittle,
    { timeoutS: 120 });
  add('another_station_plays_at_once_under_its_own_address', anotherStation);
  add('of_two_tabs_one_plays', oneTabPlays);
  add('the_lock_screen_knows_what_plays', lockScreen);
  add('little_is_loaded_before_play', smallBeforePlay);
}
