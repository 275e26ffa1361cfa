#!/bin/sh
# Puts the sample configuration in place where there is none yet; an edited one is never touched.
# Called by `meson install` with the sample and the folder below the installation's root.
set -eu
sample=$1
folder=${DESTDIR:-}$2
mkdir -p "$folder"
if [ ! -e "$folder/spanflow.json" ]; then
    cp "$sample" "$folder/spanflow.json"
    chmod 644 "$folder/spanflow.json"
fi
