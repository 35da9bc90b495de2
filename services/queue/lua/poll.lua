-- Where users stand. ARGV: session in ms, then users.
-- → for each as `stand`, or {ABSENT, reason, now}
local session_millis = tonumber(ARGV[1])
local users = { unpack(ARGV, 2) }
local t = now()
local standings = stand_all(users, t, session_millis)
for i = 1, #users do
  standings[i] = standings[i] or { 'ABSENT', reason_for(users[i], t), t }
end
return standings
