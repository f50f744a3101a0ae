-- Asks Durin whether a request may pass, and copies who asks into its headers.
-- txn.durin_status is "200" for one that may; it is never set otherwise when
-- Durin does not answer, and the configuration then refuses.

local identity = { "x-durin-user-id", "x-durin-user", "x-durin-client", "x-durin-session", "x-durin-expiry" }

-- What Durin looks at of a caller's headers.
local passed = {
	"authorization", "cookie", "origin", "sec-fetch-site", "sec-fetch-mode", "sec-websocket-key", "upgrade",
	"accept", "user-agent", "access-control-request-method",
}

core.register_action("durin_verify", { "http-req" }, function(txn, url)
	local given = txn.http:req_get_headers()
	local headers = {
		["x-forwarded-for"] = { txn.f:src() },
		["x-forwarded-proto"] = { "http" },
		["x-forwarded-method"] = { txn.f:method() },
		["x-forwarded-uri"] = { txn.f:url() },
	}
	if given["host"] then
		headers["x-forwarded-host"] = { given["host"][0] }
	end
	for _, name in ipairs(passed) do
		if given[name] then
			local values = {}
			for i = 0, #given[name] do
				values[#values + 1] = given[name][i]
			end
			headers[name] = values
		end
	end

	local answer = core.httpclient():get({
		url = url .. (txn:get_var("txn.durin_rules") or ""), headers = headers, timeout = 5000,
	})
	if not answer or not answer.status then
		return
	end
	if answer.status == 200 then
		for _, name in ipairs(identity) do
			local value = answer.headers and answer.headers[name]
			if value and value[0] ~= "" then
				txn.http:req_set_header(name, value[0])
			end
		end
	end
	txn:set_var("txn.durin_body", answer.body or "")
	local retry = answer.headers and answer.headers["retry-after"]
	txn:set_var("txn.durin_retry", retry and retry[0] or "2")
	txn:set_var("txn.durin_status", tostring(answer.status))
end, 1)
