import { createHash } from 'node:crypto'

/** A script that Redis runs as one step. */
export interface Script {
  readonly lua: string
  readonly sha: string
}

/** Answers of the claim script, one per key. */
export const ANSWER = { fresh: 0, held: 1, done: 2, ours: 3 } as const

const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') })

// All scripts begin with ARGV: the owner; for how many ms it counts as alive; the time in ms (0 = the server's, so that there
// is one clock for all); 1 where the caller has been in touch for long enough to call others dead.
// Owners are gateways. What a gateway that is not alive had claimed is anybody's.
const PREAMBLE = `
local claims, done, order, owners = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local me, alive = ARGV[1], tonumber(ARGV[2])
local now, judges = tonumber(ARGV[3]), ARGV[4] == '1'
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
redis.call('HSET', owners, me, now + alive)
local function keep(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end
keep(owners, alive + 3600000)
local lives = {}
local function living(owner)
  if owner == me then return true end
  if lives[owner] == nil then
    local till = redis.call('HGET', owners, owner)
    -- 0: it said that it leaves.
    lives[owner] = till ~= '0' and (not judges or tonumber(till or 0) > now)
  end
  return lives[owner]
end
`

/** Further ARGV: lease in ms, digests. One answer per digest. */
export const CLAIM = script(`${PREAMBLE}
local lease = tonumber(ARGV[5])
local answers = {}
for i = 6, #ARGV do
  local digest = ARGV[i]
  local known = redis.call('HGET', done, digest)
  local answer = ${ANSWER.fresh}
  if known and tonumber(string.match(known, '^(%d+)')) > now then
    answer = ${ANSWER.done}
  else
    local claim = redis.call('HGET', claims, digest)
    if claim then
      local till, owner = string.match(claim, '^(%d+) (.+)$')
      if tonumber(till) > now then
        if owner == me then answer = ${ANSWER.ours} elseif living(owner) then answer = ${ANSWER.held} end
      end
    end
  end
  if answer == ${ANSWER.fresh} then redis.call('HSET', claims, digest, string.format('%.0f %s', now + lease, me)) end
  answers[i - 5] = answer
end
keep(claims, lease + 3600000)
return answers
`)

/**
 * Further ARGV: ms to remember, most keys, digests. `done` says until when and in which turn a digest was
 * confirmed; `order` lists the turns, the oldest first. Of what is over, and of what is too many, it takes away twice what
 * it adds and no more, so that no call takes long.
 */
export const CONFIRM = script(`${PREAMBLE}
local window, most = tonumber(ARGV[5]), tonumber(ARGV[6])
local turn = redis.call('HINCRBY', owners, 'turn', #ARGV)
for i = 7, #ARGV do
  local digest = ARGV[i]
  redis.call('HDEL', claims, digest)
  local mark = string.format('%.0f %d', math.ceil(now + window), turn + i)
  redis.call('HSET', done, digest, mark)
  redis.call('RPUSH', order, mark .. ' ' .. digest)
end
local budget = 2 * #ARGV + 16
while budget > 0 do
  budget = budget - 1
  local oldest = redis.call('LINDEX', order, 0)
  if not oldest then break end
  local mark, till, digest = string.match(oldest, '^((%d+) %d+) (.+)$')
  if redis.call('HGET', done, digest) ~= mark then
    redis.call('LPOP', order)
  elseif tonumber(till) <= now or redis.call('HLEN', done) > most then
    redis.call('LPOP', order)
    redis.call('HDEL', done, digest)
  else
    break
  end
end
keep(done, window + 3600000)
keep(order, window + 3600000)
return #ARGV
`)

/** Further ARGV: digests. What another living gateway has claimed meanwhile stays its own. */
export const FORGET = script(`${PREAMBLE}
for i = 5, #ARGV do
  local claim = redis.call('HGET', claims, ARGV[i])
  local owner = claim and string.match(claim, '^%d+ (.+)$')
  if owner and (owner == me or not living(owner)) then redis.call('HDEL', claims, ARGV[i]) end
end
return #ARGV
`)

/** Says that the owner is alive, and nothing else. */
export const TOUCH = script(`${PREAMBLE}
return 0
`)

/** Takes away claims and gateways that are over; answers how many claims. */
export const SWEEP = script(`${PREAMBLE}
local swept = 0
local all = redis.call('HGETALL', claims)
for i = 1, #all, 2 do
  local till, owner = string.match(all[i + 1], '^(%d+) (.+)$')
  if tonumber(till) <= now or not living(owner) then
    redis.call('HDEL', claims, all[i])
    swept = swept + 1
  end
end
local everyone = redis.call('HGETALL', owners)
for i = 1, #everyone, 2 do
  if everyone[i] ~= 'turn' and tonumber(everyone[i + 1]) <= now then redis.call('HDEL', owners, everyone[i]) end
end
return swept
`)

/** The owner leaves: what it still claims is anybody's. */
export const LEAVE = script(`
return redis.call('HSET', KEYS[4], ARGV[1], 0)
`)
