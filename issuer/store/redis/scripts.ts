import { createHash } from 'node:crypto'

/**
 * What has to happen as one, as scripts that Redis runs whole. Time is Redis' own, and what the issuer says of it is how
 * long: the two clocks need not agree. Beside the records there is an index for each type and one for each tenant of a
 * type, sorted by end: it counts those that are there still, and each write takes up to 16 ended ones out of it. Each answer
 * begins with the hash it was asked with: an answer to another question is seen to be one.
 */
export interface Script {
  readonly text: string
  readonly sha1: string
}

const script = (text: string): Script => ({ text, sha1: createHash('sha1').update(text).digest('hex') })

/**
 * Writes a record. KEYS: record, index of the tenant, index of the type. ARGV: text, hash, ms until it goes, most of a
 * tenant, most of the type, and `claim` where one that is there must stay. Of a type that replicas follow two more KEYS: the
 * records in the order in which they were put, and their count, which goes on above the time of day after Redis lost it.
 */
export const writeRecord = script(`
local isThere = redis.call('EXISTS', KEYS[1]) == 1
if isThere and ARGV[6] == 'claim' then return ARGV[2] .. ' held' end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lasts = tonumber(ARGV[3])
local most = { [2] = tonumber(ARGV[4]), [3] = tonumber(ARGV[5]) }
if not isThere then
  if redis.call('ZCOUNT', KEYS[2], now, '+inf') >= most[2] then return ARGV[2] .. ' tenant_full' end
  if redis.call('ZCOUNT', KEYS[3], now, '+inf') >= most[3] then return ARGV[2] .. ' store_full' end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', lasts)
for i = 2, 3 do
  local ended = redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', now - 1, 'LIMIT', 0, 16)
  if #ended > 0 then redis.call('ZREM', KEYS[i], unpack(ended)) end
  if #ended > 0 and i == 3 and KEYS[4] then redis.call('ZREM', KEYS[4], unpack(ended)) end
  redis.call('ZADD', KEYS[i], now + lasts, ARGV[2])
  if redis.call('PTTL', KEYS[i]) < lasts then redis.call('PEXPIRE', KEYS[i], lasts) end
end
if KEYS[4] then
  local count = string.format('%.0f', math.max(tonumber(redis.call('GET', KEYS[5]) or '0') + 1, now))
  redis.call('SET', KEYS[5], count)
  redis.call('ZADD', KEYS[4], count, ARGV[2])
  if redis.call('PTTL', KEYS[4]) < lasts then redis.call('PEXPIRE', KEYS[4], lasts) end
end
return ARGV[2] .. ' written'
`)

/**
 * Removes a record and gives back its text, or the hash and `none`: one that has ended stays, so that nobody claims its id yet.
 * KEYS as above. ARGV: hash, ms since epoch as the issuer has it.
 */
export const takeRecord = script(`
local text = redis.call('GET', KEYS[1])
if not text then return ARGV[1] .. ' none' end
local endsAt = tonumber(string.match(text, '^%x+ (%d+)'))
if endsAt * 1000 <= tonumber(ARGV[2]) then return ARGV[1] .. ' none' end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return text
`)
