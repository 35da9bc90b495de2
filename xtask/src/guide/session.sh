# What is put in front of the guide's examples. They all run in this one shell, so variables flow from one to the next.
set -euo pipefail

# As readers know it, but the reply is kept for the comparison, and whoever is asked for patience has it.
curl() {
    local status attempt
    for attempt in 1 2 3; do
        : >"$GUIDE_REPLIES/body"
        command curl --silent --show-error --max-time 60 --dump-header "$GUIDE_REPLIES/head" \
            --output "$GUIDE_REPLIES/body" "$@" || { status=$?; cat "$GUIDE_REPLIES/body"; return "$status"; }
        status=$(sed -n 's/^HTTP\/[0-9.]* \([0-9]*\).*/\1/p' "$GUIDE_REPLIES/head" | tail -n 1)
        if [ "$status" != 429 ] || [ "$attempt" = 3 ]; then break; fi
        sleep "$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]*\).*/\1/p' "$GUIDE_REPLIES/head" | tail -n 1)"
    done
    cat "$GUIDE_REPLIES/body"
}

# An example begins, named by its line.
guide_example() {
    GUIDE_EXAMPLE=$1
    echo "$1" >"$GUIDE_REPLIES/now"
    rm -f "$GUIDE_REPLIES/head" "$GUIDE_REPLIES/body"
}

# It ended well; its last reply is kept under its line.
guide_example_ended() {
    if [ -f "$GUIDE_REPLIES/head" ]; then
        mv "$GUIDE_REPLIES/head" "$GUIDE_REPLIES/$GUIDE_EXAMPLE.head"
        mv "$GUIDE_REPLIES/body" "$GUIDE_REPLIES/$GUIDE_EXAMPLE.body"
    fi
    echo "$GUIDE_EXAMPLE" >>"$GUIDE_REPLIES/ended"
}
