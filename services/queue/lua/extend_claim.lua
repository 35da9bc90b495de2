-- Lets a user's claim live on, if it names this event: never makes one, so that a poll cannot undo a leave. It never shortens
-- one either: a hold may have extended it to the end of a long place.
-- KEYS: the claim. ARGV: event, life in ms. → 1 if it names the event
local claim = redis.call('GET', KEYS[1])
if not claim or string.sub(claim, 1, #ARGV[1]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2], 'GT')
return 1
