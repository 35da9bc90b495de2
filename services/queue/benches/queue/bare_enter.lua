-- The peer's way into the line: what `lua/enter.lua` does, for one user and nothing else.
-- ARGV: user, capacity, sale start and end in microseconds, session in ms.
local user, capacity = ARGV[1], tonumber(ARGV[2])
local opens, closes, session_millis = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local t = now()
local standing = stand(user, t, session_millis)
if standing then
  return standing
end
if t < opens then
  return { 'NOT_OPEN', t }
end
if t >= closes then
  return { 'CLOSED', t }
end
local waiting = redis.call('ZCARD', LINE)
if waiting >= capacity then
  return { 'FULL', t }
end
local control = redis.call('HMGET', CONTROL, 'last', 'closed', 'measured')
local score = math.max(t, tonumber(control[1] or 0) + 1)
redis.call('HSET', CONTROL, 'last', score)
if control[2] then
  redis.call('HDEL', CONTROL, 'closed')
  redis.call('PERSIST', CONTROL)
end
redis.call('ZADD', LINE, score, user)
redis.call('ZREM', GONE, user)
touch(score, seconds(t))
redis.call('HINCRBY', CONTROL, 'beats', 1)
return { 'WAITING', score, waiting + 1, waiting + 1, control[3] or '', t }
