-- Takes an event off the registry, unless somebody came within the last seconds. KEYS: the registry. ARGV: event, seconds.
local noted = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not noted or noted + ARGV[2] > tonumber(redis.call('TIME')[1]) then
  return 0
end
return redis.call('ZREM', KEYS[1], ARGV[1])
