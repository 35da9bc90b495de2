-- Notes that the holds are whole, unless Redis was emptied since the rebuild began: then the note of its beginning is gone.
--
-- KEYS[1]  the note
-- ARGV[1]  what the beginning noted
-- ARGV[2]  what to note now
--
-- Returns 1 if it was noted.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
