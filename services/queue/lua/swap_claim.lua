-- Changes a user's claim if it still is what was read. KEYS: the claim. ARGV: what was read, what it shall be (empty: nothing),
-- life in ms. → 1 if changed
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
