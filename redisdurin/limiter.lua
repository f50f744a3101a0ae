-- Asks for one request under several windows: all count it, or none does.
-- KEYS: for each window its list of runs, the newest first, and their sum.
-- ARGV: for each window N, the period and the width of a run, in microseconds;
-- a width of 0 keeps each request by itself. A run is "instant:count", the
-- instant that of its last request.
-- Returns 1 or 0, then for each window: requests left, microseconds to wait,
-- microseconds until the oldest leaves, and whether more are in it than allowed.
local time = redis.call('TIME')
local server = time[1] * 1000000 + time[2]
local windows, pass = {}, true

local function run(entry)
	local at, count = string.match(entry, '^(%d+):(%d+)$')
	return tonumber(at), tonumber(count)
end

for i = 1, #KEYS / 2 do
	local w = {
		list = KEYS[2 * i - 1], sum = KEYS[2 * i],
		n = tonumber(ARGV[3 * i - 2]), period = tonumber(ARGV[3 * i - 1]), width = tonumber(ARGV[3 * i]),
		now = server, wait = 0,
	}
	w.newest = redis.call('LINDEX', w.list, 0)
	if w.newest then
		-- a server whose clock is behind takes the place of another
		w.now = math.max(server, (run(w.newest)))
	end
	w.count = tonumber(redis.call('GET', w.sum) or '0')
	local oldest = redis.call('LINDEX', w.list, -1)
	while oldest do
		local at, count = run(oldest)
		if at > w.now - w.period then
			w.oldest = at
			break
		end
		redis.call('RPOP', w.list)
		w.count = w.count - count
		oldest = redis.call('LINDEX', w.list, -1)
	end
	if not oldest then
		w.count, w.newest = 0, nil
	end
	if w.count >= w.n then
		pass = false
		local left, index = w.count, -1
		while left >= w.n and left > 0 do
			local at, count = run(redis.call('LINDEX', w.list, index))
			left, index, w.wait = left - count, index - 1, at + w.period - w.now
		end
		if w.n < 1 then
			w.wait = w.period
		end
	end
	windows[i] = w
end

local answer = { pass and 1 or 0 }
for _, w in ipairs(windows) do
	if pass then
		local entry = string.format('%.0f:1', w.now)
		local at, count
		if w.newest then
			at, count = run(w.newest)
		end
		if at and w.width > 0 and math.floor(at / w.width) == math.floor(w.now / w.width) then
			redis.call('LSET', w.list, 0, string.format('%.0f:%d', w.now, count + 1))
			if redis.call('LLEN', w.list) == 1 then
				w.oldest = w.now
			end
		else
			redis.call('LPUSH', w.list, entry)
			w.oldest = w.oldest or w.now
		end
		w.count = w.count + 1
	end
	if w.count > 0 then
		local ms = math.ceil(w.period / 1000) + 1
		redis.call('SET', w.sum, w.count, 'PX', ms)
		redis.call('PEXPIRE', w.list, ms)
	end
	table.insert(answer, math.max(0, w.n - w.count))
	table.insert(answer, w.wait)
	table.insert(answer, w.oldest and w.oldest + w.period - w.now or 0)
	table.insert(answer, w.count > w.n and 1 or 0)
end
return answer
