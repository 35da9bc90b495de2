-- Gives up place and grant. ARGV: user.
-- → {1 if something was given up, the token of the grant given up or an empty text}
local user = ARGV[1]
local t = now()
local score = redis.call('ZSCORE', LINE, user)
local grant = read_grant(user)
if score then
  redis.call('ZREM', LINE, user)
  forget({ tonumber(score) })
end
drop_grant(user)
if not score and not grant then
  return { 0, '' }
end
gone(user, 'LEFT', t)
redis.call('HINCRBY', CONTROL, 'left', 1)
return { 1, grant and grant.token or '' }
