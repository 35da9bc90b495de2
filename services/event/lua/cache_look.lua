-- What is kept under a key, and whether the caller shall load it anew. Everything about an object is in one hash:
--   tag, made, value      what it was made for, the name of this making, the object
--   refreshAt, endsAt     from when on somebody loads it early, and when it is over (ms)
--   lock, lockedUntil     who loads it, and until when nobody else begins (ms)
-- KEYS[1] the object. ARGV: tag that the object must have, `made` that the caller holds, owner whose lock is no obstacle
-- ('' for none: a process that is still loading), token for a lock of the caller's, ms that the lock lasts.
-- → word, ms until the object is over, made, value ('' if the caller holds it)
--   SHOW the object as it is · LOAD the lock is the caller's (the object comes along while it holds) · WAIT another loads it
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'tag', 'made', 'refreshAt', 'endsAt', 'lock', 'lockedUntil')
local tag, made, refresh_at, ends_at, lock, locked_until = unpack(held)

local there = made and tag == ARGV[1] and now < tonumber(ends_at)
local function object(word)
  if not there then
    return {word, 0, '', ''}
  end
  local value = ''
  if made ~= ARGV[2] then
    value = redis.call('HGET', KEYS[1], 'value')
  end
  return {word, tonumber(ends_at) - now, made, value}
end

if there and now < tonumber(refresh_at) then
  return object('SHOW')
end
local others = lock and now < tonumber(locked_until)
if others and ARGV[3] ~= '' and string.sub(lock, 1, #ARGV[3]) == ARGV[3] then
  others = false
end
if others then
  return object(there and 'SHOW' or 'WAIT')
end
local lasts = tonumber(ARGV[5])
redis.call('HSET', KEYS[1], 'lock', ARGV[4], 'lockedUntil', now + lasts)
-- A loader that dies leaves nothing behind, and one that takes long still finds its lock.
if redis.call('PTTL', KEYS[1]) < lasts then
  redis.call('PEXPIRE', KEYS[1], lasts)
end
return object('LOAD')
