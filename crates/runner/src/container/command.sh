# Runs one command of a user in a container of its own, and leaves in result/ what it printed, how it ended and what
# it made. Above this line the values are set, each in single quotes: the command's words as $1 and so on, its variables
# (exported), limit (seconds), output (a folder of the checkout, or nothing), reports (a folder, or nothing) and vendor
# (names of libraries) and cache (folders of the checkout). Needs sh, tar and the core utilities, of GNU or of busybox. What is written here is believed to
# be the command's own word.
set -u
here=$PWD
mkdir -p result tree home tmp
tar -xof source.tar -C tree || exit 1
for name in $vendor; do
    mkdir -p "vendor/$name" && tar -xof "vendor-$name.tar" -C "vendor/$name" || exit 1
    rm -f "vendor-$name.tar"
    export VENDOR="$here/vendor"
done
if [ -f cache.tar ]; then
    mkdir cache && tar -xof cache.tar -C cache
    for path in $cache; do
        if [ -d "cache/$path" ] && [ ! -e "tree/$path" ]; then mkdir -p "$(dirname "tree/$path")" && mv "cache/$path" "tree/$path"; fi
    done
    rm -rf cache cache.tar
fi
rm -f source.tar command.sh
# Not for the command; it finds them in /proc all the same: docs/security.md says what they are good for.
for name in $(env | sed -n -e 's/^\(AWS_[A-Za-z0-9_]*\)=.*/\1/p' -e 's/^\(CODEBUILD_[A-Za-z0-9_]*\)=.*/\1/p' -e 's/^\(ECS_[A-Za-z0-9_]*\)=.*/\1/p'); do
    unset "$name"
done
export HOME="$here/home" TMPDIR="$here/tmp" LANG=C.UTF-8 TERM=dumb CI=true
if [ -n "$reports" ]; then
    mkdir "$reports"
    export REPORT_DIR="$here/$reports"
fi

# Hundredths of a second since the machine began.
moment() {
    read -r up _ </proc/uptime
    printf '%s' "${up%.*}${up#*.}"
}

mkfifo printed
# Read by this handle afterwards: the command may put something else in the log's place.
: >log
exec 3<log
tee -a log <printed 3<&- &
printer=$!
began=$(moment)
(cd tree && exec timeout -k 5 "$limit" "$@") >printed 2>&1 </dev/null 3<&-
status=$?
took=$(($(moment) - began))
# What outlives the command may hold the pipe open; the container ends it in a moment.
(sleep 5 && kill "$printer") 2>/dev/null &
waker=$!
wait "$printer" 2>/dev/null
kill "$waker" 2>/dev/null

ended=exited
if [ "$status" = 124 ] || [ "$status" = 137 ]; then
    if [ "$took" -ge $((limit * 100)) ]; then ended=timed-out; fi
fi
log=/proc/$$/fd/3
bytes=$(wc -c <"$log")
if [ "$bytes" -gt 20971520 ]; then
    head -c 10485760 "$log" >result/log
    printf '\n[cutover: %s bytes are left out here; a log holds the first and the last 10 MiB]\n' $((bytes - 20971520)) >>result/log
    tail -c 10485760 "$log" >>result/log
else
    cat "$log" >result/log
fi

made=none
pack() {
    links=
    if tar --version 2>/dev/null | grep -q GNU; then links=--hard-dereference; fi
    if tar -cf "$here/result/output.tar" $links -C "$1" -- "$2"; then made=packed; else made=broken; fi
}
if [ -n "$output" ] && [ "$status" = 0 ] && [ -d "tree/$output" ]; then pack tree "$output/."; fi
if [ -n "$reports" ] && { [ -e "$reports" ] || [ -L "$reports" ]; }; then pack . "$reports"; fi
if [ -n "$output" ] && [ "$status" = 0 ]; then
    set --
    for path in $cache; do
        if [ -d "tree/$path" ]; then set -- "$@" "$path"; fi
    done
    [ $# = 0 ] || tar -cf result/cache.tar -C tree -- "$@" || rm -f result/cache.tar
fi
printf 'ended %s\nstatus %s\nhundredths %s\nmade %s\n' "$ended" "$status" "$took" "$made" >result/outcome
exit 0
