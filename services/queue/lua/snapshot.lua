-- The line at a glance, for everybody who watches it: scores at growing distances, dense at the front.
-- ARGV: how many places at the front are told one by one, how many marks are told of the rest at most.
-- → {waiting, measured or '', now, rank, score, rank, score, …} with ranks from 0, rising
local front, marks = tonumber(ARGV[1]), tonumber(ARGV[2])
local waiting = redis.call('ZCARD', LINE)
local reply = { waiting, redis.call('HGET', CONTROL, 'measured') or '', now() }
local function mark(rank, score)
  reply[#reply + 1] = rank
  reply[#reply + 1] = tonumber(score)
end

local first = redis.call('ZRANGE', LINE, 0, front - 1, 'WITHSCORES')
for i = 2, #first, 2 do
  mark(i / 2 - 1, first[i])
end
if waiting > front then
  local step = math.ceil((waiting - front) / marks)
  for rank = front + step - 1, waiting - 2, step do
    mark(rank, redis.call('ZRANGE', LINE, rank, rank, 'WITHSCORES')[2])
  end
  mark(waiting - 1, redis.call('ZRANGE', LINE, -1, -1, 'WITHSCORES')[2])
end
return reply
