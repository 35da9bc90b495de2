-- Gives a lock back without an object: the load failed or found nothing.
-- KEYS[1] the object. ARGV: token of the lock.
if redis.call('HGET', KEYS[1], 'lock') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'lock', 'lockedUntil')
end
return 0
