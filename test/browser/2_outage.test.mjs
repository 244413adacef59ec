// Tunnels and restarts: playback goes on by itself where it stopped.
import { assert, assertSteady, assertUnbroken, heard, look, needsHls, open, prickUp, sleep, Station,
  station, until, waitForSound } from './lib/rig.mjs';

const NEWS = '/listen/fairhaven-news';

async function offline(page, isOffline) {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions',
    { offline: isOffline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
}

async function aMinuteWithoutNetwork() {
  const { url } = await station();
  await needsHls(await station());
  const page = await open(url + NEWS);
  await page.click('.go');
  await waitForSound(page);
  await prickUp(page);
  await sleep(4000);
  const before = await look(page);
  await page.context().setOffline(true);
  await offline(page, true);
  await until('it is said', 8000, async () => /^Reconnecting… \d+ s buffered$/.test((await look(page)).note));
  assert((await look(page)).said === 'Reconnecting', (await look(page)).said);
  await sleep(52e3);
  const stopped = await look(page);
  assert(!stopped.isPaused, 'it still wants to play');
  assert(stopped.time - before.time < 30, 'nothing was jumped over');
  await page.context().setOffline(false);
  await offline(page, false);
  await waitForSound(page, 20e3);
  await sleep(8000);
  const after = await look(page);
  assert(/^Reconnected, \d+ seconds behind live\.$/.test(after.note), after.note);
  assert(/^Go to live, \d+ seconds behind$/.test(after.live), after.live);
  const { bursts, steps } = await heard(page);
  assertSteady(steps);
  assertUnbroken(bursts);
  assert(bursts.length > 15, `${bursts.length} seconds heard`);
  await page.click('button.live');
  await until('live', 8000, async () => (await look(page)).live.startsWith('Live'));
}

async function killedAndStartedAgain() {
  const own = await Station.start(5);
  try {
    await needsHls(own);
    const page = await open(own.url + NEWS);
    await page.click('.go');
    await waitForSound(page);
    await prickUp(page);
    await sleep(4000);
    const from = Date.now();
    await own.kill('SIGKILL');
    await own.run();
    const down = (Date.now() - from) / 1000;
    // Over the place where the tape was torn, and well behind it.
    await sleep(45e3);
    const after = await look(page);
    assert(!after.isPaused && after.ahead > 3, `${after.ahead} s in hand`);
    assert(after.note === '' || after.note.startsWith('Reconnected'), after.note);
    const { bursts, steps } = await heard(page);
    assertSteady(steps);
    assertUnbroken(bursts, Math.ceil(down) + 2);
    assert(bursts.length > 35, `${bursts.length} seconds heard, ${down} s down`);
  } finally {
    await own.end();
  }
}

async function aPlainStreamComesBack() {
  const own = await Station.start(0);
  try {
    const page = await open(own.url + NEWS);
    await page.click('.go');
    await waitForSound(page);
    assert((await look(page)).go === 'Stop', 'a plain stream');
    await own.kill('SIGKILL');
    await own.run();
    await until('sound again', 40e3, async () => {
      const { time } = await look(page);
      await sleep(500);
      const then = await look(page);
      return then.time > time && then.time < 30 && then.note === '';
    });
  } finally {
    await own.end();
  }
}

export default function tests(add) {
  add('after_a_minute_without_network_it_goes_on_where_it_stopped', aMinuteWithoutNetwork,
    { timeoutS: 150 });
  add('after_sigkill_and_a_restart_it_goes_on_and_nothing_is_heard_twice', killedAndStartedAgain,
    { timeoutS: 150 });
  add('a_plain_stream_comes_back_by_itself', aPlainStreamComesBack, { timeoutS: 120 });
}
