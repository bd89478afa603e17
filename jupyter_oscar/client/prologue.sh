# >>> jupyter-oscar: keeps the outputs of each call apart; acts only on calls submitted through it
case "${JUPYTER_OSCAR_TRACKED:-}|${JOB_UUID:-}|${STORAGE_OBJECT_KEY:-}" in
"|"?*"|.oscar/in/"*)
  JUPYTER_OSCAR_TRACKED=1; export JUPYTER_OSCAR_TRACKED
  # A server before 4.1 names jobs itself; then the call's id is the folder its input lies in.
  _jo_id=${STORAGE_OBJECT_KEY#.oscar/in/}; _jo_id=${_jo_id%%/*}
  case "$JOB_UUID" in "${_jo_id%?}"?) _jo_id=$JOB_UUID ;; esac
  _jo_out="$TMP_OUTPUT_DIR/$_jo_id"; _jo_tmp="${TMPDIR:-/tmp}/jupyter-oscar-$JOB_UUID"; _jo_code=125
  mkdir -p "$_jo_out" "$_jo_tmp" || exit 125
  TMP_OUTPUT_DIR="$_jo_out"; export TMP_OUTPUT_DIR
  # Seconds since 1970, with a fraction where this date(1) knows one.
  _jo_now() { _jo_at=$(date +%s.%N); case "$_jo_at" in *[!0-9.]*) _jo_at=${_jo_at%%.*} ;; esac; }
  _jo_now; _jo_began=$_jo_at
  # The script runs again below us; tee passes its words on as they come and keeps them for the last lines.
  { { /bin/sh "$0" "$@"; echo $? >"$_jo_tmp/exit"; } 2>&1 | tee "$_jo_tmp/log"; }
  read -r _jo_code <"$_jo_tmp/exit"
  # Words for the inside of a JSON string: backslash, quote and tab escaped; what joins lines is up to the caller.
  _jo_words='s/\\/\\\\/g; s/"/\\"/g; s/	/\\t/g'
  # Every program that is started here costs a call a millisecond, so what says nothing starts none.
  _jo_lines=
  [ ! -s "$_jo_tmp/log" ] || _jo_lines=$(tail -c 4000 "$_jo_tmp/log" | LC_ALL=C sed -e "$_jo_words" -e '$!s/$/\\n/' | tr -d '\000-\037')
  [ -d "$_jo_out" ] || mkdir -p "$_jo_out"
  # wc says "<size> <file>" for each, and a total that is dropped.
  _jo_list=$(cd "$_jo_out" && find . -type f ! -path ./.done -exec wc -c {} + | LC_ALL=C sed -n -e "$_jo_words" \
    -e 's/^ *\([0-9][0-9]*\) \.\/\(.*\)$/, {"size": \1, "name": "\2"}/p')
  _jo_now
  printf '{"exit": %d, "began": %s, "ended": %s, "lines": "%s", "outputs": [%s]}\n' \
    "$_jo_code" "$_jo_began" "$_jo_at" "$_jo_lines" "${_jo_list#, }" >"$_jo_out/.done"
  # What lies in $_jo_tmp goes with the container.
  exit "$_jo_code"
  ;;
esac
# <<< jupyter-oscar
