// What a Redis held when its server was ended, and whether the next one holds it too. A sample of its keys is summed
// inside the server; how much may differ is said by one rule, because whoever does not come through the edge goes on.

import { OnsteadError } from '../../base/errors.ts';
import type { Engine } from '../../engine/index.ts';

export interface RedisKey {
  /** Its bytes in hexadecimal: a key is no text. */
  readonly key: string;
  readonly type: string;
  readonly sum: string;
  /** Until it expires; below 0: never. */
  readonly leftMs: number;
}

export interface RedisState {
  /** In all databases. */
  readonly keys: number;
  /** Of these, those that expire some day. */
  readonly expiring: number;
  readonly sample: readonly RedisKey[];
  readonly atMs: number;
}

const PING_WITHIN_MS = 5_000;
const ASKED_WITHIN_MS = 60_000;
/** Saving may take long; the engine's own limit on a step stands above it. */
const SAVED_WITHIN_MS = 10 * 60_000;
const SAMPLE = 60;
const LARGEST_BYTES = 64 * 1024;
const PAUSE_MS = 30_000;
const SPARE_MS = 1_000;

/** Of the sample, what others may have changed meanwhile. */
const MAY_DIFFER = 0.2;

/** One that still reads its files says so, and that may take long. */
export async function redisAnswer(
  engine: Engine,
  container: string,
): Promise<'there' | 'on its way' | 'nothing'> {
  const { code, stdout, stderr } = await cli(engine, container, ['PING'], PING_WITHIN_MS);
  if (code === 0 && stdout.trim() === 'PONG') return 'there';
  return /^(\(error\) )?LOADING/m.test(`${stdout}\n${stderr}`) ? 'on its way' : 'nothing';
}

/** From now on nobody writes for some seconds: writers wait inside the server. */
export async function readRedis(engine: Engine, container: string, nowMs: number): Promise<RedisState> {
  await ask(engine, container, ['CLIENT', 'PAUSE', String(PAUSE_MS), 'WRITE']);
  return look(engine, container, nowMs);
}

/** Everything is on the disk when it returns. */
export async function saveRedis(engine: Engine, container: string): Promise<void> {
  await ask(engine, container, ['SAVE'], SAVED_WITHIN_MS);
}

/** Throws where too much is missing of what was held; says what was compared. */
export async function proveRedis(
  engine: Engine,
  container: string,
  before: RedisState,
  nowMs: number,
): Promise<string> {
  await ask(engine, container, ['CLIENT', 'UNPAUSE']); // where it is the one that was looked at
  const now = await look(
    engine,
    container,
    nowMs,
    before.sample.map(({ key }) => key),
  );
  const wrong = differences(before, now);
  if (wrong !== undefined) {
    throw new OnsteadError('redis.other-data', `Redis does not hold what it held before: ${wrong}.`, {
      next: 'Do not go on with it: its files of before are kept; see `onstead operations show`.',
    });
  }
  return `${now.keys} keys (${before.keys} before); a sample of ${before.sample.length} was compared`;
}

/** What is wrong with it, if too much is. Pure. */
export function differences(before: RedisState, now: RedisState): string | undefined {
  if (now.keys < (before.keys - before.expiring) * (1 - MAY_DIFFER)) {
    return `${before.keys} keys before, ${before.expiring} of which expire, and ${now.keys} now`;
  }
  const passedMs = now.atMs - before.atMs + SPARE_MS;
  const living = before.sample.filter(({ leftMs }) => leftMs < 0 || leftMs > passedMs);
  const found = new Map(now.sample.map((one) => [one.key, one]));
  const wrong = living.filter(({ key, type, sum }) => {
    const one = found.get(key);
    return one?.type !== type || one.sum !== sum;
  });
  if (wrong.length <= living.length * MAY_DIFFER) return undefined;
  return `${wrong.length} of ${living.length} keys that were looked at are missing or others`;
}

async function look(
  engine: Engine,
  container: string,
  atMs: number,
  like: readonly string[] = [],
): Promise<RedisState> {
  const limits = [String(SAMPLE), String(LARGEST_BYTES)];
  const sample = (await ask(engine, container, ['--raw', 'EVAL', LOOK, '0', ...limits, ...like]))
    .split('\n')
    .filter(Boolean)
    .map((line): RedisKey => {
      const [key = '', type = '', sum = '', leftMs] = line.split(' ');
      return { key, type, sum, leftMs: Number(leftMs) };
    });
  return { ...countsIn(await ask(engine, container, ['INFO', 'keyspace'])), sample, atMs };
}

/** `db0:keys=3,expires=1,avg_ttl=…`, a line a database. */
function countsIn(info: string): { keys: number; expiring: number } {
  const lines = [...info.matchAll(/^db\d+:keys=(\d+),expires=(\d+)/gm)];
  const sum = (at: number): number => lines.reduce((total, line) => total + Number(line[at]), 0);
  return { keys: sum(1), expiring: sum(2) };
}

/** Answers one line a key: its name, its type, the sum of what it holds, its time left. Nothing is written. */
const LOOK = `#!lua flags=no-writes
local most, largest = tonumber(ARGV[1]), tonumber(ARGV[2])
local function hex(text) return (text:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
local function plain(text) return (text:gsub('..', function(c) return string.char(tonumber(c, 16)) end)) end
local function sorted(list) table.sort(list) return table.concat(list, '\\0') end
local function pairsOf(list)
  local all = {}
  for at = 1, #list, 2 do all[#all + 1] = list[at] .. '\\1' .. list[at + 1] end
  return sorted(all)
end
local function held(key, kind)
  if kind == 'string' then return redis.call('GET', key) end
  if kind == 'hash' then return pairsOf(redis.call('HGETALL', key)) end
  if kind == 'set' then return sorted(redis.call('SMEMBERS', key)) end
  if kind == 'list' then return table.concat(redis.call('LRANGE', key, 0, -1), '\\0') end
  if kind == 'zset' then return table.concat(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'), '\\0') end
  return ''
end
local keys = {}
for at = 3, #ARGV do keys[#keys + 1] = plain(ARGV[at]) end
if #keys == 0 then
  local cursor, turns = '0', 0
  repeat
    local page = redis.call('SCAN', cursor, 'COUNT', 200)
    cursor, turns = page[1], turns + 1
    for _, key in ipairs(page[2]) do
      local small = (redis.call('MEMORY', 'USAGE', key) or 0) <= largest
      if small and #keys < most then keys[#keys + 1] = key end
    end
  until cursor == '0' or #keys >= most or turns >= 20
end
local lines = {}
for _, key in ipairs(keys) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' then
    local sum = redis.sha1hex(held(key, kind))
    lines[#lines + 1] = hex(key) .. ' ' .. kind .. ' ' .. sum .. ' ' .. redis.call('PTTL', key)
  end
end
return table.concat(lines, '\\n')
`;

/** The client says what went wrong in its output, and ends well all the same. */
async function ask(
  engine: Engine,
  container: string,
  words: readonly string[],
  timeoutMs = ASKED_WITHIN_MS,
): Promise<string> {
  const { code, stdout, stderr } = await cli(engine, container, words, timeoutMs);
  const said = `${stderr}\n${stdout}`.trim();
  if (code === 0 && !/^(\(error\)|ERR |NOAUTH|MISCONF|WRONGPASS|LOADING|BUSY)/m.test(said)) return stdout;
  throw new OnsteadError('redis.refused', `Redis refused a command: ${said.split('\n')[0] ?? ''}`, {
    next: 'Look at it with `onstead logs redis`.',
  });
}

/** The password stands in a file in the container, and no process list shows it. */
function cli(engine: Engine, container: string, words: readonly string[], timeoutMs = ASKED_WITHIN_MS) {
  const program = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" exec redis-cli -h 127.0.0.1 "$@"';
  return engine.containers.exec(container, {
    cmd: ['sh', '-c', program, 'redis-cli', ...words],
    timeoutMs,
  });
}
