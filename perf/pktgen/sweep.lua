-- By hand: sends every frame size for ten seconds at full rate, one after the other, and prints what
-- the port took, for two ports back to back with spanflowd on the other one. Change what follows.
local port, rate, flows, seconds = "0", 100, 10000, 10;

local folder = debug.getinfo(1, "S").source:match("^@?(.*/)") or "./";
package.path = package.path .. ";?.lua";
local traffic = dofile(folder .. "traffic.lua");

traffic.run(function()
    for _, size in ipairs(traffic.sizes) do
        traffic.set(port, size, flows);
        local sent, octets, refused, took = traffic.offer(port, rate, 0, seconds);
        printf("%5s: sent %d packets, %d octets, refused %d, %.3f million packets/s\n", size, sent,
            octets, refused, sent / took / 1e6);
        io.flush();
    end
end);
