#!/bin/sh
# Runs the test files whose name contains $1, or all of them. One line a test, then the counts; fails if one failed.
set -u
cd "$(dirname "$0")/.." || exit 1

passed=0
failed=0

# check NAME WANTED GOT
check() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $1"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $1"
        printf '%s\n' "$2" | sed 's/^/  wanted: /'
        printf '%s\n' "$3" | sed 's/^/  got:    /'
    fi
}

# tally TEXT ARGUMENTS...: what the program prints for a text, and its exit code if it is not 0.
tally() {
    text=$1
    shift
    printf '%s' "$text" | sh ./tally "$@" 2>/dev/null || echo "exit $?"
}

for file in tests/*"${1-}"*.test; do
    [ -f "$file" ] || continue
    . "./$file"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
