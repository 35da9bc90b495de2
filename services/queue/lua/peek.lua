-- Whether the user has a place or a grant here, without counting as a heartbeat. ARGV: user. → 1 or 0
if redis.call('ZSCORE', LINE, ARGV[1]) then
  return 1
end
local grant = read_grant(ARGV[1])
if grant and (grant.state == 'C' or grant.expires > math.floor(now() / 1000)) then
  return 1
end
return 0
