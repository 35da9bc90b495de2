-- The event takes no more buyers: everybody waiting or admitted goes. → tokens of the ended grants
local t = now()
local tokens = {}
if redis.call('ZCARD', LINE) + redis.call('ZCARD', ACTIVE) == 0 then
  -- Nobody to tell: a second closing must not make the first one look recent.
  return tokens
end
for _, text in ipairs(redis.call('HVALS', GRANTS)) do
  tokens[#tokens + 1] = string.match(text, '^[^|]+|([^|]+)|')
end
redis.call('UNLINK', LINE, BEATS, GRANTS, ACTIVE, RETURNED, PACE)
redis.call('HSET', CONTROL, 'closed', seconds(t))
redis.call('HDEL', CONTROL, 'tokens', 'ticked', 'busy', 'measured')
-- The counters serve the statistics for another day.
redis.call('EXPIRE', CONTROL, 86400)
return tokens
