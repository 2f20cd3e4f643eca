-- One request after another with the cookies of a file, and the outcome as JSON on the last line.
local cookies, method, place = {}, "GET", 0

function init(arguments)
    method = arguments[1]
    if arguments[2] then
        for line in io.lines(arguments[2]) do table.insert(cookies, line) end
    end
end

function request()
    place = place + 1
    local headers = {}
    if #cookies > 0 then headers["Cookie"] = cookies[place % #cookies + 1] end
    return wrk.format(method, nil, headers)
end

function done(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format(
        '{"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d}\n',
        summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)
    ))
end
