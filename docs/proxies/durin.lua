-- Asks Durin whether a request may pass. One that may goes on with who asks in its
-- headers; one that may not gets Durin's answer, whole. txn.durin_pass is set for
-- a request that may pass, and only then: the configuration refuses what is left.

local identity = { "x-durin-user-id", "x-durin-user", "x-durin-client", "x-durin-session", "x-durin-expiry" }

-- What Durin looks at of a caller's headers.
local passed = {
	"authorization", "cookie", "origin", "sec-fetch-site", "sec-fetch-mode", "sec-websocket-key", "upgrade",
	"accept", "x-requested-with", "user-agent", "access-control-request-method",
}

-- What a caller gets of Durin's answer.
local told = {
	"content-type", "www-authenticate", "set-cookie", "location", "retry-after", "ratelimit", "cache-control",
}

local function copy(from, to, names)
	for _, name in ipairs(names) do
		if from[name] then
			local values = {}
			for i = 0, #from[name] do
				values[#values + 1] = from[name][i]
			end
			to[name] = values
		end
	end
end

core.register_action("durin_verify", { "http-req" }, function(txn, url)
	local given = txn.http:req_get_headers()
	local headers = {
		["x-forwarded-for"] = { txn.f:src() },
		["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" },
		["x-forwarded-method"] = { txn.f:method() },
		["x-forwarded-uri"] = { txn.f:pathq() }, -- url is absolute in HTTP/2
	}
	if given["host"] then
		headers["x-forwarded-host"] = { given["host"][0] }
	end
	copy(given, headers, passed)

	local answer = core.httpclient():get({
		url = url .. (txn:get_var("txn.durin_rules") or ""), headers = headers, timeout = 5000,
	})
	if not answer or not answer.status or answer.status == 0 or answer.status >= 500 then
		return -- HAProxy itself tells 503 of a Durin that does not answer
	end
	if answer.status ~= 200 then
		local reply = txn:reply({ status = answer.status, body = answer.body or "" })
		local out = {}
		copy(answer.headers or {}, out, told)
		for name, values in pairs(out) do
			for _, value in ipairs(values) do
				reply:add_header(name, value)
			end
		end
		txn:done(reply)
	end
	for _, name in ipairs(identity) do -- all of them: for an anonymous caller they are empty
		local value = answer.headers and answer.headers[name]
		txn.http:req_set_header(name, value and value[0] or "")
	end
	txn:set_var("txn.durin_pass", true)
end, 1)

-- Takes the cookies of Durin out of what the application gets.
core.register_action("durin_cookies", { "http-req" }, function(txn)
	local lines = txn.http:req_get_headers()["cookie"]
	if not lines then
		return
	end
	local kept = {}
	for i = 0, #lines do
		for pair in lines[i]:gmatch("[^;]+") do
			pair = pair:match("^%s*(.-)%s*$")
			if pair:sub(1, 12) ~= "__Host-durin" and pair ~= "" then
				kept[#kept + 1] = pair
			end
		end
	end
	txn.http:req_del_header("cookie")
	if #kept > 0 then
		txn.http:req_add_header("cookie", table.concat(kept, "; "))
	end
end)
