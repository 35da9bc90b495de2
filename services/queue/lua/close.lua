-- The event takes no more buyers: everybody waiting or admitted goes. → tokens of the ended grants
local tokens = {}
for _, text in ipairs(redis.call('HVALS', GRANTS)) do
  tokens[#tokens + 1] = string.match(text, '^[^|]+|([^|]+)|')
end
if redis.call('ZCARD', LINE) + redis.call('ZCARD', ACTIVE) > 0 then
  -- Otherwise there is nobody to tell, and a second closing must not make the first one look recent.
  redis.call('HSET', CONTROL, 'closed', seconds(now()))
end
redis.call('UNLINK', LINE, BEATS, GRANTS, ACTIVE, RETURNED, PACE)
redis.call('HDEL', CONTROL, 'tokens', 'ticked', 'busy', 'measured')
redis.call('EXPIRE', CONTROL, CLOSED_SECONDS)
return tokens
