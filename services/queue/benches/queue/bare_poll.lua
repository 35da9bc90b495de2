-- The peer's way to ask: what `lua/poll.lua` does, for one user. ARGV: user, session in ms.
local t = now()
return stand(ARGV[1], t, tonumber(ARGV[2])) or { 'ABSENT', reason_for(ARGV[1], t), t }
