-- Counts attempts to log in, by the rules of package loginlimit. All keys are in
-- one slot.
-- KEYS: the locks in force, by their ends; then what is known of each side of
-- the attempt.
-- ARGV: "ask", "wrong", "right" or "aborted"; the window, the first lock, the
-- longest lock and the lease of an attempt whose end is never told, all in
-- milliseconds; then for each side the failures that lock it, what a right
-- password takes back by ("" for nothing), and what is shown of a lock.
-- A side is {f: failures as {instant, other}, p: leases of attempts that run,
-- l: locks, one after the other, u: end of the latest, t: last use, n: shown}.
-- Asked, it returns 1 for admitted, 0 for refused, 2 for later.
local op = ARGV[1]
local window, lock, maxLock, lease = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- those of a list that keep holds for, in their order
local function filter(list, keep)
	local kept = {}
	for _, v in ipairs(list) do
		if keep(v) then
			table.insert(kept, v)
		end
	end
	return kept
end

local sides = {}
for i = 2, #KEYS do
	local text = redis.call('GET', KEYS[i])
	local s = text and cjson.decode(text) or { f = {}, p = {}, l = 0, u = 0, t = 0, n = '' }
	s.key, s.limit, s.other, s.label = KEYS[i], tonumber(ARGV[3 * i]), ARGV[3 * i + 1], ARGV[3 * i + 2]
	-- a server whose clock is behind takes the place of another
	now = math.max(now, s.t)
	table.insert(sides, s)
end

for _, s in ipairs(sides) do
	s.p = filter(s.p, function(till) return till > now end)
	if s.l == 0 then
		s.f = filter(s.f, function(f) return now - f[1] < window end)
	elseif now - math.max(s.t, s.u) >= window then
		s.l, s.f, s.n = 0, {}, ''
	end
end

local function save(s)
	s.t = now
	if s.l == 0 and #s.f == 0 and #s.p == 0 then
		redis.call('DEL', s.key)
		return
	end
	local value = cjson.encode({ f = s.f, p = s.p, l = s.l, u = s.u, t = s.t, n = s.n })
	redis.call('SET', s.key, value, 'PX', math.max(math.max(now, s.u) + window - now, lease))
end

if op == 'ask' then
	local verdict = 1
	for _, s in ipairs(sides) do
		if now < s.u then
			return 0
		elseif not (s.l > 0 and #s.p == 0 or s.l == 0 and #s.f + #s.p < s.limit) then
			if #s.p == 0 then
				return 0
			end
			verdict = 2
		end
	end
	if verdict == 1 then
		for _, s in ipairs(sides) do
			table.insert(s.p, now + lease)
			save(s)
		end
	end
	return verdict
end

local function fail(s)
	if #s.f == s.limit then
		table.remove(s.f, 1)
	end
	table.insert(s.f, { now, s.other })
	if s.l == 0 and #s.f < s.limit then
		return
	end
	s.u = now + math.min(lock * 2 ^ math.min(s.l, 40), maxLock)
	s.l, s.n = s.l + 1, s.label
	redis.call('ZADD', KEYS[1], s.u, s.key)
	redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
	if redis.call('PTTL', KEYS[1]) < s.u - now then
		redis.call('PEXPIRE', KEYS[1], s.u - now)
	end
end

for _, s in ipairs(sides) do
	table.remove(s.p, 1)
	if op == 'wrong' then
		fail(s)
	elseif op == 'right' and s.other ~= '' then
		s.f = filter(s.f, function(f) return f[2] ~= s.other end)
		if #s.f < s.limit then
			if s.l > 0 then
				redis.call('ZREM', KEYS[1], s.key)
			end
			s.l, s.u, s.n = 0, 0, ''
		end
	end
	save(s)
end
return 1
