// Runs the browser tests: node test/browser/run.mjs BUILD OUT [part of a file's or a test's name]
//
// BUILD holds the programs, OUT takes npm's packages, logs and screenshots. Prints TAP. Nothing else
// runs beside a test: each listens to real time.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const web = path.resolve(here, '../../web');
const [build, out, only = ''] = process.argv.slice(2);
if (!build || !out) {
  console.error('run.mjs BUILD OUT [part of a name]');
  process.exit(2);
}
process.env.MAST_BUILD = path.resolve(build);
process.env.MAST_OUT = path.resolve(out);

// Fetches what the lock file names, once.
function install(folder) {
  const names = ['package.json', 'package-lock.json'];
  const wish = names.map((name) => fs.readFileSync(path.join(web, name), 'utf8')).join('');
  const stamp = path.join(folder, 'installed');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wish) return;
  fs.mkdirSync(folder, { recursive: true });
  for (const name of names) fs.copyFileSync(path.join(web, name), path.join(folder, name));
  const done = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'],
    { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'], timeout: 300e3 });
  if (done.status !== 0) throw new Error('npm could not fetch its packages');
  fs.writeFileSync(stamp, wish);
}

const tests = [];
function add(name, body, { timeoutS = 60 } = {}) {
  tests.push({ name, body, timeoutS });
}

// What is written in web/player has the types that it says.
function checkTypes(modules) {
  const config = path.join(process.env.MAST_OUT, 'tsconfig.json');
  fs.writeFileSync(config, JSON.stringify({
    extends: path.join(web, 'tsconfig.json'),
    compilerOptions: { paths: { 'hls.js': [path.join(modules, 'node_modules/hls.js/dist/hls.d.ts')] } },
    include: [path.join(web, 'player/*.ts')],
  }));
  const done = spawnSync(process.execPath,
    [path.join(modules, 'node_modules/typescript/bin/tsc'), '-p', config], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stdout);
}

async function withTimeout(test) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took more than ${test.timeoutS} s`)), test.timeoutS * 1000);
  });
  try {
    await Promise.race([test.body(), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function main() {
  fs.mkdirSync(process.env.MAST_OUT, { recursive: true });
  const modules = path.join(process.env.MAST_OUT, 'npm');
  install(modules);
  process.env.MAST_MODULES = modules;
  const rig = await import(pathToFileURL(path.join(here, 'lib/rig.mjs')));
  add('the_types_of_the_player_are_right', async () => checkTypes(modules));
  for (const file of fs.readdirSync(here).filter((name) => name.endsWith('.test.mjs')).sort()) {
    const before = tests.length;
    (await import(pathToFileURL(path.join(here, file)))).default(add);
    for (const test of tests.slice(before)) test.file = file;
  }
  const chosen = tests.filter((test) => `${test.file ?? ''} ${test.name}`.includes(only));
  let failed = 0;
  console.log(`1..${chosen.length}`);
  for (const [i, test] of chosen.entries()) {
    const from = Date.now();
    let line = `ok ${i + 1} - ${test.name}`;
    try {
      await withTimeout(test);
    } catch (fault) {
      if (fault.isSkip) {
        line += ` # SKIP ${fault.message}`;
      } else {
        failed++;
        line = `not ${line}\n${String(fault.stack ?? fault).replace(/^/gm, '# ')}`;
      }
    }
    await rig.tidy();
    console.log(`${line}${line.includes('\n') || line.includes('#') ? '' : ` # ${((Date.now() - from) / 1000).toFixed(1)} s`}`);
  }
  await rig.end();
  process.exit(failed ? 1 : 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
