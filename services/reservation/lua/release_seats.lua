-- Frees those of the seats that the reservation holds: compare and delete, so that a late release never ends the hold of
-- who came after.
--
-- KEYS[1]    index of the concert's holds
-- KEYS[2..]  one hold per seat
-- ARGV[1]    reservation id
-- ARGV[2..]  the seat ids, in the order of KEYS[2..]
--
-- Returns how many seats were freed.
local suffix = ':' .. ARGV[1]
local freed = 0
for i = 2, #KEYS do
    local holder = redis.call('GET', KEYS[i])
    if holder and string.sub(holder, -#suffix) == suffix then
        redis.call('DEL', KEYS[i])
        redis.call('ZREM', KEYS[1], ARGV[i])
        freed = freed + 1
    end
end
return freed
