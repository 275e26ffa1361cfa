# Debian 12 packages that spanflow needs, and how to get the missing ones. Sourced by
# tools/quickstart and tools/check; each list is named once, here.
# shellcheck shell=bash disable=SC2034  # the lists are used by the scripts that source this

# To build and run the probe.
build_packages=(gcc libc6-dev meson ninja-build pkg-config libdpdk-dev libpcap-dev
    libyang2-dev libjansson-dev libjemalloc-dev libzstd-dev libcmocka-dev libssl-dev
    libhyperscan-dev librdkafka-dev libxdp-dev libbpf-dev clang bpftool
    libnetconf2-dev libssh-dev libcrypt-dev libyuma-base libidn2-dev)
# To watch it on live packets.
demonstration_packages=(iproute2 procps nfdump tcpreplay)
# To run every test.
check_packages=(clang-tidy clang-format libclang-rt-14-dev shellcheck python3
    kcat tshark libfixbuf-tools pmacct python3-ipfix openssl zstd man-db groff-base mandoc systemd
    util-linux mount ethtool python3-ncclient openssh-client libyang2-tools)

# To run tests/qemu; the kernel of the emulated machine is only unpacked, never installed.
qemu_packages=(qemu-system-x86 busybox-static cpio iproute2 procps)
qemu_kernel=linux-image-cloud-amd64

# Prints those of the named packages that are not installed.
missing_packages() {
    comm -23 <(printf '%s\n' "$@" | sort -u) \
        <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
            sed -n 's/^installed //p' | sort -u)
}

# Installs what is missing of the named packages; touches neither the network nor apt if nothing
# is. $1 takes apt's output. Returns 1 after one line that says why.
install_packages() {
    local log=$1 missing
    shift
    command -v dpkg-query >/dev/null || {
        echo "this script installs packages of Debian 12; on another system install by hand: $*" >&2
        return 1
    }
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "only root can install the packages that are missing: ${missing[*]}" >&2
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1 </dev/null; then
        echo "apt-get could not install ${missing[*]}; its last words (all in $log):" >&2
        tail -n 3 "$log" >&2
        return 1
    fi
}

# Unpacks Debian's kernel for emulated machines into the folder $1, once: the image and the modules
# of vfio. Returns 1 after one line that says why not.
unpack_kernel() {
    local folder=$1 package
    ls "$folder"/boot/vmlinuz-* >/dev/null 2>&1 && return 0
    [ "$(id -u)" != 0 ] || apt-get update >/dev/null 2>&1
    package=$(apt-cache depends --important $qemu_kernel 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
    if [ -z "$package" ]; then
        echo "apt knows no package $qemu_kernel: no kernel for an emulated machine" >&2
        return 1
    fi
    if ! (
        set -o pipefail
        mkdir -p "$folder" && cd "$folder" && rm -f linux-image-*.deb &&
            apt-get download "$package" >/dev/null 2>&1 &&
            dpkg --fsys-tarfile linux-image-*.deb |
            tar x --wildcards './boot/vmlinuz-*' '*/drivers/vfio/*' '*/irqbypass.ko' &&
            rm linux-image-*.deb
    ); then
        echo "the package $package could not be downloaded and unpacked in $folder" >&2
        return 1
    fi
}
