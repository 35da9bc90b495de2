-- Puts a user back who was here before Redis lost its memory, by what a ticket of then proves. A score already there wins, but
-- for the place at the end that was given to who asked without the ticket first.
-- ARGV: user, session in ms, score, score of that place (0: none), then for an active place: grant id, token, expiry in ms,
-- places at most (-1: nobody has been admitted since).
-- → as `stand`, or {ABSENT, reason, now}
local user, session_millis, score = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local t = now()
local at_the_end = tonumber(ARGV[4])
local active, max_active = nil, tonumber(ARGV[8] or '')
if ARGV[5] then
  active = { id = ARGV[5], token = ARGV[6], score = score, state = 'A', expires = tonumber(ARGV[7]), seen = seconds(t) }
end
local is_good = not active or active.expires > math.floor(t / 1000)

-- Counted in as the holder of seats before the ticket came: it is the same place, and the ticket knows its token.
local counted = active and read_grant(user)
if counted and counted.id == active.id then
  counted.token, counted.score = active.token, score
  counted.expires = math.max(counted.expires, active.expires)
  write_grant(user, counted)
end
-- The last second is lost, and in it the admission: whose place this is was in already.
local unadmitted = active and max_active == -1 and is_good
  and tonumber(redis.call('ZSCORE', LINE, user) or 0) == score
if unadmitted then
  redis.call('ZREM', LINE, user)
  write_grant(user, active)
end
-- The heartbeat of the other place stays until a sweep finds it.
if is_good and score < at_the_end and tonumber(redis.call('ZSCORE', LINE, user) or 0) == at_the_end
  and reason_for(user, t) == '' then
  redis.call('ZREM', LINE, user)
end
local standing = stand(user, t, session_millis)
if standing then
  return standing
end
local reason = reason_for(user, t)
if reason ~= '' then
  return { 'ABSENT', reason, t }
end
if not is_good then
  return { 'ABSENT', 'EXPIRED', t }
end

-- Whoever comes from now on goes behind, also if Redis' clock is another one than before.
if score > tonumber(redis.call('HGET', CONTROL, 'last') or 0) then
  redis.call('HSET', CONTROL, 'last', score)
end
if active and (max_active or -1) >= 0 and redis.call('ZCARD', ACTIVE) >= max_active then
  -- Others were admitted meanwhile and no place is free: who was in stands where he stood, which is in front.
  active = nil
end
if active then
  write_grant(user, active)
else
  redis.call('ZADD', LINE, score, user)
end
return stand(user, t, session_millis)
