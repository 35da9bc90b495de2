-- After Redis lost its memory: gives a place to a user who holds seats, because whoever does was inside. One who came back
-- by a ticket is there already; one who went to the end of the line is taken out of it; one who has left since is gone.
-- ARGV: user, grant id, token, expiry in ms.
-- → 1 if the user has a place now
local user, grant_id, token, expires = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local t = now()
if read_grant(user) then
  return 1
end
if reason_for(user, t) ~= '' or expires <= math.floor(t / 1000) then
  return 0
end
redis.call('ZREM', LINE, user)
write_grant(user, { id = grant_id, token = token, score = t, state = 'A', expires = expires, seen = seconds(t) })
return 1
