-- Keeps a loaded object, if the loader's lock is still there: an invalidation deletes the key and the lock with it, so what
-- was read before it is never kept after it.
-- KEYS[1] the object. ARGV: token of the lock, tag, made, value, ms until it is loaded early, ms until it is over. → 1 or 0
if redis.call('HGET', KEYS[1], 'lock') ~= ARGV[1] then
  return 0
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSET', KEYS[1], 'tag', ARGV[2], 'made', ARGV[3], 'value', ARGV[4],
  'refreshAt', now + ARGV[5], 'endsAt', now + ARGV[6])
redis.call('HDEL', KEYS[1], 'lock', 'lockedUntil')
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return 1
