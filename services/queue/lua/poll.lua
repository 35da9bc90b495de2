-- Where the user stands. ARGV: user, session in ms.
-- → as `stand`, or {ABSENT, reason, now}
local t = now()
return stand(ARGV[1], t, tonumber(ARGV[2])) or { 'ABSENT', reason_for(ARGV[1], t), t }
