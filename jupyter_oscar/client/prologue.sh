# >>> jupyter-oscar: keeps the outputs of each call apart; acts only on calls submitted through it
case "${JUPYTER_OSCAR_TRACKED:-}|${JOB_UUID:-}|${STORAGE_OBJECT_KEY:-}" in
"|"?*"|.oscar/in/"*)
  JUPYTER_OSCAR_TRACKED=1; export JUPYTER_OSCAR_TRACKED
  _jo_out="$TMP_OUTPUT_DIR/$JOB_UUID"; _jo_tmp=$(mktemp -d) || exit 125
  mkdir -p "$_jo_out" && TMP_OUTPUT_DIR="$_jo_out" && export TMP_OUTPUT_DIR || exit 125
  _jo_began=$(date +%s)
  # The script runs again below us; tee passes its words on as they come and keeps them for the last lines.
  { { /bin/sh "$0" "$@"; echo $? >"$_jo_tmp/exit"; } 2>&1 | tee "$_jo_tmp/log"; }
  _jo_code=$(cat "$_jo_tmp/exit"); : "${_jo_code:=125}"
  # Text to the inside of a JSON string: no control characters, backslash and quote escaped, lines joined by \n.
  _jo_json() { tr -d '\000-\010\013-\037' | LC_ALL=C sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' -e '$!s/$/\\n/' | tr -d '\n'; }
  _jo_outputs() {
    cd "$_jo_out" || return
    find . -type f ! -path ./.done | while IFS= read -r _jo_file; do
      [ -f "$_jo_file" ] || continue
      printf '%s{"name": "%s", "size": %d}' "${_jo_comma:-}" "$(printf '%s' "${_jo_file#./}" | _jo_json)" "$(wc -c <"$_jo_file")"
      _jo_comma=', '
    done
  }
  mkdir -p "$_jo_out"
  {
    printf '{"exit": %d, "began": %d, "ended": %d, ' "$_jo_code" "$_jo_began" "$(date +%s)"
    printf '"lines": "%s", ' "$(tail -n 20 "$_jo_tmp/log" | tail -c 4000 | _jo_json)"
    printf '"outputs": [%s]}\n' "$(_jo_outputs)"
  } >"$_jo_tmp/done"
  mv "$_jo_tmp/done" "$_jo_out/.done"
  rm -rf "$_jo_tmp"
  exit "$_jo_code"
  ;;
esac
# <<< jupyter-oscar
