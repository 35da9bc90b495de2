-- Puts a user back who was here before Redis lost its memory, by what a ticket of then proves. A score already there wins.
-- ARGV: user, session in ms, score, then for an active place: grant id, token, expiry in ms.
-- → as `stand`, or {ABSENT, reason, now}
local user, session_millis, score = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local t = now()
-- Counted in as the holder of seats before the ticket came: it is the same place, and the ticket knows its token.
local counted = ARGV[4] and read_grant(user)
if counted and counted.id == ARGV[4] then
  counted.token, counted.score = ARGV[5], score
  counted.expires = math.max(counted.expires, tonumber(ARGV[6]))
  write_grant(user, counted)
end
local standing = stand(user, t, session_millis)
if standing then
  return standing
end
local reason = reason_for(user, t)
if reason ~= '' then
  return { 'ABSENT', reason, t }
end
if ARGV[4] then
  local expires = tonumber(ARGV[6])
  if expires <= math.floor(t / 1000) then
    return { 'ABSENT', 'EXPIRED', t }
  end
  write_grant(user, { id = ARGV[4], token = ARGV[5], score = score, state = 'A', expires = expires, seen = seconds(t) })
else
  redis.call('ZADD', LINE, score, user)
end
return stand(user, t, session_millis)
