// A demonstration station, a browser, and ears in the browser.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { find } from './timecode.mjs';

const require = createRequire(path.join(process.env.MAST_MODULES, 'package.json'));
const { chromium } = require('playwright-core');
export const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
export const OUT = process.env.MAST_OUT;
const MAST = path.join(process.env.MAST_BUILD, 'src', 'mast');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export class Skip extends Error {
  isSkip = true;
}

export function assert(is, text) {
  if (!is) throw new Error(text);
}

export async function until(what, timeoutMs, ask) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(50);
  }
}

function freePort() {
  return new Promise((done, fail) => {
    const server = net.createServer();
    server.on('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

export function get(url) {
  return new Promise((done, fail) => {
    http.get(url, { agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => (text += part));
      answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, text }));
    }).on('error', fail);
  });
}

// ---- the station ----

export class Station {
  static async start(past = 15) {
    const station = new Station();
    station.past = past;
    station.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mast-browser-'));
    station.port = await freePort();
    station.url = `http://127.0.0.1:${station.port}`;
    await station.run();
    return station;
  }

  async run() {
    const log = fs.openSync(path.join(OUT, 'mast.log'), 'a');
    this.child = spawn(MAST, ['demo', '--port', String(this.port), '--data',
      path.join(this.folder, 'data'), '--past', String(this.past)], { stdio: ['ignore', log, log] });
    fs.closeSync(log);
    this.over = new Promise((done) => this.child.once('exit', done));
    await until('the station is up', 90e3, async () => {
      assert(this.child.exitCode === null, 'mast demo ended, see mast.log');
      const answer = await get(`${this.url}/listen/fairhaven-news`).catch(() => null);
      return answer?.status === 200 && answer.text.includes('<audio');
    });
  }

  // HLS lists whole segments only.
  async hasHls() {
    return (await get(`${this.url}/hls/fairhaven-news/master.m3u8`)).status === 200;
  }

  async kill(signal = 'SIGKILL') {
    this.child.kill(signal);
    await this.over;
  }

  async end() {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.kill('SIGTERM');
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

let shared = null;
export async function station() {
  shared ??= await Station.start();
  return shared;
}

export async function needsHls(where) {
  if (!(await where.hasHls())) throw new Skip('this build has no HLS');
}

// ---- the browser ----

let browser = null;
const contexts = [];

export async function open(url, { wait = true, ...options } = {}) {
  browser ??= await chromium.launch({ executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  contexts.push(context);
  const page = await context.newPage();
  page.faults = [];
  page.on('console', (message) => {
    // A refused connection is no fault of the page's.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      page.faults.push(message.text());
  });
  page.on('pageerror', (fault) => page.faults.push(fault.message));
  await page.goto(url);
  if (wait) await page.waitForSelector('.controls');
  return page;
}

export async function tidy() {
  for (const context of contexts.splice(0)) await context.close().catch(() => undefined);
}

export async function end() {
  await tidy();
  await browser?.close();
  await shared?.end();
}

export const look = (page) => page.evaluate(() => {
  const audio = document.querySelector('audio');
  const text = (selector) => document.querySelector(selector)?.textContent ?? null;
  const name = (selector) => document.querySelector(selector)?.getAttribute('aria-label') ?? null;
  const { buffered } = audio;
  return {
    time: audio.currentTime,
    isPaused: audio.paused,
    ready: audio.readyState,
    ahead: buffered.length ? buffered.end(buffered.length - 1) - audio.currentTime : 0,
    heard: Number(document.querySelector('.player').dataset.heard),
    place: text('.place'),
    note: text('.note'),
    said: text('.controls [role=status]'),
    title: text('.now .title'),
    state: text('.state'),
    go: name('.go'),
    live: name('button.live'),
    value: document.querySelector('.seek input')?.getAttribute('aria-valuetext') ?? null,
  };
});

export function waitForSound(page, timeoutMs = 10e3) {
  return page.evaluate((timeout) => new Promise((done, fail) => {
    const audio = document.querySelector('audio');
    const from = performance.now();
    let last = null;
    const step = () => {
      const { currentTime, seeking, paused, readyState } = audio;
      const isOn = !seeking && !paused && readyState > 2;
      if (isOn && last !== null && currentTime > last) return done(performance.now() - from);
      last = isOn ? currentTime : null;
      if (performance.now() - from > timeout) return fail(new Error('no sound'));
      setTimeout(step, 10);
    };
    step();
  }), timeoutMs);
}

// ---- ears ----

// From now on keeps what sounds, at what places of the media it sounded, and every step of
// currentTime. The player must have been pressed: nothing may sound before.
export function prickUp(page) {
  return page.evaluate(async () => {
    const audio = document.querySelector('audio');
    const context = new AudioContext();
    await context.resume();
    const source = context.createMediaElementSource(audio);
    const node = context.createScriptProcessor(4096, 1, 1);
    const parts = [];
    const marks = []; // [samples so far, currentTime, Date.now()]
    const claims = []; // [currentTime, the moment that the page says is heard]
    const section = document.querySelector('.player');
    new MutationObserver(() => claims.push([audio.currentTime, Number(section.dataset.heard)]))
      .observe(section, { attributeFilter: ['data-heard'] });
    let count = 0;
    node.onaudioprocess = (event) => {
      parts.push(event.inputBuffer.getChannelData(0).slice());
      count += 4096;
      marks.push([count, audio.currentTime, Date.now()]);
    };
    source.connect(node);
    node.connect(context.destination);
    const steps = [[performance.now(), audio.currentTime]];
    setInterval(() => {
      if (audio.currentTime !== steps[steps.length - 1][1])
        steps.push([performance.now(), audio.currentTime]);
    }, 20);
    window.ears = { rate: context.sampleRate, parts, marks, claims, steps };
  });
}

// What was heard since, each burst with the second that it tells and the moment that the page
// claimed while it sounded (null: it claimed nothing near it); and all steps of currentTime.
export async function heard(page) {
  const { rate, bytes, marks, claims, steps } = await page.evaluate(() => {
    const { rate, parts, marks, claims, steps } = window.ears;
    const all = new Int16Array(parts.length * 4096);
    parts.forEach((part, i) => part.forEach((x, j) => {
      all[i * 4096 + j] = Math.max(-32768, Math.min(32767, x * 32767));
    }));
    let text = '';
    const raw = new Uint8Array(all.buffer);
    for (let i = 0; i < raw.length; i += 8192) text += String.fromCharCode(...raw.subarray(i, i + 8192));
    return { rate, bytes: btoa(text), marks, claims, steps };
  });
  const raw = Buffer.from(bytes, 'base64');
  const samples = new Float64Array(raw.length / 2);
  for (let i = 0; i < samples.length; i++) samples[i] = raw.readInt16LE(2 * i) / 32768;
  const bursts = find(samples, rate).map(({ at, second }) => {
    const mark = marks.find(([count]) => count >= at * rate) ?? marks[marks.length - 1];
    const early = mark[0] / rate - at;
    const media = mark[1] - early;
    const near = claims.reduce((best, claim) =>
      (Math.abs(claim[0] - media) < Math.abs((best?.[0] ?? Infinity) - media) ? claim : best), null);
    const isNear = near && Math.abs(near[0] - media) < 3;
    return { at, second, media, clock: mark[2] - early * 1000,
      claimed: isNear ? near[1] + (media - near[0]) * 1000 : null };
  });
  return { rate, bursts, steps };
}

const DAY_MS = 86400e3;

// How far the coded second is from a moment, in ms, whatever the day.
export function offBy(second, moment) {
  const off = (((second * 1000 - moment) % DAY_MS) + DAY_MS) % DAY_MS;
  return off > DAY_MS / 2 ? off - DAY_MS : off;
}

export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

// currentTime goes on at the pace of time, or stands; it never leaps and never goes back.
export function assertSteady(steps, leapS = 0.35) {
  for (let i = 1; i < steps.length; i++) {
    const media = steps[i][1] - steps[i - 1][1];
    const real = (steps[i][0] - steps[i - 1][0]) / 1000;
    assert(media >= 0 && media <= real + leapS,
      `currentTime went from ${steps[i - 1][1]} to ${steps[i][1]} in ${real.toFixed(2)} s`);
  }
}

// Every second is told once, in order, a second after the one before; `holes` are the seconds that
// may be missing at one place (the server was down then).
export function assertUnbroken(bursts, holes = 0) {
  let missing = 0;
  for (let i = 1; i < bursts.length; i++) {
    const step = offBy(bursts[i].second, bursts[i - 1].second * 1000) / 1000;
    assert(step >= 1, `second ${bursts[i].second} was heard after ${bursts[i - 1].second}`);
    missing += step - 1;
    if (step === 1) {
      const gap = bursts[i].media - bursts[i - 1].media;
      assert(Math.abs(gap - 1) < 0.06, `${gap.toFixed(3)} s of sound between two seconds`);
    }
  }
  assert(missing <= holes, `${missing} seconds were not heard: ${bursts.map((x) => x.second)}`);
}
