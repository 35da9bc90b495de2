-- Lets an active place last at least until a time; never shortens it, never revives an ended one.
-- ARGV: user, time in ms. → {token, expiry in ms, milliseconds until then}, or nothing
local user, until_millis = ARGV[1], tonumber(ARGV[2])
local grant = read_grant(user)
local millis = math.floor(now() / 1000)
if not grant or grant.state ~= 'A' or grant.expires <= millis then
  return false
end
if until_millis > grant.expires then
  grant.expires = until_millis
  write_grant(user, grant)
end
return { grant.token, grant.expires, grant.expires - millis }
