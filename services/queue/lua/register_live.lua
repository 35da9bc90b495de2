-- Notes that an event has a line, at this time. KEYS: the registry. ARGV: event.
return redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[1])
