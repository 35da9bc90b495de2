-- What administrators see.
-- → {waiting, active, admitted, expired, left, evicted, measured or '', score of the first in line or 0, now}
local counts = redis.call('HMGET', CONTROL, 'admitted', 'expired', 'left', 'evicted', 'measured')
local first = redis.call('ZRANGE', LINE, 0, 0, 'WITHSCORES')
return {
  redis.call('ZCARD', LINE), redis.call('ZCARD', ACTIVE),
  tonumber(counts[1] or 0), tonumber(counts[2] or 0), tonumber(counts[3] or 0), tonumber(counts[4] or 0),
  counts[5] or '', tonumber(first[2] or 0), now(),
}
