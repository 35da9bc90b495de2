-- Joins the line, or finds the places or grants already had.
-- ARGV: capacity, sale start and end in microseconds, session in ms, then users, in the order of their arrival.
-- → for each as `stand`, or {NOT_OPEN | CLOSED | FULL, now}
local capacity, opens, closes, session_millis = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local users = { unpack(ARGV, 5) }
local t = now()

local replies = stand_all(users, t, session_millis)
local waiting = redis.call('ZCARD', LINE)
local control = redis.call('HMGET', CONTROL, 'last', 'closed', 'measured')
local last = tonumber(control[1] or 0)

local entered, places, scores, members = {}, {}, {}, {}
for i = 1, #users do
  local user = users[i]
  -- Twice in one call: the second time the place is already had.
  replies[i] = replies[i] or places[user]
  if replies[i] then
    -- Found.
  elseif t < opens then
    replies[i] = { 'NOT_OPEN', t }
  elseif t >= closes then
    replies[i] = { 'CLOSED', t }
  elseif waiting >= capacity then
    replies[i] = { 'FULL', t }
  else
    -- Strictly increasing, also within one microsecond and when Redis' clock is set back: equal scores would be ordered by
    -- user id, lower ones would overtake.
    last = math.max(t, last + 1)
    waiting = waiting + 1
    replies[i] = { 'WAITING', last, waiting, waiting, control[3] or '', t }
    places[user] = replies[i]
    entered[#entered + 1] = user
    scores[#scores + 1] = last
    members[#members + 1] = int(last)
    members[#members + 1] = user
  end
end

if #entered > 0 then
  redis.call('HSET', CONTROL, 'last', last)
  if control[2] then
    redis.call('HDEL', CONTROL, 'closed')
    redis.call('PERSIST', CONTROL)
  end
  redis.call('ZADD', LINE, unpack(members))
  redis.call('ZREM', GONE, unpack(entered))
  beat_all(scores, seconds(t))
end
return replies
