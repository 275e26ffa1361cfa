-- What the scripts beside this file have in common: traffic for one port of Pktgen-DPDK. Sizes count
-- the frame check sequence, as RFC 2544 and Pktgen do. Loaded with dofile(); returns a table.
require "Pktgen";

local traffic = {
    sizes = { "64", "128", "256", "512", "1024", "1280", "1518", "imix" },
};

local function address(base, number)
    return string.format("%d.%d.%d.%d", base, number // 65536 % 256, number // 256 % 256,
        number % 256);
end

-- Range mode: a new source address with every packet, FLOWS of them in turn.
local function set_range(port, size, flows)
    local fields = {
        dst_ip = { "198.18.0.1", "0.0.0.0" },
        src_port = { 1024, 0 },
        dst_port = { 4433, 0 },
        pkt_size = { size, 0 },
    };
    for field, it in pairs(fields) do
        pktgen.range[field](port, "start", it[1]);
        pktgen.range[field](port, "min", it[1]);
        pktgen.range[field](port, "max", it[1]);
        pktgen.range[field](port, "inc", it[2]);
    end
    pktgen.range.ip_proto(port, "udp");
    pktgen.range.src_ip(port, "start", address(10, 0));
    pktgen.range.src_ip(port, "min", address(10, 0));
    pktgen.range.src_ip(port, "max", address(10, flows - 1));
    pktgen.range.src_ip(port, "inc", flows > 1 and "0.0.0.1" or "0.0.0.0");
    pktgen.set_range(port, "on");
end

-- Packets of SIZE (a number as text) from FLOWS source addresses; "imix" plays the capture that
-- Pktgen was started with (-s PORT:FILE, see imix_capture).
function traffic.set(port, size, flows)
    if size == "imix" then
        pktgen.set_range(port, "off");
        pktgen.pcap(port, "on");
    else
        pktgen.pcap(port, "off");
        set_range(port, tonumber(size), flows);
    end
end

-- Seconds of the system's uptime.
local function now()
    local file = io.open("/proc/uptime");
    local text = file:read("n");
    file:close();
    return text;
end

-- Offers COUNT packets (0: for SECONDS) at RATE percent of the link and waits until they are out.
-- Returns packets and octets that the port took, packets that it refused, and the seconds.
-- Pktgen offers a packet until the port takes it: a port that is too slow shows as more seconds.
function traffic.offer(port, rate, count, seconds)
    local number = tonumber(port);
    pktgen.clr();
    pktgen.set(port, "rate", rate);
    pktgen.set(port, "count", count);
    pktgen.delay(1200); -- the counters are read once a second
    local before = pktgen.portStats(port, "port")[number];
    local start = now();
    pktgen.start(port);
    if count == 0 then
        pktgen.delay(math.floor(seconds * 1000));
        pktgen.stop(port);
    else
        while pktgen.isSending(port)[number] == "y" and now() < start + seconds * 4 + 60 do
            pktgen.delay(1);
        end
        pktgen.stop(port);
    end
    local took = now() - start;
    pktgen.delay(2500);
    local after = pktgen.portStats(port, "port")[number];
    return after.opackets - before.opackets, after.obytes - before.obytes,
        after.oerrors - before.oerrors, took;
end

-- Runs ACTION and ends Pktgen, also if something in it fails.
function traffic.run(action)
    pktgen.screen("off");
    local good, reason = pcall(action);
    if not good then
        printf("\nFAILED %s\n", reason);
    end
    io.flush();
    pktgen.quit();
end

return traffic;
