-- Ends a user's claim and remembers for a while which event it named, so that a leave cut off half-way can be repeated and
-- a poll without event still learns the reason. KEYS: the claim, the event last left. ARGV: life of that in ms.
-- → the event to leave, or nothing
local event = redis.call('GET', KEYS[1])
if not event then
  return redis.call('GET', KEYS[2])
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], event, 'PX', ARGV[1])
return event
