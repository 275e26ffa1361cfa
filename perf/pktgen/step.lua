-- One trial for perf/pktgen/zero_loss: offers packets as the environment says and prints one line
-- RESULT {...} with what the port took.
--   SPANFLOW_PORT, SPANFLOW_SIZE ("64".."1518", "imix"), SPANFLOW_FLOWS, SPANFLOW_RATE (percent of
--   the link), SPANFLOW_COUNT (packets), SPANFLOW_SECONDS (how long these should take)
local folder = debug.getinfo(1, "S").source:match("^@?(.*/)") or "./";
package.path = package.path .. ";?.lua";
local traffic = dofile(folder .. "traffic.lua");

local function variable(name, otherwise)
    return os.getenv("SPANFLOW_" .. name) or otherwise;
end

traffic.run(function()
    local port = variable("PORT", "0");
    local size = variable("SIZE", "64");
    local flows = math.tointeger(tonumber(variable("FLOWS", "1000")));
    local count = math.tointeger(tonumber(variable("COUNT", "1000000")));
    traffic.set(port, size, flows);
    local sent, octets, refused, seconds = traffic.offer(port,
        tonumber(variable("RATE", "100")), count, tonumber(variable("SECONDS", "10")));
    printf('\nRESULT {"sent":%d,"octets":%d,"refused":%d,"seconds":%.2f}\n', sent, octets,
        refused, seconds);
end);
