-- Whether a reservation token is good: only while an active grant of that user names it. ARGV: user, token.
-- → {grant id, expiry in ms}, or nothing
local grant = read_grant(ARGV[1])
if not grant or grant.state ~= 'A' or grant.token ~= ARGV[2] or grant.expires <= math.floor(now() / 1000) then
  return false
end
return { grant.id, grant.expires }
