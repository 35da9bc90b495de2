-- Moves a user's claim from one event to another, if it still names the first. KEYS: the claim. ARGV: from, to, life in ms.
-- → 1 if moved, 0 if it names another by now
local current = redis.call('GET', KEYS[1])
if current and current ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
