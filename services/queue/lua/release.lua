-- The buyer of a confirmed reservation is done: ends the place of exactly that grant, so that a late message cannot end a
-- newer session. ARGV: user, grant id.
-- → the token of the ended grant, or an empty text
local user, id = ARGV[1], ARGV[2]
-- Seats were sold whoever bought them: what admission knew of the unsold ones is out of date (see admit.lua).
if redis.call('HINCRBY', CONTROL, 'sales', 1) == 1 then
  -- It may come after all else has ended, and no tick will set another time. A line that is alive is ticked within a day.
  redis.call('EXPIRE', CONTROL, CLOSED_SECONDS, 'NX')
end
local grant = read_grant(user)
if not grant or grant.id ~= id then
  return ''
end
drop_grant(user)
return grant.token
